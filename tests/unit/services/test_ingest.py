from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.fakes import InMemoryEventStore
from tillgate.domain.errors import (
    IdempotencyKeyReusedError,
    InvalidEventError,
    InvalidJsonError,
    StoreUnavailableError,
)
from tillgate.domain.event import Outcome
from tillgate.domain.tenant import Tenant, TenantId, TenantState
from tillgate.services.ingest import BatchAnswer, Ingest

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
ONE = Tenant(TenantId("one"), "one", TenantState.ACTIVE)
TWO = Tenant(TenantId("two"), "two", TenantState.ACTIVE)


@pytest.fixture
def store() -> InMemoryEventStore:
    return InMemoryEventStore()


def body(**data: object) -> bytes:
    return json.dumps({"type": "t", "data": data}).encode()


def item(key: object, **data: object) -> dict[str, object]:
    return {"idempotency_key": key, "type": "t", "data": data}


def batch(store: InMemoryEventStore, *items: object, tenant: Tenant = ONE) -> list[BatchAnswer]:
    return Ingest(store).accept_batch(
        tenant, json.dumps({"events": items}).encode(), received_at=NOW
    )


def outcomes(answers: list[BatchAnswer]) -> list[str]:
    return [answer.accepted.outcome.value if answer.accepted else "invalid" for answer in answers]


def test_a_replay_is_a_duplicate_of_the_first(store: InMemoryEventStore) -> None:
    ingest = Ingest(store)

    first = ingest.accept_event(ONE, body(a=1), key="k", received_at=NOW)
    again = ingest.accept_event(ONE, b" " + body(a=1), key="k", received_at=datetime.now(UTC))

    assert (first.outcome, again.outcome) == (Outcome.NEW, Outcome.DUPLICATE)
    assert (again.event_id, again.received_at) == (first.event_id, NOW)
    assert len(store.events) == 1


def test_another_event_under_the_key_names_the_first(store: InMemoryEventStore) -> None:
    ingest = Ingest(store)
    first = ingest.accept_event(ONE, body(a=1), key="k", received_at=NOW)

    with pytest.raises(IdempotencyKeyReusedError) as caught:
        ingest.accept_event(ONE, body(a=2), key="k", received_at=NOW)
    assert caught.value.event_id == first.event_id
    assert len(store.events) == 1


def test_a_key_is_its_tenant_s_own(store: InMemoryEventStore) -> None:
    ingest = Ingest(store)
    ingest.accept_event(ONE, body(a=1), key="k", received_at=NOW)

    other = ingest.accept_event(TWO, body(a=2), key="k", received_at=NOW)

    assert other.outcome is Outcome.NEW


@pytest.mark.parametrize(
    ("content", "error"), [(b"{", InvalidJsonError), (b"{}", InvalidEventError)]
)
def test_what_is_no_event_is_not_stored(
    store: InMemoryEventStore, content: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        Ingest(store).accept_event(ONE, content, key="k", received_at=NOW)
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
    assert first.accepted is not None
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

    with pytest.raises(StoreUnavailableError):
        batch(store, item("k"))


def test_a_single_call_and_an_item_share_their_key(store: InMemoryEventStore) -> None:
    Ingest(store).accept_event(ONE, body(a=1), key="k", received_at=NOW)

    assert outcomes(batch(store, item("k", a=1), item("k", a=2))) == ["duplicate", "conflict"]
