"""What the watch role measures and notes, on a real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.integration.deliveries import DeliveryStand
from tests.integration.watching import ALWAYS, LONG_AGO, add_source, answer, hear, open_always
from tillgate.adapters.postgres.activity import PostgresActivity
from tillgate.adapters.postgres.metrics import PostgresMetrics
from tillgate.adapters.postgres.watch_store import PostgresWatchStore
from tillgate.domain.activity import PLATFORM
from tillgate.domain.gauges import COUNTED_TO
from tillgate.domain.quarantine import Reason
from tillgate.domain.slo import WINDOWS, Counts
from tillgate.domain.watch import TenantHours

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.testdatabase import TestDatabase
    from tillgate.domain.tenant import SourceId
    from tillgate.domain.watch import WatchedSource


@pytest.fixture
def stand(own_database: TestDatabase) -> Iterator[DeliveryStand]:
    with DeliveryStand(own_database) as made:
        yield made


@pytest.fixture
def store(stand: DeliveryStand) -> PostgresWatchStore:
    return PostgresWatchStore(stand.connect("watch"), within_seconds=10)


def every_source(store: PostgresWatchStore) -> dict[SourceId, WatchedSource]:
    found: dict[SourceId, WatchedSource] = {}
    after: SourceId | None = None
    while True:
        part, after = store.sources(after=after)
        found |= {source.source_id: source for source in part}
        if after is None:
            return found


def test_an_empty_database_has_nothing_but_partitions_and_connections(
    store: PostgresWatchStore,
) -> None:
    measured = store.measure()

    assert measured.partition_days_ahead == 14
    assert measured.connections["watch"] == 1
    assert (measured.dead_letters, measured.oldest_due_seconds) == (0, 0.0)
    assert measured.quarantine == dict.fromkeys(Reason, 0)
    assert measured.secret_age_seconds is None
    assert (measured.proofs, measured.gauges) == ({}, {})
    assert measured.quiet_sources == 0
    assert store.tenant_hours() == []


def test_a_platform_that_answered_nothing_has_no_counts(store: PostgresWatchStore) -> None:
    assert store.platform_counts(WINDOWS) == [Counts(0, 0)] * 3


def test_the_platforms_counts_are_those_that_the_admin_role_reads(
    stand: DeliveryStand, store: PostgresWatchStore
) -> None:
    hour = timedelta(hours=1)
    for minutes, requests, errors in ((-9, 5_000, 1), (1, 1, 1), (63, 20, 0), (67, 300, 4)):
        answer(stand, PLATFORM, "five_minutes", timedelta(minutes=minutes), requests, errors)
    for ago, requests, errors in ((hour, 1, 0), (720.5 * hour, 20, 3), (721.5 * hour, 300, 9)):
        answer(stand, PLATFORM, "hour", ago, requests, errors)
    # Part of the platform's own row already.
    answer(stand, stand.tenant(), "five_minutes", timedelta(minutes=1), 7_000, 70)

    counts = store.platform_counts(WINDOWS)

    assert counts == [Counts(21, 1), Counts(321, 5), Counts(21, 3)]
    reader = PostgresActivity(stand.connect("admin"), within_seconds=10)
    read = reader.counts(None, WINDOWS, at=datetime.now(UTC))
    assert [Counts(one.requests, one.server_errors) for one in read] == counts


def test_a_day_without_partitions_ends_the_count(
    stand: DeliveryStand, store: PostgresWatchStore
) -> None:
    day = datetime.now(UTC).date() + timedelta(days=6)
    stand.superuser.execute(f"DROP TABLE tillgate.attempt_{day:%Y%m%d}")

    assert store.measure().partition_days_ahead == 5


def test_dead_letters_are_counted_and_discarded_ones_are_not(
    stand: DeliveryStand, store: PostgresWatchStore
) -> None:
    stand.dead_letters(stand.tenant(), 7)
    stand.superuser.execute(
        "UPDATE tillgate.delivery SET discarded_at = now()"
        " WHERE event_id IN (SELECT event_id FROM tillgate.delivery LIMIT 2)"
    )

    assert store.measure().dead_letters == 5


def test_what_is_counted_ends_at_its_bound(stand: DeliveryStand, store: PostgresWatchStore) -> None:
    stand.superuser.execute(
        "INSERT INTO tillgate.delivery (tenant_id, event_id, state, gave_up_reason)"
        " SELECT gen_random_uuid(), tillgate.new_event_id(now()), 'gave_up', 'refused'"
        " FROM generate_series(1, %s)",
        (COUNTED_TO + 5,),
    )
    stand.superuser.execute(
        "INSERT INTO tillgate.quarantine SELECT gen_random_uuid(), NULL, NULL, 'p',"
        " 'unreadable', 'rid', now(), now() + interval '1 day', '' FROM generate_series(1, %s)",
        (COUNTED_TO + 5,),
    )
    stand.superuser.execute(
        "INSERT INTO tillgate.quarantine SELECT gen_random_uuid(), NULL, NULL, 'p',"
        " 'key-conflict', 'rid', now(), now() + interval '1 day', '' FROM generate_series(1, 3)"
    )

    measured = store.measure()

    assert measured.dead_letters == COUNTED_TO
    assert measured.quarantine[Reason.UNREADABLE] == COUNTED_TO
    assert measured.quarantine[Reason.KEY_CONFLICT] == 3


def test_the_delivery_that_is_due_longest_is_found(
    stand: DeliveryStand, store: PostgresWatchStore
) -> None:
    stand.accept(stand.tenant(), 3)
    stand.superuser.execute("UPDATE tillgate.delivery SET due_at = now() + interval '1 hour'")
    assert store.measure().oldest_due_seconds == 0
    stand.superuser.execute(
        "UPDATE tillgate.delivery SET due_at = now() - interval '90 seconds'"
        " WHERE event_id = (SELECT event_id FROM tillgate.delivery LIMIT 1)"
    )

    assert 90 <= store.measure().oldest_due_seconds < 120


def test_the_oldest_secret_is_of_those_in_use(
    stand: DeliveryStand, store: PostgresWatchStore
) -> None:
    tenant = stand.tenant()
    add_source(stand, tenant)
    stand.superuser.execute("UPDATE tillgate.source SET secret_set_at = now() - interval '10 days'")
    assert store.measure().secret_age_seconds == pytest.approx(10 * 86_400, abs=60)
    for age, revoked_at in ((20, None), (90, LONG_AGO)):
        stand.superuser.execute(
            "INSERT INTO tillgate.api_token (tenant_id, name, digest, hint, created_at, revoked_at)"
            " VALUES (%s, 'n', sha256(%s), 'h', now() - make_interval(days => %s), %s)",
            (tenant, str(age).encode(), age, revoked_at),
        )
    stand.superuser.execute(
        "INSERT INTO tillgate.app (provider, name, notification_url, sealed_secret,"
        " awaits_secret, secret_set_at)"
        " VALUES ('square', 'n', 'https://x', '', true, '2020-01-01')"
    )

    assert store.measure().secret_age_seconds == pytest.approx(20 * 86_400, abs=60)


def test_a_destinations_key_and_a_vendors_credential_are_secrets_too(
    stand: DeliveryStand, store: PostgresWatchStore
) -> None:
    tenant = stand.tenant()
    credential = add_source(stand, tenant)
    days = 86_400
    stand.superuser.execute("UPDATE tillgate.destination SET set_at = now() - interval '30 days'")
    assert store.measure().secret_age_seconds == pytest.approx(30 * days, abs=60)
    stand.superuser.execute(
        "UPDATE tillgate.source SET sealed_credential = '', api_url = 'https://x',"
        " credential_set_at = now() - interval '40 days'"
    )
    assert store.measure().secret_age_seconds == pytest.approx(40 * days, abs=60)
    stand.admin.execute(
        "UPDATE tillgate.source SET sealed_credential = NULL, api_url = NULL,"
        " credential_set_at = NULL WHERE source_id = %s",
        (credential,),
    )

    assert store.measure().secret_age_seconds == pytest.approx(30 * days, abs=60)


def test_those_are_counted_who_are_active_and_can_send_by_their_hours(
    stand: DeliveryStand, store: PostgresWatchStore
) -> None:
    token = (
        "INSERT INTO tillgate.api_token (tenant_id, name, digest, hint, revoked_at)"
        " VALUES (%s, 'n', sha256(%s), 'h', %s)"
    )
    with_source, with_token, revoked, suspended, awaiting, _ = (stand.tenant() for _ in range(6))
    for tenant in (with_source, suspended, awaiting):
        add_source(stand, tenant)
    for tenant, revoked_at in ((with_token, None), (revoked, LONG_AGO)):
        stand.superuser.execute(token, (tenant, tenant.encode(), revoked_at))
    stand.superuser.execute(
        "UPDATE tillgate.source SET awaits_secret = true WHERE tenant_id = %s", (awaiting,)
    )
    stand.admin.execute(
        "UPDATE tillgate.tenant SET state = 'suspended' WHERE tenant_id = %s", (suspended,)
    )
    never_closes = TenantHours(time_zone=None, opening_hours={}, tenants=2)
    assert store.tenant_hours() == [never_closes]

    open_always(stand, with_source)
    open_always(stand, suspended)

    assert sorted(store.tenant_hours(), key=lambda one: one.time_zone or "") == [
        replace(never_closes, tenants=1),
        TenantHours(time_zone="Europe/Berlin", opening_hours=ALWAYS, tenants=1),
    ]


def test_proofs_are_read_as_they_were_written(
    stand: DeliveryStand, store: PostgresWatchStore
) -> None:
    stand.superuser.execute(
        "INSERT INTO tillgate.proof VALUES ('drill_restore', '2026-11-01T00:00:00Z', NULL)"
    )

    at = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
    assert store.measure().proofs == {"drill_restore": at}


def test_what_is_put_is_read_by_the_next_run_and_by_a_scrape(
    stand: DeliveryStand, store: PostgresWatchStore
) -> None:
    store.put_gauges({"dead_letters": 3, "queue_messages|accept": 4})
    store.put_gauges({"dead_letters": 5})

    known = store.measure().gauges
    assert {name: value for name, (value, _) in known.items()} == {
        "dead_letters": 5, "queue_messages|accept": 4,
    }  # fmt: skip
    assert all(0 <= since < 10 for _, since in known.values())
    scraped = PostgresMetrics(stand.connect("health"), within_seconds=5).read()
    assert scraped.gauges == {"dead_letters": 5, "queue_messages|accept": 4}
    assert scraped.gauges_at == pytest.approx(datetime.now(UTC).timestamp(), abs=10)


def test_what_is_five_minutes_old_is_no_longer_scraped_but_its_time_is(
    stand: DeliveryStand, store: PostgresWatchStore
) -> None:
    store.put_gauges({"dead_letters": 3})
    stand.superuser.execute("UPDATE tillgate.metric_gauge SET at = at - interval '301 seconds'")

    scraped = PostgresMetrics(stand.connect("health"), within_seconds=5).read()

    assert scraped.gauges == {}
    assert scraped.gauges_at == pytest.approx(datetime.now(UTC).timestamp() - 301, abs=10)


def test_a_source_counts_from_its_last_event_and_only_when_silent_for_long_enough(
    stand: DeliveryStand, store: PostgresWatchStore
) -> None:
    tenant = stand.tenant()
    open_always(stand, tenant)
    never, lately, long_ago, patient, exempt = (
        add_source(stand, tenant, quiet_after=minutes) for minutes in (None, None, None, 600, 0)
    )
    now = datetime.now(UTC)
    hear(stand, tenant, lately, now - timedelta(minutes=59))
    hear(stand, tenant, long_ago, now - timedelta(minutes=61))
    hear(stand, tenant, patient, now - timedelta(minutes=61))
    hear(stand, tenant, exempt, LONG_AGO)
    add_source(stand, stand.tenant())

    found = every_source(store)

    assert set(found) == {never, long_ago}
    assert found[never].heard_at == LONG_AGO
    assert found[never].last_event_at is None
    assert found[long_ago].last_event_at == found[long_ago].heard_at
    assert found[long_ago].opening_hours == ALWAYS
    assert (found[never].time_zone, found[never].quiet_after_minutes) == ("Europe/Berlin", 60)


def test_a_tenant_that_is_resumed_or_opens_anew_begins_anew(
    stand: DeliveryStand, store: PostgresWatchStore
) -> None:
    tenant = stand.tenant()
    open_always(stand, tenant)
    source = add_source(stand, tenant)
    assert set(every_source(store)) == {source}
    for state in ("suspended", "active"):
        stand.admin.execute(
            "UPDATE tillgate.tenant SET state = %s WHERE tenant_id = %s", (state, tenant)
        )
        assert every_source(store) == {}


def test_a_tenant_that_is_told_to_be_what_it_is_stays_quiet(
    stand: DeliveryStand, store: PostgresWatchStore
) -> None:
    tenant = stand.tenant()
    open_always(stand, tenant)
    source = add_source(stand, tenant)

    # As a resume that is sent once more.
    stand.admin.execute(
        "UPDATE tillgate.tenant SET state = 'active' WHERE tenant_id = %s", (tenant,)
    )

    assert set(every_source(store)) == {source}


def test_every_source_is_met_in_parts(stand: DeliveryStand) -> None:
    tenant = stand.tenant()
    open_always(stand, tenant)
    sources = {add_source(stand, tenant) for _ in range(10)}
    for at_once in (3, 5, 10, 11):
        store = PostgresWatchStore(
            stand.connect("watch"), within_seconds=10, sources_at_once=at_once
        )
        assert set(every_source(store)) == sources


def test_a_change_is_noted_once_by_however_many_watchers(
    stand: DeliveryStand, store: PostgresWatchStore
) -> None:
    tenant = stand.tenant()
    open_always(stand, tenant)
    source_id = add_source(stand, tenant)
    [source] = every_source(store).values()
    other = PostgresWatchStore(stand.connect("watch"), within_seconds=10)

    assert store.note_quiet([(source, LONG_AGO)], []) == {source_id}
    assert other.note_quiet([(source, LONG_AGO)], []) == set()
    [known] = every_source(store).values()
    assert known.quiet_since == LONG_AGO
    assert store.measure().quiet_sources == 1
    assert other.note_quiet([], [known]) == {source_id}
    assert store.note_quiet([], [known]) == set()
    assert store.measure().quiet_sources == 0


def test_who_is_quiet_is_given_though_nobody_asks_any_more(
    stand: DeliveryStand, store: PostgresWatchStore
) -> None:
    tenant = stand.tenant()
    open_always(stand, tenant)
    add_source(stand, tenant)
    [source] = every_source(store).values()
    store.note_quiet([(source, LONG_AGO)], [])
    stand.admin.execute(
        "UPDATE tillgate.tenant SET state = 'suspended' WHERE tenant_id = %s", (tenant,)
    )

    [known] = every_source(store).values()

    assert (known.time_zone, known.quiet_since) == (None, LONG_AGO)
