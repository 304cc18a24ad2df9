"""Events from the accept queue: let in anew, then stored, or set aside with the reason."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.integration.events import event
from tests.unit.services.hook_endpoints import IDLE, NOW, ONE, TWO, Hooks
from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.event import NewEvent
from tillgate.domain.quarantine import Reason
from tillgate.domain.queued import QueuedEvents
from tillgate.domain.tenant import TokenStanding

DIGEST = b"d" * 32
SECOND = timedelta(seconds=1)


@pytest.fixture
def hooks() -> Hooks:
    """Everything is up, and the token is tenant one's."""
    made = Hooks()
    made.tokens.standings[DIGEST] = TokenStanding(ONE, None)
    return made


def message(*events: NewEvent, message_id: str | None = None) -> QueuedEvents:
    return QueuedEvents(
        message_id=message_id or str(uuid.uuid4()),
        tenant_id=ONE.tenant_id,
        token_digest=DIGEST,
        received_at=NOW,
        rid="rid-1",
        events=events or (event("k"),),
    )


def counts(hooks: Hooks, queued: QueuedEvents) -> tuple[int, int, int]:
    tally = hooks.worker().accept(queued)
    assert tally.queued == 0
    return tally.accepted, tally.duplicates, tally.quarantined


def test_what_was_queued_is_stored_as_it_was_received(hooks: Hooks) -> None:
    tally = hooks.worker().accept(message(event("a"), event("b")))

    assert (tally.accepted, tally.tenant_ids) == (2, {ONE.tenant_id})
    for key in ("api:a", "api:b"):
        stored, accepted = hooks.events.events[ONE.tenant_id, key]
        assert (stored.key, accepted.received_at) == (key, NOW)
    assert not hooks.quarantine.items


def test_what_was_stored_after_all_is_a_duplicate(hooks: Hooks) -> None:
    hooks.events.accept(ONE.tenant_id, [event("a")], received_at=NOW)

    assert counts(hooks, message(event("a"), event("b"))) == (1, 1, 0)


def test_a_message_may_come_any_number_of_times(hooks: Hooks) -> None:
    queued = message(event("a"), event("b"))

    assert [counts(hooks, queued) for _ in range(4)] == [(2, 0, 0)] + [(0, 2, 0)] * 3
    assert len(hooks.events.events) == 2
    assert not hooks.quarantine.items


def test_what_conflicts_in_a_batch_is_set_aside_and_the_rest_stored(hooks: Hooks) -> None:
    hooks.events.accept(ONE.tenant_id, [event("a", "{}"), event("c", "{}")], received_at=NOW)
    queued = message(event("a", '{"x":1}'), event("b"), event("c", "{}"), event("b", '{"x":2}'))

    assert [counts(hooks, queued) for _ in range(3)] == [(1, 1, 2), (0, 2, 2), (0, 2, 2)]
    assert hooks.worker().accept(queued).conflicts == 2

    item = hooks.set_aside()
    assert item.reason is Reason.CONFLICT_AFTER_QUEUED
    assert [kept["data"] for kept in json.loads(item.content)] == ['{"x":1}', '{"x":2}']
    assert {key: kept[0].data for (_, key), kept in hooks.events.events.items()} == {
        "api:a": "{}",
        "api:b": event("b").data,
        "api:c": "{}",
    }


def test_what_is_set_aside_says_all_that_storing_it_takes(hooks: Hooks) -> None:
    hooks.tokens.standings.clear()
    queued = message(event("a", entity_id="é", entity_version="3"))

    hooks.worker().accept(queued)

    item = hooks.set_aside()
    assert hooks.worker().accept(queued).conflicts == 0
    assert (item.provider, item.endpoint_id, item.tenant_id) == ("api", None, ONE.tenant_id)
    assert (item.rid, item.received_at, item.quota) == ("rid-1", NOW, None)
    assert [NewEvent(**kept) for kept in json.loads(item.content)] == list(queued.events)
    assert DIGEST.hex() not in repr(item)


@pytest.mark.parametrize(
    ("standing", "reason"),
    [
        pytest.param(None, Reason.TOKEN_REVOKED, id="unknown"),
        pytest.param(TokenStanding(TWO, None), Reason.TOKEN_REVOKED, id="another tenant's"),
        pytest.param(TokenStanding(ONE, NOW - SECOND), Reason.TOKEN_REVOKED, id="revoked before"),
        pytest.param(TokenStanding(ONE, NOW), Reason.TOKEN_REVOKED, id="revoked as it came"),
        pytest.param(
            TokenStanding(replace(IDLE, tenant_id=ONE.tenant_id), None),
            Reason.TENANT_SUSPENDED,
            id="suspended",
        ),
        pytest.param(
            TokenStanding(replace(IDLE, tenant_id=ONE.tenant_id), NOW + SECOND),
            Reason.TENANT_SUSPENDED,
            id="suspended, and revoked after",
        ),
    ],
)
def test_what_is_not_let_in_is_set_aside_once_and_nothing_of_it_stored(
    hooks: Hooks, standing: TokenStanding | None, reason: Reason
) -> None:
    hooks.tokens.standings = {} if standing is None else {DIGEST: standing}
    queued = message(event("a"), event("b"))

    assert [counts(hooks, queued) for _ in range(3)] == [(0, 0, 2)] * 3
    assert hooks.set_aside().reason is reason
    assert hooks.set_aside().tenant_id == ONE.tenant_id
    assert not hooks.events.events


def test_a_token_revoked_after_it_came_is_good(hooks: Hooks) -> None:
    hooks.tokens.standings[DIGEST] = TokenStanding(ONE, NOW + timedelta(microseconds=1))

    assert counts(hooks, message()) == (1, 0, 0)


@pytest.mark.parametrize("what", ["tokens", "events"])
def test_what_cannot_be_asked_is_no_refusal(hooks: Hooks, what: str) -> None:
    getattr(hooks, what).is_down = True

    with pytest.raises(StoreUnavailableError):
        hooks.worker().accept(message())
    assert not hooks.quarantine.items
    hooks.bring_up()
    assert counts(hooks, message()) == (1, 0, 0)


def test_a_refusal_that_cannot_be_kept_comes_again(hooks: Hooks) -> None:
    hooks.tokens.standings.clear()
    hooks.quarantine.is_down = True
    queued = message()

    with pytest.raises(StoreUnavailableError):
        hooks.worker().accept(queued)
    hooks.bring_up()
    assert counts(hooks, queued) == (0, 0, 1)


def test_a_conflict_that_cannot_be_kept_comes_again_and_stores_nothing_twice(
    hooks: Hooks,
) -> None:
    hooks.events.accept(ONE.tenant_id, [event("a", "{}")], received_at=NOW)
    hooks.quarantine.is_down = True
    queued = message(event("a"), event("b"))

    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            hooks.worker().accept(queued)
    hooks.bring_up()
    assert counts(hooks, queued) == (0, 1, 1)
    assert len(hooks.events.events) == 2


def test_two_calls_that_conflict_are_each_kept(hooks: Hooks) -> None:
    hooks.events.accept(ONE.tenant_id, [event("a", "{}")], received_at=NOW)
    for _ in range(2):
        hooks.worker().accept(message(event("a")))

    assert len(hooks.quarantine.items) == 2
