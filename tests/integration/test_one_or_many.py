"""An event by itself and one of many are stored by two functions: what they do is the same."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.integration.events import NOW, event
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.domain.event import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tests.integration.testdatabase import TestDatabase
    from tillgate.domain.tenant import TenantId

# Every field there and not there, a repeat, a key that is used again, and one after it.
EVENTS = [
    event("plain"),
    event("all", '{"a":"é \\"\\\\ \U0001f95e"}', occurred_at="2026-11-23T10:00:00+01:00",
          entity_id="order-1", entity_version="9" * 100),
    event("plain"),
    event("all", '{"a":"another"}'),
    event("with:colons", "{}", type="order.deleted", entity_id="order-2"),
    event("plain"),
]  # fmt: skip
OUTCOMES = [
    Outcome.NEW, Outcome.NEW, Outcome.DUPLICATE, Outcome.CONFLICT, Outcome.NEW, Outcome.DUPLICATE,
]  # fmt: skip


@pytest.fixture
def store(own_database: TestDatabase) -> Iterator[PostgresEventStore]:
    connection = Database(lambda: own_database.url("ingest"), max_uses=1_000)
    with closing(connection):
        yield PostgresEventStore(connection, within_seconds=10)


def rows_of(database: TestDatabase, tenant_id: TenantId) -> list[tuple[Any, ...]]:
    """Give what is stored of a tenant but for its ids and the instants of storing."""
    with database.superuser() as superuser:
        return superuser.execute(
            "SELECT k.key, k.fingerprint, k.received_at, k.event_id = e.event_id,"
            " k.stored_at = e.stored_at, e.source_id, e.idempotency_key, e.type, e.occurred_at,"
            " e.entity_id, e.entity_version, e.data, e.received_at, d.state,"
            " d.since <= e.stored_at, d.due_at = d.since,"
            " tillgate.first_event_id(e.stored_at) <= e.event_id,"
            " e.event_id < tillgate.first_event_id(e.stored_at + interval '1 ms')"
            " FROM tillgate.ingest_key AS k JOIN tillgate.event AS e USING (tenant_id, event_id)"
            " JOIN tillgate.delivery AS d USING (tenant_id, event_id)"
            " WHERE tenant_id = %s ORDER BY k.key",
            (tenant_id,),
        ).fetchall()


@pytest.mark.parametrize("has_destination", [False, True])
def test_one_by_one_and_all_at_once_store_and_answer_the_same(
    own_database: TestDatabase,
    store: PostgresEventStore,
    has_destination: bool,  # noqa: FBT001  pytest names it.
) -> None:
    apart, together = (
        own_database.add_tenant(f"{n}-{has_destination}".lower()) for n in ("apart", "together")
    )
    if has_destination:
        with own_database.superuser() as superuser:
            for tenant_id in (apart, together):
                superuser.execute(
                    "INSERT INTO tillgate.destination (tenant_id, kind, url, sealed_secret)"
                    " VALUES (%s, 'supabase', 'https://example.com', '')",
                    (tenant_id,),
                )
    received_at = NOW + timedelta(microseconds=1)

    singly = [store.accept(apart, [one], received_at=received_at)[0] for one in EVENTS]
    at_once = store.accept(together, EVENTS, received_at=received_at)

    assert [answer.outcome for answer in singly] == OUTCOMES
    assert [answer.outcome for answer in at_once] == OUTCOMES
    assert rows_of(own_database, apart) == rows_of(own_database, together)
    assert len(rows_of(own_database, apart)) == 3
    for answers in (singly, at_once):
        assert {one.received_at for one in answers} == {received_at}
        # A repeat, and who used the key again, are told of the event that has the key.
        assert answers[0].event_id == answers[2].event_id == answers[5].event_id
        assert answers[1].event_id == answers[3].event_id
        assert len({one.event_id for one in answers}) == 3
