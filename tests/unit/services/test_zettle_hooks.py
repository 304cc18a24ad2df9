"""Zettle's test message, and what its unsigned fields can and cannot do."""

from __future__ import annotations

import pytest

from tests.unit.services.hook_endpoints import APP_ID, NOBODY_ID, ONE, SOURCE_ID, Hooks
from tests.vendors import zettle_body, zettle_headers, zettle_test
from tillgate.domain.errors import SignatureRefusedError
from tillgate.domain.quarantine import Reason
from tillgate.services.hook_items import Tally


@pytest.fixture
def hooks() -> Hooks:
    made = Hooks()
    made.add_source("zettle", merchant_id="org-1")
    return made


def send(hooks: Hooks, body: bytes, *, signed_as: bytes | None = None) -> Tally:
    return hooks.accept("zettle", body, zettle_headers(signed_as or body))


def counts(tally: Tally) -> tuple[int, int, int, int]:
    return tally.accepted, tally.duplicates, tally.queued, tally.quarantined


def test_a_replay_under_another_id_is_a_doubled_event_of_the_same_source(hooks: Hooks) -> None:
    genuine = zettle_body("ze-1")

    assert counts(send(hooks, genuine)) == (1, 0, 0, 0)
    assert counts(send(hooks, zettle_body("ze-2"), signed_as=genuine)) == (1, 0, 0, 0)
    assert hooks.stored() == {(ONE.tenant_id, "zettle:ze-1"), (ONE.tenant_id, "zettle:ze-2")}


@pytest.mark.parametrize(
    "changed",
    [
        zettle_body(eventName="PurchaseDeleted"),
        zettle_body(note="another"),
        zettle_body(messageUuid=""),
    ],
)
def test_a_replay_under_the_same_id_that_says_more_is_a_conflict(
    hooks: Hooks, changed: bytes
) -> None:
    send(hooks, zettle_body())

    assert counts(send(hooks, changed, signed_as=zettle_body())) == (0, 0, 0, 1)
    assert hooks.set_aside().reason is Reason.KEY_CONFLICT


def test_a_swapped_merchant_chooses_no_tenant(hooks: Hooks) -> None:
    swapped = zettle_body(merchant="org-2")

    assert counts(send(hooks, swapped, signed_as=zettle_body())) == (0, 0, 0, 1)
    assert hooks.set_aside().reason is Reason.MERCHANT_MISMATCH
    assert hooks.stored() == set()


def test_an_app_of_zettle_s_would_choose_no_tenant_either(hooks: Hooks) -> None:
    hooks.add_app("zettle", org1=ONE)
    body = zettle_body(merchant="org1")

    tally = hooks.accept("zettle", body, zettle_headers(body), endpoint_id=APP_ID)

    assert counts(tally) == (0, 0, 0, 1)
    assert hooks.set_aside().reason is Reason.MERCHANT_UNKNOWN


def test_a_test_message_is_noted_while_the_endpoint_awaits_its_secret(hooks: Hooks) -> None:
    hooks.handshakes.awaiting = {("zettle", SOURCE_ID)}

    assert hooks.accept("zettle", zettle_test(), {}) == Tally(is_handshake=True)
    assert hooks.handshakes.noted == {("zettle", SOURCE_ID)}
    assert hooks.handshakes.codes == {}


@pytest.mark.parametrize("endpoint_id", [SOURCE_ID, NOBODY_ID, "", "..", "x" * 10_000, "é"])
def test_a_test_message_is_answered_alike_for_every_endpoint_and_for_none(
    hooks: Hooks, endpoint_id: str
) -> None:
    tally = hooks.accept("zettle", zettle_test(), {}, endpoint_id=endpoint_id)

    assert tally == Tally(is_handshake=True)
    assert hooks.handshakes.noted == set()
    assert (hooks.stored(), hooks.quarantine.items, hooks.queue.messages) == (set(), [], [])


def test_a_test_message_that_cannot_be_noted_is_acknowledged_all_the_same(hooks: Hooks) -> None:
    hooks.handshakes.is_down = True

    assert hooks.accept("zettle", zettle_test(), {}) == Tally(is_handshake=True)
    assert hooks.queue.messages == []


def test_an_event_that_calls_itself_a_test_message_is_no_handshake(hooks: Hooks) -> None:
    hooks.handshakes.awaiting = {("zettle", SOURCE_ID)}
    forged = zettle_test(payload='{"purchaseUuid":"forged"}')

    with pytest.raises(SignatureRefusedError):
        hooks.accept("zettle", forged, {})
    assert hooks.handshakes.noted == set()
    assert hooks.set_aside().reason is Reason.SIGNATURE_REFUSED
