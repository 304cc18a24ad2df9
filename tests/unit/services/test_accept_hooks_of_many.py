"""One request with many items: what is kept of it in part, and that nothing is kept twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.fakes import InMemoryEventStore, InMemoryQuarantine
from tests.unit.services.hook_endpoints import APP_ID, IDLE, ONE, TWO, Hooks
from tests.vendors import square_body
from tillgate.domain.errors import SignatureRefusedError, StoreUnavailableError
from tillgate.domain.quarantine import Quarantined, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tillgate.domain.event import Accepted, NewEvent
    from tillgate.domain.tenant import TenantId

from tests.unit.services.queued_hooks import ManyAtOnce, counts, taken

FORGED = {"x-square-hmacsha256-signature": "forged"}


class PartlyDownEventStore(InMemoryEventStore):
    """Fails for some tenants only."""

    def __init__(self) -> None:
        super().__init__()
        self.down_for: set[str] = set()

    def accept(
        self, tenant_id: TenantId, events: Sequence[NewEvent], *, received_at: datetime
    ) -> list[Accepted]:
        if tenant_id in self.down_for:
            raise StoreUnavailableError("down for this one")
        return super().accept(tenant_id, events, received_at=received_at)


@pytest.fixture
def partly() -> PartlyDownEventStore:
    return PartlyDownEventStore()


@pytest.fixture
def many(partly: PartlyDownEventStore) -> Hooks:
    hooks = Hooks(events=partly, providers={"many": ManyAtOnce()})
    hooks._add("many", APP_ID, None, ["s"])
    hooks.add_app_sources(M1=ONE, M2=TWO, M3=IDLE)
    return hooks


def send_many(hooks: Hooks, *items: tuple[str, str, int]) -> tuple[int, int, int, int]:
    body = json.dumps(items).encode()
    tally = hooks.accept("many", body, {"signature": "s"}, endpoint_id=APP_ID)
    return tally.accepted, tally.duplicates, tally.queued, tally.quarantined


MIXED = (("M1", "a", 1), ("M2", "b", 1), ("M2", "c", 1), ("M3", "d", 1), ("M9", "e", 1))


def test_a_failure_for_one_tenant_queues_the_hook_once_and_its_items_by_number(
    many: Hooks, partly: PartlyDownEventStore
) -> None:
    partly.down_for = {TWO.tenant_id}

    assert send_many(many, *MIXED) == (1, 0, 2, 2)

    queued = taken(many)
    assert not many.queue.messages
    partly.down_for = set()
    assert counts(many, queued) == (2, 1, 2)
    assert counts(many, queued) == (0, 3, 2)
    assert {key for _, key in many.stored()} == {"many:a", "many:b", "many:c"}
    assert sorted(item.reason for item in many.quarantine.items) == [
        Reason.MERCHANT_UNKNOWN,
        Reason.TENANT_SUSPENDED,
    ]


def test_a_hook_of_which_nothing_is_kept_again_stays_on_the_queue(
    many: Hooks, partly: PartlyDownEventStore
) -> None:
    partly.down_for = {TWO.tenant_id}
    send_many(many, *MIXED)
    queued = taken(many)

    with pytest.raises(StoreUnavailableError):
        many.worker().accept(queued)
    assert (ONE.tenant_id, "many:a") in many.stored()


def test_an_unknown_merchant_that_cannot_be_set_aside_is_queued_beside_its_neighbour(
    many: Hooks, partly: PartlyDownEventStore
) -> None:
    assert send_many(many, ("M1", "a", 1)) == (1, 0, 0, 0)
    partly.down_for = {ONE.tenant_id, TWO.tenant_id}
    many.quarantine.is_down = True

    assert send_many(many, ("M1", "a", 1), ("M9", "b", 1)) == (0, 0, 2, 0)
    assert len(many.queue.messages) == 1


def test_a_conflict_kept_at_once_is_not_kept_again_when_its_neighbour_comes(
    many: Hooks, partly: PartlyDownEventStore
) -> None:
    send_many(many, ("M1", "a", 1))
    partly.down_for = {TWO.tenant_id}
    assert send_many(many, ("M1", "a", 2), ("M2", "b", 1)) == (0, 0, 1, 1)
    queued = taken(many)
    partly.down_for = set()

    assert counts(many, queued) == (1, 0, 1)
    assert many.set_aside().reason is Reason.KEY_CONFLICT


class LateQuarantine(InMemoryQuarantine):
    """Keeps what it is given, and its answer is lost while ``is_late``."""

    is_late = False

    def put(self, item: Quarantined) -> bool:
        kept = super().put(item)
        if self.is_late:
            raise StoreUnavailableError("kept, and not told")
        return kept


def test_a_conflict_kept_without_an_answer_is_kept_once() -> None:
    quarantine = LateQuarantine()
    hooks = Hooks(quarantine=quarantine)
    hooks.add_source("square")
    hooks.accept_square(square_body("sq-1"))
    quarantine.is_late = True
    assert hooks.accept_square(square_body("sq-1", more=1)).queued == 1
    quarantine.is_late = False

    assert counts(hooks, taken(hooks)) == (0, 0, 1)
    assert len(quarantine.items) == 1


def test_a_refusal_kept_without_an_answer_is_kept_once() -> None:
    quarantine = LateQuarantine()
    hooks = Hooks(quarantine=quarantine)
    hooks.add_source("square")
    quarantine.is_late = True
    with pytest.raises(SignatureRefusedError):
        hooks.accept("square", b"{}", FORGED)
    quarantine.is_late = False

    assert counts(hooks, taken(hooks)) == (0, 0, 1)
    assert len(quarantine.items) == 1
