from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.fakes import InMemoryAcceptQueue, InMemoryEventStore
from tillgate.domain.errors import (
    IdempotencyKeyReusedError,
    InvalidEventError,
    InvalidJsonError,
)
from tillgate.domain.event import Accepted, Outcome
from tillgate.domain.tenant import Caller, Tenant, TenantId, TenantState
from tillgate.services.ingest import BatchAnswer, Ingest

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
ONE = Caller(Tenant(TenantId("one"), "one", TenantState.ACTIVE), b"token of one")
TWO = Caller(Tenant(TenantId("two"), "two", TenantState.ACTIVE), b"token of two")


@pytest.fixture
def store() -> InMemoryEventStore:
    return InMemoryEventStore()


def body(**data: object) -> bytes:
    return json.dumps({"type": "t", "data": data}).encode()


def item(key: object, **data: object) -> dict[str, object]:
    return {"idempotency_key": key, "type": "t", "data": data}


def ingest_into(store: InMemoryEventStore) -> Ingest:
    return Ingest(store, InMemoryAcceptQueue())


def accept(
    ingest: Ingest, content: bytes, *, caller: Caller = ONE, received_at: datetime = NOW
) -> Accepted:
    """Accept one event under the key ``k``, with a store that is up."""
    accepted = ingest.accept_event(caller, content, key="k", received_at=received_at, rid="rid-1")
    assert isinstance(accepted, Accepted)
    return accepted


def batch(store: InMemoryEventStore, *items: object, caller: Caller = ONE) -> list[BatchAnswer]:
    return ingest_into(store).accept_batch(
        caller, json.dumps({"events": items}).encode(), received_at=NOW, rid="rid-1"
    )


def outcome(answer: BatchAnswer) -> str:
    if answer.accepted is None:
        return "invalid"
    return answer.accepted.outcome if isinstance(answer.accepted, Accepted) else "queued"


def outcomes(answers: list[BatchAnswer]) -> list[str]:
    return [outcome(answer) for answer in answers]


def test_a_replay_is_a_duplicate_of_the_first(store: InMemoryEventStore) -> None:
    ingest = ingest_into(store)

    first = accept(ingest, body(a=1))
    again = accept(ingest, b" " + body(a=1), received_at=datetime.now(UTC))

    assert (first.outcome, again.outcome) == (Outcome.NEW, Outcome.DUPLICATE)
    assert (again.event_id, again.received_at) == (first.event_id, NOW)
    assert len(store.events) == 1


def test_another_event_under_the_key_names_the_first(store: InMemoryEventStore) -> None:
    ingest = ingest_into(store)
    first = accept(ingest, body(a=1))

    with pytest.raises(IdempotencyKeyReusedError) as caught:
        accept(ingest, body(a=2))
    assert caught.value.event_id == first.event_id
    assert len(store.events) == 1


def test_a_key_is_its_tenant_s_own(store: InMemoryEventStore) -> None:
    ingest = ingest_into(store)
    accept(ingest, body(a=1))

    other = accept(ingest, body(a=2), caller=TWO)

    assert other.outcome is Outcome.NEW


@pytest.mark.parametrize(
    ("content", "error"), [(b"{", InvalidJsonError), (b"{}", InvalidEventError)]
)
def test_what_is_no_event_is_not_stored(
    store: InMemoryEventStore, content: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        accept(ingest_into(store), content)
    assert not store.events


def test_a_batch_is_answered_in_order(store: InMemoryEventStore) -> None:
    batch(store, item("old", a=1))

    answers = batch(
        store,
        item("old", a=1),
        item("new", a=1),
        item("old", a=2),
        item("bad key", a=1),
        item("last", a=1),
    )

    assert outcomes(answers) == ["duplicate", "new", "conflict", "invalid", "new"]
    assert [answer.idempotency_key for answer in answers] == [
        "old",
        "new",
        "old",
        "bad key",
        "last",
    ]


def test_the_first_item_of_a_key_wins(store: InMemoryEventStore) -> None:
    answers = batch(store, item("k", a=1), item("k", a=2), item("k", a=1))

    assert outcomes(answers) == ["new", "conflict", "duplicate"]
    assert json.loads(store.events["one", "api:k"][0].data) == {"a": 1}


def test_an_invalid_item_does_not_hold_its_key(store: InMemoryEventStore) -> None:
    answers = batch(store, {"idempotency_key": "k"}, item("k", a=2))

    assert outcomes(answers) == ["invalid", "new"]


def test_a_conflict_names_the_first_event(store: InMemoryEventStore) -> None:
    [first] = batch(store, item("k", a=1))
    [answer] = batch(store, item("k", a=2))

    assert isinstance(answer.error, IdempotencyKeyReusedError)
    assert isinstance(first.accepted, Accepted)
    assert answer.error.event_id == first.accepted.event_id


@pytest.mark.parametrize("key", [None, 1, ["k"], {"k": 1}, True])
def test_a_key_that_is_no_string_is_answered_as_none(
    store: InMemoryEventStore, key: object
) -> None:
    [answer] = batch(store, item(key))

    assert answer.idempotency_key is None
    assert answer.accepted is None
    assert isinstance(answer.error, InvalidEventError)


@pytest.mark.parametrize("stranger", [None, 1, "x", [], [[]], True])
def test_an_item_that_is_no_object_fails_alone(store: InMemoryEventStore, stranger: object) -> None:
    assert outcomes(batch(store, stranger, item("k"))) == ["invalid", "new"]


def test_a_batch_without_an_event_does_not_need_the_store(store: InMemoryEventStore) -> None:
    store.is_down = True

    assert outcomes(batch(store, 1, 2)) == ["invalid", "invalid"]


def test_a_store_that_is_down_stores_nothing_of_a_batch(store: InMemoryEventStore) -> None:
    store.is_down = True

    assert outcomes(batch(store, item("k"))) == ["queued"]
    assert not store.events


def test_a_single_call_and_an_item_share_their_key(store: InMemoryEventStore) -> None:
    accept(ingest_into(store), body(a=1))

    assert outcomes(batch(store, item("k", a=1), item("k", a=2))) == ["duplicate", "conflict"]
