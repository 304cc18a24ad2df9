"""Opening hours as the admin role keeps them, and who is quiet as it reads it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.integration.deliveries import DeliveryStand
from tests.integration.test_watch_store import every_source
from tests.integration.watching import LONG_AGO, add_source, hear
from tillgate.adapters.postgres.admin_store import PostgresAdminStore
from tillgate.adapters.postgres.opening_hours import PostgresOpeningHoursStore
from tillgate.adapters.postgres.watch_store import PostgresWatchStore
from tillgate.domain.opening_hours import HoursRecord
from tillgate.domain.tenant import SourceId, TenantId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.testdatabase import TestDatabase


@pytest.fixture
def stand(own_database: TestDatabase) -> Iterator[DeliveryStand]:
    with DeliveryStand(own_database) as made:
        yield made


@pytest.fixture
def store(stand: DeliveryStand) -> PostgresOpeningHoursStore:
    return PostgresOpeningHoursStore(stand.connect("admin"), within_seconds=10)


def hours(tenant: TenantId, *, minutes: int = 60) -> HoursRecord:
    return HoursRecord(
        tenant_id=tenant,
        time_zone="Europe/Berlin",
        opening_hours={"mon": ["09:00-18:00"], "sat": ["18:00-02:00"]},
        quiet_after_minutes=minutes,
    )


def heeded_since(stand: DeliveryStand, tenant: TenantId) -> datetime | None:
    row = stand.superuser.execute(
        "SELECT heeded_since FROM tillgate.tenant WHERE tenant_id = %s", (tenant,)
    ).fetchone()
    assert row is not None
    since: datetime | None = row[0]
    return since


def test_hours_are_kept_replaced_and_removed(
    stand: DeliveryStand, store: PostgresOpeningHoursStore
) -> None:
    tenant = stand.tenant()
    assert store.hours(tenant) is None
    assert store.remove_hours(tenant) is None

    assert store.set_hours(hours(tenant))
    assert store.set_hours(hours(tenant, minutes=90))

    assert store.hours(tenant) == store.remove_hours(tenant) == hours(tenant, minutes=90)
    assert store.hours(tenant) is None


def test_a_tenant_that_is_not_there_has_none(store: PostgresOpeningHoursStore) -> None:
    nobody = TenantId(str(uuid.uuid4()))
    assert not store.set_hours(hours(nobody))
    assert store.hours(nobody) is None


def test_what_stays_the_same_does_not_begin_anew(
    stand: DeliveryStand, store: PostgresOpeningHoursStore
) -> None:
    tenant = stand.tenant()
    store.set_hours(hours(tenant))
    since = heeded_since(stand, tenant)

    assert store.set_hours(hours(tenant))
    assert heeded_since(stand, tenant) == since
    assert store.set_hours(hours(tenant, minutes=90))
    assert heeded_since(stand, tenant) != since


def test_a_sources_own_patience_is_shown_with_it(
    stand: DeliveryStand, store: PostgresOpeningHoursStore
) -> None:
    tenant = stand.tenant()
    source = add_source(stand, tenant)
    sources = PostgresAdminStore(stand.connect("admin"), within_seconds=10)
    for minutes in (240, 0, None):
        assert store.set_quiet_after(source, minutes)
        [known] = sources.sources(tenant)
        assert known.quiet_after_minutes == minutes
    assert not store.set_quiet_after(SourceId(str(uuid.uuid4())), 5)


def test_who_is_quiet_is_listed_longest_first(
    stand: DeliveryStand, store: PostgresOpeningHoursStore
) -> None:
    tenant = stand.tenant()
    store.set_hours(hours(tenant))
    stand.superuser.execute("UPDATE tillgate.tenant SET heeded_since = %s", (LONG_AGO,))
    never, heard = (add_source(stand, tenant) for _ in range(2))
    hear(stand, tenant, heard, datetime(2026, 2, 2, tzinfo=UTC))
    watch = PostgresWatchStore(stand.connect("watch"), within_seconds=10)
    found = every_source(watch)
    watch.note_quiet([(found[heard], datetime(2026, 2, 2, 8, tzinfo=UTC))], [])
    watch.note_quiet([(found[never], LONG_AGO)], [])

    listed = store.quiet_sources(limit=5)

    assert [one.source_id for one in listed] == [never, heard]
    assert [one.last_event_at for one in listed] == [None, datetime(2026, 2, 2, tzinfo=UTC)]
    assert (listed[0].quiet_since, listed[0].provider) == (LONG_AGO, "standard")
    assert [one.source_id for one in store.quiet_sources(limit=1)] == [never]
