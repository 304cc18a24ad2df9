from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.integration.events import NOW, event
from tillgate.adapters.migration_files import latest_number
from tillgate.adapters.postgres.destinations import (
    PostgresDestinationStore,
    PostgresSealedDestinations,
)
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.adapters.postgres.probe import PostgresProbe
from tillgate.domain.delivery import DestinationKind
from tillgate.domain.destinations import BreakerState
from tillgate.domain.errors import NotFoundError
from tillgate.domain.tenant import EventId, TenantId

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.testdatabase import TestDatabase
    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.destinations import DestinationRecord

    Connect = Callable[[str], Database]

URL = "https://abc.supabase.co"
SEALED = b"\x00sealed"


@pytest.fixture
def store(connect: Connect) -> PostgresDestinationStore:
    return PostgresDestinationStore(connect("admin"), within_seconds=10)


def put(
    store: PostgresDestinationStore, tenant: TenantId, *, url: str = URL, sealed: bytes = SEALED
) -> tuple[DestinationRecord, bool]:
    return store.set_destination(
        tenant, kind=DestinationKind.SUPABASE, url=url, sealed_secret=sealed
    )


def trip(database: TestDatabase, tenant: TenantId, *, seconds: int) -> None:
    with database.superuser() as connection:
        connection.execute(
            "INSERT INTO tillgate.destination_breaker VALUES"
            " (%s, 5, now() + make_interval(secs => %s))",
            (tenant, seconds),
        )


def test_destination_is_kept_and_found_by_whoever_sends_there(
    store: PostgresDestinationStore, connect: Connect, tenant: TenantId
) -> None:
    sealed = PostgresSealedDestinations(connect("deliver"), within_seconds=10)
    assert sealed.find(tenant) is None

    first, is_new = put(store, tenant)
    second, is_new_again = put(store, tenant, url=f"{URL}/b", sealed=b"\xff")

    found = sealed.find(tenant)
    assert (is_new, is_new_again) == (True, False)
    assert first.set_at < second.set_at
    assert second.breaker.state is BreakerState.CLOSED
    assert store.destination(tenant) == second
    assert found is not None
    assert (found.url, found.sealed_secret) == (f"{URL}/b", b"\xff")


@pytest.mark.parametrize(
    ("seconds", "state"), [(60, BreakerState.OPEN), (-1, BreakerState.HALF_OPEN)]
)
def test_breaker_is_seen_and_a_new_destination_begins_without(
    store: PostgresDestinationStore,
    database: TestDatabase,
    tenant: TenantId,
    seconds: int,
    state: BreakerState,
) -> None:
    put(store, tenant)
    trip(database, tenant, seconds=seconds)

    shown = store.destination(tenant)
    anew, _ = put(store, tenant)

    assert shown is not None
    assert (shown.breaker.state, shown.breaker.failures) == (state, 5)
    assert shown.breaker.open_until is not None
    assert (anew.breaker.state, anew.breaker.failures) == (BreakerState.CLOSED, 0)


def test_removed_destination_is_given_back_once(
    store: PostgresDestinationStore, database: TestDatabase, tenant: TenantId
) -> None:
    put(store, tenant)
    trip(database, tenant, seconds=60)

    removed = store.remove_destination(tenant)

    assert removed is not None
    assert removed.breaker.state is BreakerState.OPEN
    assert store.destination(tenant) is None
    assert store.remove_destination(tenant) is None
    again, _ = put(store, tenant)
    assert again.breaker.state is BreakerState.CLOSED


def test_unknown_tenant_gets_no_destination(store: PostgresDestinationStore) -> None:
    with pytest.raises(NotFoundError):
        put(store, TenantId(str(uuid.uuid4())))


def test_replay_makes_pending_what_has_somewhere_to_go(
    store: PostgresDestinationStore, connect: Connect, tenant: TenantId
) -> None:
    events = PostgresEventStore(connect("ingest"), within_seconds=10)
    accepted = events.accept(tenant, [event(f"k{n}") for n in range(3)], received_at=NOW)
    ids = [one.event_id for one in accepted]
    others = EventId(str(uuid.uuid4()))

    nowhere = store.replay(tenant, ids)
    put(store, tenant)

    assert nowhere == 0
    assert store.replay(tenant, [*ids[:2], others]) == 2
    assert store.replay(tenant, ids) == 1
    assert store.replay(tenant, ids) == 0


def test_health_learns_that_there_is_a_destination(own_database: TestDatabase) -> None:
    from tillgate.adapters.postgres.connection import Database  # noqa: PLC0415  Its own.

    tenant = own_database.add_tenant("cafe")
    health = Database(lambda: own_database.url("health"), max_uses=1_000)
    admin = Database(lambda: own_database.url("admin"), max_uses=1_000)
    try:
        probe = PostgresProbe(health)
        before = probe.has_destination(within_seconds=10)
        put(PostgresDestinationStore(admin, within_seconds=10), tenant)

        assert before is False
        assert probe.has_destination(within_seconds=10) is True
        assert probe.current_migration(within_seconds=10) == latest_number()
    finally:
        health.close()
        admin.close()
