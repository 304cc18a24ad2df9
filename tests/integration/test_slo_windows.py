"""The error budget out of a real database: windows read right, and by the index."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.testdatabase import migrate, scratch_database
from tillgate.adapters.postgres.activity import _COUNTS, PostgresActivity
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.metrics import PostgresMetrics
from tillgate.domain.activity import PLATFORM
from tillgate.domain.metrics import Recorder
from tillgate.domain.slo import WINDOWS, Counts
from tillgate.domain.tenant import TenantId
from tillgate.services.metering import Meter
from tillgate.services.slo import CheckServiceLevels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.local.postgres import EmbeddedPostgres
    from tests.integration.testdatabase import Connection, TestDatabase

# Of the two sizes at which reading is compared; each has forty days of hours and two of five
# minutes.
FEW, MANY = 10, 100
# Of another year than the one in which this runs.
AT = datetime(2025, 11, 23, 12, 2, tzinfo=UTC)
HISTOGRAM = "{0,1,2,3,0,0,0,0,0,0,0,0,0,0,0}"


@pytest.fixture(scope="module")
def counted(server: EmbeddedPostgres) -> Iterator[TestDatabase]:
    with scratch_database(server, f"t{uuid.uuid4().hex}") as made:
        migrate(made)
        yield made


@pytest.fixture
def activity(counted: TestDatabase) -> Iterator[PostgresActivity]:
    database = Database(lambda: counted.url("admin"), max_uses=1_000)
    yield PostgresActivity(database, within_seconds=10)
    database.close()


def put(
    connection: Connection, tenant: str, width: str, at: str, *, requests: int, errors: int = 0
) -> None:
    connection.execute(
        "INSERT INTO tillgate.tenant_activity VALUES"
        " (%s, %s, %s, %s, %s, 0, 0, 0, 0, 0, 0, 0, 0, %s)",
        (tenant, width, f"2025-{at}Z", requests, errors, [requests]),
    )


def test_a_window_holds_the_buckets_that_reach_into_it(
    counted: TestDatabase, activity: PostgresActivity
) -> None:
    tenant = TenantId(str(uuid.uuid4()))
    with counted.superuser() as superuser:
        # Each a power of its own, so that a sum says which were added.
        for number, (width, at) in enumerate(
            (
                ("five_minutes", "11-23T12:00"),
                ("five_minutes", "11-23T11:05"),
                ("five_minutes", "11-23T11:00"),
                ("five_minutes", "11-23T10:55"),
                ("five_minutes", "11-22T12:00"),
                ("five_minutes", "11-22T11:55"),
                ("hour", "11-23T12:00"),
                ("hour", "10-24T12:00"),
                ("hour", "10-24T11:00"),
            )
        ):
            put(superuser, tenant, width, at, requests=10**number, errors=number)
        # The clock of whoever counts may be ahead.
        put(superuser, tenant, "hour", "11-23T13:00", requests=10**10)
        put(superuser, tenant, "five_minutes", "11-23T12:05", requests=10**10)
        put(superuser, str(uuid.uuid4()), "hour", "11-23T12:00", requests=10**11)

    hour, day, month = activity.counts(tenant, WINDOWS, at=AT)

    assert (hour.requests, hour.server_errors) == (111, 0 + 1 + 2)
    assert (day.requests, day.server_errors) == (11_111, 0 + 1 + 2 + 3 + 4)
    assert (month.requests, month.server_errors) == (11_000_000, 6 + 7)
    assert [counts.latency[0] for counts in (hour, day, month)] == [111, 11_111, 11_000_000]


def test_a_window_without_a_bucket_is_empty(activity: PostgresActivity) -> None:
    empty = Counts(0, 0, (0,) * 15)

    assert activity.counts(TenantId(str(uuid.uuid4())), WINDOWS, at=AT) == [empty] * 3


def test_what_sandboxes_count_is_what_is_read(
    counted: TestDatabase, activity: PostgresActivity
) -> None:
    one, two = (TenantId(str(uuid.uuid4())) for _ in range(2))
    database = Database(lambda: counted.url("ingest"), max_uses=1_000)
    meters = [
        Meter(Recorder(), PostgresMetrics(database, within_seconds=5), clock=lambda: 0.0)
        for _ in range(4)
    ]
    for number, meter in enumerate(meters):
        for status in (201, 201, 422, 503 if number == 0 else 201):
            meter.recorder.activity.request(one, status, {}, seconds=0.0007, database_seconds=0.0)
        shares = {one: {"stored": 1}, two: {"stored": 3}}
        meter.recorder.activity.request(
            None, 200, {"stored": 4}, shares=shares, seconds=0.2, database_seconds=0.1
        )
        assert meter.flush()
    database.close()
    with counted.as_role("sweep") as sweep:
        sweep.execute("SELECT tillgate.metrics_fold('0', 1000)")

    check = CheckServiceLevels(activity, now=lambda: datetime.now(UTC) + timedelta(seconds=1))
    for tenant, requests, errors in ((one, 20, 1), (two, 4, 0), (None, 20, 1)):
        for level in check.run(tenant).windows:
            assert (level.requests, level.server_errors) == (requests, errors)
    levels = check.run(one).windows
    assert levels[0].availability == 0.95
    assert levels[0].burn_rate == 50.0
    assert levels[0].p50_seconds == pytest.approx(0.000625)
    assert levels[0].p95_seconds == 0.2125


def fill(connection: Connection, tenants: int) -> TenantId:
    """Make that many further tenants' buckets, and the platform's; give one of them."""
    row = connection.execute("SELECT gen_random_uuid()::text").fetchone()
    assert row is not None
    # As they come: all tenants of an hour, then those of the next.
    connection.execute(
        """
        INSERT INTO tillgate.tenant_activity
        SELECT t.id, w.width, s.starts_at, 6, 0, 0, 6, 0, 0, 0, 0, 9000, 5000, %s
        FROM (
            VALUES ('hour', interval '40 days', interval '1 hour'),
                ('five_minutes', interval '2 days', interval '5 minutes')
        ) AS w (width, kept, length),
            generate_series(%s - w.kept, %s, w.length) AS s (starts_at),
            (
                SELECT CASE n WHEN 0 THEN %s::uuid WHEN 1 THEN %s::uuid
                    ELSE md5(%s || n)::uuid END AS id
                FROM generate_series(0, %s) AS n
            ) AS t
        ORDER BY w.width, s.starts_at
        ON CONFLICT DO NOTHING
        """,
        (HISTOGRAM, AT.replace(minute=0), AT.replace(minute=0), PLATFORM, row[0], row[0], tenants),
    )
    connection.execute("VACUUM ANALYZE tillgate.tenant_activity")
    return TenantId(str(row[0]))


def plan(connection: Connection, tenant: str) -> dict[str, Any]:
    """Read it as the adapter does; give what the server says of the way it took."""
    row = connection.execute(
        b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + _COUNTS.encode(),
        (
            [window.width for window in WINDOWS],
            [AT - window.length - window.bucket for window in WINDOWS],
            tenant,
            AT,
        ),
    ).fetchone()
    assert row is not None
    [read] = row[0]
    assert isinstance(read, dict)
    return read


def pages(read: dict[str, Any]) -> int:
    return int(read["Plan"]["Shared Hit Blocks"] + read["Plan"]["Shared Read Blocks"])


def test_a_read_touches_its_own_buckets_however_many_others_there_are(
    counted: TestDatabase, activity: PostgresActivity
) -> None:
    with counted.superuser() as superuser:
        few = fill(superuser, FEW)
    with counted.as_role("admin") as admin:
        among_few = {reader: plan(admin, reader) for reader in (few, PLATFORM)}
    with counted.superuser() as superuser:
        many = fill(superuser, MANY)
    with counted.as_role("admin") as admin:
        among_many = {reader: plan(admin, reader) for reader in (many, PLATFORM)}

    # 13 + 289 + 721 buckets, each at most a page, and the way down the index for each window.
    buckets = sum(int((window.length + window.bucket) / window.bucket) for window in WINDOWS)
    for read in (*among_few.values(), *among_many.values()):
        assert "Seq Scan" not in json.dumps(read)
        assert "tenant_activity_pkey" in json.dumps(read)
        assert pages(read) <= buckets + 50
    for tenant in (many, None):
        [hour, day, month] = activity.counts(tenant, WINDOWS, at=AT)
        assert min(hour.requests, day.requests, month.requests) >= 13 * 6
        assert month.requests == 721 * 6 or tenant is None
