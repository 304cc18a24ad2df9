from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.integration.events import NOW, event
from tillgate.adapters.postgres import dead_letters as adapter
from tillgate.adapters.postgres.admin_store import PostgresAdminStore
from tillgate.adapters.postgres.dead_letters import PostgresDeadLetters
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.domain.dead_letters import DeadLetterFilter, RedriveState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.integration.testdatabase import TestDatabase
    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.tenant import EventId, TenantId

    Connect = Callable[[str], Database]
    Kill = Callable[[TenantId, str, int], list[EventId]]


@pytest.fixture
def store(connect: Connect) -> PostgresDeadLetters:
    return PostgresDeadLetters(connect("admin"), within_seconds=10)


@pytest.fixture
def kill(connect: Connect, database: TestDatabase) -> Kill:
    """Store so many events of a tenant, and let each be given up for this reason."""
    events = PostgresEventStore(connect("ingest"), within_seconds=10)

    def kill_some(tenant: TenantId, reason: str, count: int) -> list[EventId]:
        sent = [event(str(uuid.uuid4())) for _ in range(count)]
        ids = [one.event_id for one in events.accept(tenant, sent, received_at=NOW)]
        with database.superuser() as connection:
            connection.execute(
                "UPDATE tillgate.delivery SET state = 'gave_up', gave_up_reason = %s,"
                " since = now() WHERE event_id = ANY (%s::uuid[])",
                (reason, ids),
            )
        return ids

    return kill_some


def of(tenant: TenantId, reason: str | None = None) -> DeadLetterFilter:
    return DeadLetterFilter(tenant_id=tenant, reason=reason)


def left(store: PostgresDeadLetters, chosen: DeadLetterFilter) -> Sequence[EventId]:
    return [one.event_id for one in store.dead_letters(chosen, limit=100, before=None)]


def test_plan_counts_by_tenant_and_reason(
    store: PostgresDeadLetters, kill: Kill, tenant: TenantId, database: TestDatabase
) -> None:
    other = database.add_tenant(f"t-{uuid.uuid4()}")
    kill(tenant, "http-400", 2)
    kill(tenant, "expired", 1)
    kill(other, "expired", 1)

    groups = store.plan(of(tenant))
    everybodys = store.plan(DeadLetterFilter(reason="expired"))

    assert [(group.reason, group.count) for group in groups] == [("expired", 1), ("http-400", 2)]
    assert all(group.slug.startswith("t-") for group in groups)
    assert all(group.oldest <= group.newest for group in groups)
    assert {tenant, other} <= {group.tenant_id for group in everybodys}


def test_list_goes_from_the_newest_event_back(
    store: PostgresDeadLetters, kill: Kill, tenant: TenantId, database: TestDatabase
) -> None:
    ids = kill(tenant, "http-400", 3)
    with database.superuser() as connection:
        connection.execute(
            "INSERT INTO tillgate.attempt (tenant_id, event_id, attempt_id, at, outcome, status)"
            " VALUES (%s, %s, gen_random_uuid(), now(), 'gave_up', 400)",
            (tenant, ids[2]),
        )

    first = store.dead_letters(of(tenant), limit=2, before=None)
    rest = store.dead_letters(of(tenant), limit=2, before=first[-1].event_id)

    assert [one.event_id for one in (*first, *rest)] == ids[::-1]
    assert (first[0].status, first[0].attempted_at is None) == (400, False)
    assert (first[1].status, first[1].attempted_at) == (None, None)


@pytest.mark.parametrize("count", [1, 3])
def test_another_count_discards_nothing(
    store: PostgresDeadLetters, kill: Kill, tenant: TenantId, count: int
) -> None:
    ids = kill(tenant, "http-400", 2)

    assert store.discard(of(tenant, "http-400"), event_ids=None, count=count) is None
    assert left(store, of(tenant)) == ids[::-1]


def test_what_was_confirmed_is_discarded_and_nothing_else(
    store: PostgresDeadLetters, kill: Kill, tenant: TenantId
) -> None:
    kill(tenant, "http-400", 2)
    expired = kill(tenant, "expired", 3)

    assert store.discard(of(tenant, "http-400"), event_ids=None, count=2) == 2
    assert store.discard(of(tenant), event_ids=expired[:1], count=1) == 1
    assert left(store, of(tenant)) == expired[:0:-1]


def test_very_many_are_discarded_in_steps(
    store: PostgresDeadLetters, kill: Kill, tenant: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "MAX_DISCARDED", 2)
    kill(tenant, "expired", 5)
    chosen = of(tenant, "expired")

    refused = store.discard(chosen, event_ids=None, count=6)
    steps = [store.discard(chosen, event_ids=None, count=count) for count in (5, 3, 1)]

    assert refused is None
    assert steps == [2, 2, 1]
    assert left(store, chosen) == []


def test_redrive_counts_what_it_has_left_until_it_is_cancelled(
    store: PostgresDeadLetters, kill: Kill, tenant: TenantId, database: TestDatabase
) -> None:
    kill(tenant, "expired", 3)
    begun = store.start_redrive(of(tenant), per_second=2)
    with database.as_role("sweep") as connection:
        moved = connection.execute(
            "SELECT count(*) FROM tillgate.redrive_step(100, interval '6 hours')"
        ).fetchone()
    kill(tenant, "expired", 1)

    running = store.redrive(begun.redrive_id)
    cancelled = store.cancel_redrive(begun.redrive_id)

    assert (begun.state, begun.moved, begun.left) == (RedriveState.RUNNING, 0, 3)
    assert moved == (2,)
    assert running is not None
    assert (running.moved, running.left) == (2, 1), "what died later is none of its own"
    assert cancelled is not None
    assert (cancelled.state, cancelled.left) == (RedriveState.CANCELLED, 1)
    assert store.cancel_redrive(begun.redrive_id) == cancelled
    assert store.redrive(str(uuid.uuid4())) is None


def test_what_a_redrive_has_left_is_counted_to_a_bound(
    store: PostgresDeadLetters, kill: Kill, tenant: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "MAX_LEFT", 2)
    kill(tenant, "expired", 5)

    begun = store.start_redrive(of(tenant), per_second=2)
    cancelled = store.cancel_redrive(begun.redrive_id)

    assert begun.left == 2
    assert cancelled is not None
    assert cancelled.left == 2


def test_a_redrive_whose_beginning_was_never_answered_is_found_in_the_list(
    store: PostgresDeadLetters, kill: Kill, tenant: TenantId
) -> None:
    kill(tenant, "expired", 3)
    first = store.start_redrive(of(tenant), per_second=2)
    second = store.start_redrive(of(tenant, "expired"), per_second=3)
    store.cancel_redrive(first.redrive_id)

    listed = [
        [one for one in store.redrives(state=state, limit=200) if one.tenant_id == tenant]
        for state in (None, RedriveState.RUNNING, RedriveState.CANCELLED, RedriveState.DONE)
    ]

    ids = [[one.redrive_id for one in found] for found in listed]
    assert ids == [
        [second.redrive_id, first.redrive_id], [second.redrive_id], [first.redrive_id], [],
    ]  # fmt: skip
    assert listed[1] == [replace(second, left=None)]
    assert listed[2][0].ended_at is not None
    assert [one.redrive_id for one in store.redrives(state=None, limit=1)] == [second.redrive_id]
    store.cancel_redrive(second.redrive_id)


def test_a_redrive_that_cannot_be_counted_has_begun_and_is_cancelled_all_the_same(
    store: PostgresDeadLetters, kill: Kill, tenant: TenantId, database: TestDatabase
) -> None:
    kill(tenant, "expired", 1)
    with database.superuser() as connection:
        connection.execute(
            "ALTER FUNCTION tillgate.redrive_left(uuid, integer) RENAME TO counted_by_nobody"
        )
        try:
            with pytest.raises(psycopg.errors.UndefinedFunction):
                store.start_redrive(of(tenant), per_second=2)
            [running] = store.redrives(state=RedriveState.RUNNING, limit=200)
            with pytest.raises(psycopg.errors.UndefinedFunction):
                store.cancel_redrive(running.redrive_id)
        finally:
            connection.execute(
                "ALTER FUNCTION tillgate.counted_by_nobody(uuid, integer) RENAME TO redrive_left"
            )

    found = store.redrive(running.redrive_id)
    assert found is not None
    assert (found.tenant_id, found.state) == (tenant, RedriveState.CANCELLED)


def test_status_counts_dead_letters_and_open_breakers(
    connect: Connect, kill: Kill, tenant: TenantId, database: TestDatabase
) -> None:
    def status() -> tuple[int, int]:
        told = PostgresAdminStore(connect("admin"), within_seconds=10).status()
        assert told.dead_letters is not None
        assert told.open_breakers is not None
        return told.dead_letters, told.open_breakers

    dead_letters, open_breakers = status()
    kill(tenant, "expired", 2)
    with database.superuser() as connection:
        connection.execute(
            "INSERT INTO tillgate.destination_breaker VALUES"
            " (%s, 5, now() + interval '1 minute'), (gen_random_uuid(), 5, now()),"
            " (gen_random_uuid(), 1, NULL)",
            (tenant,),
        )

    assert status() == (dead_letters + 2, open_breakers + 1)
