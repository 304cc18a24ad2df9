"""Adyen's deliveries of many merchant accounts at once: a tenant's fault is no other's."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.fakes import InMemoryEventStore
from tests.unit.services.hook_endpoints import APP_ID, IDLE, ONE, SOURCE_ID, TWO, Hooks
from tests.unit.services.queued_hooks import counts, taken
from tests.vendors import adyen_body, adyen_item, adyen_signed
from tillgate.domain.errors import SignatureRefusedError, StoreUnavailableError
from tillgate.domain.quarantine import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tillgate.domain.event import Accepted, NewEvent
    from tillgate.domain.tenant import TenantId
    from tillgate.services.hook_items import Tally

ACCEPTED = "[accepted]"


class HalfDown(InMemoryEventStore):
    """Gives no answer for the tenants in ``unreachable``."""

    def __init__(self) -> None:
        super().__init__()
        self.unreachable: set[TenantId] = set()
        self.asked: list[TenantId] = []

    def accept(
        self, tenant_id: TenantId, events: Sequence[NewEvent], *, received_at: datetime
    ) -> list[Accepted]:
        self.asked.append(tenant_id)
        if tenant_id in self.unreachable:
            raise StoreUnavailableError("gone half way")
        return super().accept(tenant_id, events, received_at=received_at)


@dataclass
class AdyenHooks(Hooks):
    """An app with the accounts M1 of ONE, M2 of TWO and M3 of IDLE."""

    events: HalfDown = field(default_factory=HalfDown)

    def __post_init__(self) -> None:
        self.add_app("adyen", M1=ONE, M2=TWO, M3=IDLE)

    def send(self, *items: object, endpoint_id: str = APP_ID) -> Tally:
        return self.accept("adyen", adyen_body(*items), {}, endpoint_id=endpoint_id)


@pytest.fixture
def hooks() -> AdyenHooks:
    return AdyenHooks()


def signed(psp: str, account: str) -> dict[str, object]:
    return adyen_signed(adyen_item(psp, account=account))


def counted(tally: Tally) -> tuple[int, int, int, int]:
    return tally.accepted, tally.duplicates, tally.queued, tally.quarantined


def key(psp: str) -> str:
    return f"adyen:{psp}:AUTHORISATION:true:2026-11-23T10:59:58+01:00"


MANY = (
    signed("A", "M1"),
    signed("B", "M2"),
    signed("C", "M1"),
    signed("D", "M3"),
    signed("E", "M9"),
)


def test_each_account_s_notifications_are_its_tenant_s(hooks: AdyenHooks) -> None:
    tally = hooks.send(*MANY)

    assert counted(tally) == (3, 0, 0, 2)
    assert hooks.stored() == {
        (ONE.tenant_id, key("A")),
        (ONE.tenant_id, key("C")),
        (TWO.tenant_id, key("B")),
    }
    assert {(item.reason, item.tenant_id) for item in hooks.quarantine.items} == {
        (Reason.TENANT_SUSPENDED, IDLE.tenant_id),
        (Reason.MERCHANT_UNKNOWN, None),
    }
    assert tally.acknowledgement == ACCEPTED


def test_one_accept_is_made_for_each_tenant(hooks: AdyenHooks) -> None:
    hooks.send(*MANY)

    assert hooks.events.asked == [ONE.tenant_id, TWO.tenant_id]


def test_a_tenant_s_event_holds_nothing_of_another_s(hooks: AdyenHooks) -> None:
    hooks.send(*MANY)

    event, _ = hooks.events.events[TWO.tenant_id, key("B")]
    assert json.loads(event.data) == signed("B", "M2")
    assert (event.type, event.entity_id, event.source_id) == ("AUTHORISATION", "B", "source-M2")


def test_a_resend_is_all_known_whatever_its_unsigned_fields_say(hooks: AdyenHooks) -> None:
    hooks.send(*MANY[:3])

    tally = hooks.send(*({**item, "reason": "another"} for item in MANY[:3]))

    assert counted(tally) == (0, 3, 0, 0)
    assert tally.acknowledgement == ACCEPTED
    assert hooks.quarantine.items == []


def test_another_amount_under_the_same_key_is_set_aside(hooks: AdyenHooks) -> None:
    hooks.send(signed("A", "M1"))
    other = adyen_item("A", amount={"value": 1, "currency": "EUR"})

    assert counted(hooks.send(adyen_signed(other))) == (0, 0, 0, 1)
    assert hooks.set_aside().reason is Reason.KEY_CONFLICT


@pytest.mark.parametrize("fails", [ONE, TWO])
def test_what_one_tenant_s_accept_fails_is_queued_and_stored_once_and_the_other_s_stands(
    hooks: AdyenHooks, fails: object
) -> None:
    hooks.events.unreachable = {ONE.tenant_id if fails is ONE else TWO.tenant_id}
    failed, stored = (2, 1) if fails is ONE else (1, 2)

    tally = hooks.send(*MANY)

    assert counted(tally) == (stored, 0, failed, 2)
    assert tally.acknowledgement == ACCEPTED
    hooks.events.unreachable = set()
    message = taken(hooks)
    # The worker sends the whole request the same way again, as often as the queue gives it.
    assert [counts(hooks, message) for _ in range(2)] == [(failed, stored, 2), (0, 3, 2)]
    assert len(hooks.stored()) == 3
    assert len(hooks.quarantine.items) == 2, "the whole hook once for each cause"


def test_with_the_database_gone_everything_is_queued_and_stored_later_once(
    hooks: AdyenHooks,
) -> None:
    hooks.take_down()
    hooks.registry.is_down = False

    tally = hooks.send(*MANY)

    assert (counted(tally), tally.acknowledgement) == ((0, 0, 5, 0), ACCEPTED)
    hooks.bring_up()
    assert counts(hooks, taken(hooks)) == (3, 0, 2)


@pytest.mark.parametrize("broken", [None, adyen_item("F"), {**MANY[0], "success": "false"}])
def test_one_notification_that_is_not_signed_refuses_the_whole_and_stores_nothing(
    hooks: AdyenHooks, broken: object
) -> None:
    with pytest.raises(SignatureRefusedError):
        hooks.send(*MANY, broken)

    assert hooks.stored() == set()
    assert hooks.set_aside().reason is Reason.SIGNATURE_REFUSED


@pytest.mark.parametrize("dated", [None, "", 7])
def test_a_signed_one_that_cannot_be_read_keeps_no_neighbour_from_being_stored(
    hooks: AdyenHooks, dated: object
) -> None:
    tally = hooks.send(*MANY[:2], {**MANY[2], "eventDate": dated})

    assert counted(tally) == (2, 0, 0, 1)
    assert hooks.set_aside().reason is Reason.UNREADABLE


def test_on_a_source_s_own_url_another_account_s_is_set_aside(hooks: AdyenHooks) -> None:
    hooks.add_source("adyen", merchant_id="M1")

    assert counted(hooks.send(*MANY[:3], endpoint_id=SOURCE_ID)) == (2, 0, 0, 1)
    assert hooks.set_aside().reason is Reason.MERCHANT_MISMATCH


def test_a_secret_that_was_set_as_no_key_refuses_and_fails_nothing(hooks: AdyenHooks) -> None:
    hooks.add_source("adyen", secrets=["no hex"])

    with pytest.raises(SignatureRefusedError):
        hooks.send(MANY[0], endpoint_id=SOURCE_ID)


def test_during_a_rotation_either_key_is_good(hooks: AdyenHooks) -> None:
    old, new = "AB" * 32, "CD" * 32
    hooks.add_source("adyen", secrets=[new, old])

    for psp, each in (("A", old), ("B", new)):
        item = adyen_signed(adyen_item(psp), key=each)
        assert counted(hooks.send(item, endpoint_id=SOURCE_ID)) == (1, 0, 0, 0)
