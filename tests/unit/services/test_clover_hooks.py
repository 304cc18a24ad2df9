"""Clover's deliveries of many merchants at once, and its handshakes."""

from __future__ import annotations

import json

import pytest

from tests.unit.services.hook_endpoints import (
    APP_ID,
    IDLE,
    NOBODY_ID,
    ONE,
    SOURCE_ID,
    TWO,
    Hooks,
)
from tests.vendors import clover_body, clover_handshake, clover_headers, clover_update
from tillgate.domain.errors import SignatureRefusedError, StoreUnavailableError
from tillgate.domain.quarantine import Reason
from tillgate.domain.queued import QueuedHook
from tillgate.services.hook_items import Tally

CODE = "ce7643c1-83ea-4218-abe6-da876c9c7a0a"


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()


def send(hooks: Hooks, *, endpoint_id: str = APP_ID, **merchants: object) -> Tally:
    return hooks.accept(
        "clover",
        clover_body(app_id="APP1", **merchants),
        clover_headers(),
        endpoint_id=endpoint_id,
    )


def counts(tally: Tally) -> tuple[int, int, int, int]:
    return tally.accepted, tally.duplicates, tally.queued, tally.quarantined


def key(object_id: str, *, merchant_id: str) -> str:
    return f"clover:APP1:{merchant_id}:{object_id}:CREATE:1537970958000"


def reasons(hooks: Hooks) -> set[tuple[Reason, str | None]]:
    return {(item.reason, item.tenant_id) for item in hooks.quarantine.items}


def test_one_request_stores_each_tenant_s_events_and_sets_aside_the_unknown_merchant_s(
    hooks: Hooks,
) -> None:
    hooks.add_app("clover", M1=ONE, M2=TWO)
    first, second = clover_update("O:A"), clover_update("O:B")

    tally = send(hooks, M1=[first, second], M9=[first, second], M2=[first])

    assert counts(tally) == (3, 0, 0, 2)
    assert tally.tenant_ids == {ONE.tenant_id, TWO.tenant_id}
    assert hooks.stored() == {
        (ONE.tenant_id, key("O:A", merchant_id="M1")),
        (ONE.tenant_id, key("O:B", merchant_id="M1")),
        (TWO.tenant_id, key("O:A", merchant_id="M2")),
    }
    assert reasons(hooks) == {(Reason.MERCHANT_UNKNOWN, None)}
    assert tally.shares == {
        ONE.tenant_id: {"stored": 2},
        TWO.tenant_id: {"stored": 1},
    }
    assert tally.heard.keys() == {"source-M1", "source-M2"}


def test_a_tenant_s_event_holds_nothing_of_another_s(hooks: Hooks) -> None:
    hooks.add_app("clover", M1=ONE, M2=TWO)

    send(hooks, M1=[clover_update("O:A")], M2=[clover_update("O:B")])

    event, _ = hooks.events.events[TWO.tenant_id, key("O:B", merchant_id="M2")]
    assert json.loads(event.data) == json.loads(clover_body(M2=[clover_update("O:B")]))
    assert (event.type, event.entity_id, event.source_id) == ("order.create", "O:B", "source-M2")


def test_an_update_twice_in_one_delivery_is_stored_once(hooks: Hooks) -> None:
    hooks.add_app("clover", M1=ONE)

    assert counts(send(hooks, M1=[clover_update(), clover_update()])) == (1, 1, 0, 0)
    assert counts(send(hooks, M1=[clover_update()])) == (0, 1, 0, 0)


@pytest.mark.parametrize("broken", [None, {}, {"objectId": "O:1", "type": "CREATE", "ts": "soon"}])
def test_an_unreadable_update_keeps_no_neighbour_from_being_stored(
    hooks: Hooks, broken: object
) -> None:
    hooks.add_app("clover", M1=ONE, M2=TWO)

    tally = send(hooks, M1=[broken, clover_update("O:A"), broken], M2=[clover_update("O:B")])

    assert counts(tally) == (2, 0, 0, 2)
    assert {tenant for tenant, _ in hooks.stored()} == {ONE.tenant_id, TWO.tenant_id}
    assert reasons(hooks) == {(Reason.UNREADABLE, None)}
    assert len(hooks.quarantine.items) == 1, "the whole hook, once"


@pytest.mark.parametrize("object_id", ["O:é", "O:" + "x" * 300, "O:a b", "O:\ud800", "O:\0"])
def test_an_update_whose_key_is_unusable_is_set_aside_alone(hooks: Hooks, object_id: str) -> None:
    hooks.add_app("clover", M1=ONE)

    assert counts(send(hooks, M1=[clover_update(object_id), clover_update()])) == (1, 0, 0, 1)
    assert reasons(hooks) == {(Reason.UNREADABLE, None)}


def test_each_cause_is_set_aside_once_and_the_rest_is_stored(hooks: Hooks) -> None:
    hooks.add_app("clover", M1=ONE, M3=IDLE)
    update = clover_update()

    tally = send(hooks, M1=[update, None], M3=[update], M9=[update])

    assert counts(tally) == (1, 0, 0, 3)
    assert reasons(hooks) == {
        (Reason.UNREADABLE, None),
        (Reason.MERCHANT_UNKNOWN, None),
        (Reason.TENANT_SUSPENDED, IDLE.tenant_id),
    }


def test_on_a_source_s_own_url_another_merchant_s_update_is_set_aside(hooks: Hooks) -> None:
    hooks.add_source("clover", merchant_id="M1")

    tally = send(hooks, endpoint_id=SOURCE_ID, M1=[clover_update()], M2=[clover_update()])

    assert counts(tally) == (1, 0, 0, 1)
    assert reasons(hooks) == {(Reason.MERCHANT_MISMATCH, ONE.tenant_id)}


def test_without_the_database_the_readable_updates_are_stored_from_the_queue(hooks: Hooks) -> None:
    hooks.add_app("clover", M1=ONE, M2=TWO)
    hooks.events.is_down = hooks.quarantine.is_down = True

    tally = send(hooks, M1=[clover_update(), None], M2=[clover_update()])

    assert counts(tally) == (0, 0, 3, 0)
    hooks.bring_up()
    [message] = hooks.queue.messages
    assert isinstance(message, QueuedHook)
    assert counts(hooks.worker().accept(message)) == (2, 0, 0, 1)


def shake(hooks: Hooks, *, endpoint_id: str = SOURCE_ID, code: str = CODE) -> Tally:
    return hooks.accept("clover", clover_handshake(code), {}, endpoint_id=endpoint_id)


def test_the_newest_code_is_kept_while_the_endpoint_awaits_its_secret(hooks: Hooks) -> None:
    hooks.handshakes.awaiting = {("clover", SOURCE_ID)}

    tallies = [shake(hooks, code="first"), shake(hooks, endpoint_id=SOURCE_ID.upper())]

    assert hooks.handshakes.codes == {("clover", SOURCE_ID): CODE}
    assert tallies == [Tally(is_handshake=True)] * 2


@pytest.mark.parametrize("endpoint_id", [SOURCE_ID, NOBODY_ID, "", "..", "x" * 10_000, "é"])
def test_a_handshake_is_answered_alike_for_every_endpoint_and_for_none(
    hooks: Hooks, endpoint_id: str
) -> None:
    hooks.add_source("clover")

    assert shake(hooks, endpoint_id=endpoint_id) == Tally(is_handshake=True)
    assert hooks.handshakes.codes == {}
    assert (hooks.stored(), hooks.quarantine.items, hooks.queue.messages) == (set(), [], [])


def test_what_is_no_uuid_is_not_asked_for(hooks: Hooks) -> None:
    shake(hooks, endpoint_id="1; DROP TABLE tillgate.source")

    assert hooks.handshakes.asked == 0


def test_a_code_that_cannot_be_kept_is_not_acknowledged_and_not_queued(hooks: Hooks) -> None:
    hooks.handshakes.is_down = True

    with pytest.raises(StoreUnavailableError):
        shake(hooks)
    assert hooks.queue.messages == []


def test_another_vendor_s_unsigned_request_is_no_handshake(hooks: Hooks) -> None:
    hooks.add_source("square")

    with pytest.raises(SignatureRefusedError):
        hooks.accept("square", clover_handshake(), {})
    assert hooks.handshakes.asked == 0


def test_a_code_under_the_header_is_a_delivery_and_has_to_be_clover_s(hooks: Hooks) -> None:
    hooks.add_source("clover")
    hooks.handshakes.awaiting = {("clover", SOURCE_ID)}

    with pytest.raises(SignatureRefusedError):
        hooks.accept("clover", clover_handshake(), clover_headers(code="guessed"))
    tally = hooks.accept("clover", clover_handshake(), clover_headers())

    assert counts(tally) == (0, 0, 0, 1)
    assert hooks.handshakes.codes == {}


@pytest.mark.parametrize("headers", [{}, {"x-clover-auth": ""}, clover_headers(code="wrong")])
def test_updates_without_the_code_are_refused(hooks: Hooks, headers: dict[str, str]) -> None:
    hooks.add_source("clover")

    with pytest.raises(SignatureRefusedError):
        hooks.accept("clover", clover_body(), headers)
    assert hooks.set_aside().reason is Reason.SIGNATURE_REFUSED
