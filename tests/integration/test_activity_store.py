"""What tenants and sources did, from many sandboxes' flushes: each counts once, in its bucket."""

from __future__ import annotations

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.integration.testdatabase import migrate, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ops.local.postgres import EmbeddedPostgres
    from tests.integration.testdatabase import Connection, TestDatabase

FLUSHES = 100
ONE = {
    "requests": 1,
    "events": 1,
    "handler_us": 1_500,
    "database_us": 700,
    "latency_2": 1,
}


@pytest.fixture(scope="module")
def active(server: EmbeddedPostgres) -> Iterator[TestDatabase]:
    """A database whose buckets are these tests' own; each has tenants of its own."""
    with scratch_database(server, f"t{uuid.uuid4().hex}") as made:
        migrate(made)
        yield made


def add(
    connection: Connection,
    sandbox: uuid.UUID,
    seq: int,
    *,
    tenants: Mapping[str, Mapping[str, object]] | None = None,
    sources: Mapping[str, int] | None = None,
) -> bool:
    activity = {"tenants": tenants or {}, "sources": sources or {}}
    row = connection.execute(
        "SELECT tillgate.metrics_add(%s, %s, '{}', %s::jsonb)", (sandbox, seq, json.dumps(activity))
    ).fetchone()
    assert row is not None
    return bool(row[0])


def fold(connection: Connection, *, at_most: int = 10_000) -> int:
    row = connection.execute("SELECT tillgate.metrics_fold('0', %s)", (at_most,)).fetchone()
    assert row is not None
    return int(row[0])


def discard(connection: Connection, *, at_most: int = 10_000) -> int:
    row = connection.execute("SELECT tillgate.activity_discard_old(%s)", (at_most,)).fetchone()
    assert row is not None
    return int(row[0])


def total(connection: Connection, tenant: str, *, width: str = "hour") -> tuple[int, ...]:
    """Requests, events, handler_us, database_us and the second bucket, of all of a width."""
    row = connection.execute(
        "SELECT sum(requests)::int, sum(events)::int, sum(handler_us)::int,"
        " sum(database_us)::int, sum(latency[2])::int"
        " FROM tillgate.tenant_activity WHERE tenant_id = %s AND width = %s",
        (tenant, width),
    ).fetchone()
    assert row is not None
    return tuple(row)


def times(number: int) -> tuple[int, ...]:
    return (number, number, 1_500 * number, 700 * number, number)


def test_a_repeated_flush_counts_once_per_tenant_before_and_after_it_was_folded(
    active: TestDatabase,
) -> None:
    sandbox, one, other = uuid.uuid4(), str(uuid.uuid4()), str(uuid.uuid4())
    tenants = {one: ONE, other: ONE}
    with (
        active.as_role("ingest") as ingest,
        active.as_role("sweep") as sweep,
        active.as_role("admin") as admin,
    ):
        assert add(ingest, sandbox, 1, tenants=tenants)
        assert not add(ingest, sandbox, 1, tenants=tenants)
        assert fold(sweep) >= 1
        assert not add(ingest, sandbox, 1, tenants=tenants)
        assert fold(sweep) == 0
        for tenant in (one, other):
            for width in ("five_minutes", "hour"):
                assert total(admin, tenant, width=width) == times(1)


def test_what_is_nobodys_is_left_out_and_counted_and_the_rest_is_folded(
    active: TestDatabase,
) -> None:
    """One such flush would be in the way of all that come after it, for ever."""
    tenant = str(uuid.uuid4())
    bad, worse = {"t-1": ONE, tenant: ONE, "": ONE}, {f"{tenant},{tenant}": ONE}
    with (
        active.as_role("ingest") as ingest,
        active.as_role("sweep") as sweep,
        active.as_role("admin") as admin,
    ):
        add(ingest, uuid.uuid4(), 1, tenants=bad, sources={"s-1": 1, str(uuid.uuid4()): 1})
        add(ingest, uuid.uuid4(), 1, tenants=worse)
        add(ingest, uuid.uuid4(), 1, tenants={tenant: ONE})
        upkeep = "SELECT tillgate.metrics_fold_whole('0', 100)"
        first, again = (sweep.execute(upkeep).fetchone() for _ in range(2))

        assert first == ({"folded": 3, "dropped": 4},)
        assert again == ({"folded": 0, "dropped": 0},)
        assert total(admin, tenant) == times(2)


def test_flushes_of_many_sandboxes_add_up_while_two_fold_at_once(active: TestDatabase) -> None:
    tenants = [str(uuid.uuid4()) for _ in range(20)]
    done = threading.Event()

    def flush(role: str) -> None:
        sandbox = uuid.uuid4()
        with active.as_role(role) as connection:
            for seq in range(FLUSHES):
                # Each in an order of its own, so that folds would lock crosswise.
                turned = [*tenants[seq % 20 :], *tenants[: seq % 20]]
                add(connection, sandbox, seq, tenants=dict.fromkeys(turned, ONE))

    def keep_folding() -> int:
        with active.as_role("sweep") as sweep:
            folded = 0
            while not done.is_set():
                folded += fold(sweep, at_most=7)
            return folded

    roles = ("ingest", "ingest", "accept", "api")
    with ThreadPoolExecutor(len(roles) + 2) as pool:
        folds = [pool.submit(keep_folding) for _ in range(2)]
        try:
            for flushing in [pool.submit(flush, role) for role in roles]:
                flushing.result()
        finally:
            done.set()
        assert sum(folding.result() for folding in folds) > 0
    with active.as_role("sweep") as sweep, active.as_role("admin") as admin:
        fold(sweep)
        for tenant in tenants:
            assert total(admin, tenant) == times(len(roles) * FLUSHES)
            assert total(admin, tenant, width="five_minutes") == times(len(roles) * FLUSHES)


def test_a_flush_of_the_version_before_is_folded_beside_this_versions(
    active: TestDatabase,
) -> None:
    tenant = str(uuid.uuid4())
    with (
        active.as_role("ingest") as ingest,
        active.as_role("sweep") as sweep,
        active.as_role("health") as health,
        active.as_role("admin") as admin,
    ):
        ingest.execute("SELECT tillgate.metrics_add(%s, 1, '{\"older\": 3}')", (uuid.uuid4(),))
        add(ingest, uuid.uuid4(), 1, tenants={tenant: ONE})
        assert fold(sweep) == 2
        row = health.execute("SELECT tillgate.metrics_read()").fetchone()
        assert row is not None
        assert row[0]["series"]["older"] == 3
        assert total(admin, tenant) == times(1)


def test_what_was_flushed_late_counts_where_it_was_flushed(active: TestDatabase) -> None:
    tenant, sandbox = str(uuid.uuid4()), uuid.uuid4()
    with (
        active.as_role("ingest") as ingest,
        active.as_role("sweep") as sweep,
        active.superuser() as superuser,
    ):
        for seq, at in enumerate(("10:59:59", "11:00:00", "11:04:59", "11:05:00")):
            add(ingest, sandbox, seq, tenants={tenant: ONE})
            superuser.execute(
                "UPDATE tillgate.metric_increment SET at = %s WHERE sandbox_id = %s AND seq = %s",
                (f"2026-11-22T{at}Z", sandbox, seq),
            )
        fold(sweep)
        found = superuser.execute(
            "SELECT width, to_char(starts_at AT TIME ZONE 'UTC', 'HH24:MI'), requests"
            " FROM tillgate.tenant_activity WHERE tenant_id = %s ORDER BY width, starts_at",
            (tenant,),
        ).fetchall()
    assert found == [
        ("five_minutes", "10:55", 1),
        ("five_minutes", "11:00", 2),
        ("five_minutes", "11:05", 1),
        ("hour", "10:00", 1),
        ("hour", "11:00", 3),
    ]


def test_old_buckets_are_let_go_of_a_few_at_a_time(active: TestDatabase) -> None:
    tenant = str(uuid.uuid4())
    with active.superuser() as superuser, active.as_role("sweep") as sweep:
        discard(sweep)
        for width, age, number in (
            ("five_minutes", "47 hours", 3),
            ("five_minutes", "49 hours", 25),
            ("hour", "39 days", 3),
            ("hour", "41 days", 15),
        ):
            superuser.execute(
                "INSERT INTO tillgate.tenant_activity SELECT %s, %s,"
                " now() - %s::interval - n * interval '1 second',"
                " 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, '{}' FROM generate_series(1, %s) AS n",
                (tenant, width, age, number),
            )
        assert [discard(sweep, at_most=10) for _ in range(4)] == [20, 15, 5, 0]
        assert total(superuser, tenant, width="hour")[0] == 3
        assert total(superuser, tenant, width="five_minutes")[0] == 3


def test_a_sources_last_event_is_when_it_came_and_never_goes_backwards(
    active: TestDatabase,
) -> None:
    tenant = active.add_tenant(f"t-{uuid.uuid4().hex[:12]}")
    gone = str(uuid.uuid4())
    with (
        active.superuser() as superuser,
        active.as_role("ingest") as ingest,
        active.as_role("sweep") as sweep,
        active.as_role("admin") as admin,
    ):
        row = superuser.execute(
            "INSERT INTO tillgate.source (tenant_id, provider, name, notification_url,"
            " sealed_secret) VALUES (%s, 'square', 'till', 'https://x/', 'x')"
            " RETURNING source_id::text",
            (tenant,),
        ).fetchone()
        assert row is not None
        source = row[0]

        def last_after(*seconds: int) -> object:
            for one in seconds:
                sources = {source: one * 1_000, gone: one * 1_000}
                add(ingest, uuid.uuid4(), 1, sources=sources)
            fold(sweep)
            return admin.execute(
                "SELECT tenant_id::text, extract(epoch FROM last_event_at)::bigint,"
                " last_event_at <= now() FROM tillgate.source_activity"
                " WHERE source_id = ANY (%s::uuid[])",
                ([source, gone],),
            ).fetchall()

        assert last_after(1_790_000_000, 1_790_000_500) == [(tenant, 1_790_000_500, True)]
        assert last_after(1_790_000_400) == [(tenant, 1_790_000_500, True)]
        ahead = last_after(99_000_000_000)
    assert isinstance(ahead, list)
    assert ahead[0][2] is True
