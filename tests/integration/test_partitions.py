"""A day's partitions: made ahead, found by the id, and missed as a database is missed."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from tests.integration.dice import seeded
from tests.integration.events import NOW, event
from tests.integration.integrity import faults
from tests.integration.polling import until
from tillgate.adapters.postgres.connection import Database, RememberedUrl
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.adapters.postgres.upkeep import PostgresUpkeep
from tillgate.domain.errors import StoreUnavailableError
from tillgate.services.sweep import PARTITION_DAYS_AHEAD, Sweep

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.testdatabase import Connection, TestDatabase

TODAY = datetime.now(UTC).date()
LATER = date(2031, 1, 1)


def days_of(superuser: Connection, parent: str) -> set[date]:
    """Give the days whose partitions are attached, checking the bounds of each."""
    days = set()
    for name, bounds in superuser.execute(
        "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_class AS c"
        " JOIN pg_inherits AS i ON i.inhrelid = c.oid"
        " WHERE i.inhparent = to_regclass('tillgate.' || %s) AND c.relkind = 'r'",
        (parent,),
    ):
        day = datetime.strptime(name, f"{parent}_%Y%m%d").replace(tzinfo=UTC)
        first, end = (first_id(at) for at in (day, day + timedelta(days=1)))
        assert bounds == f"FOR VALUES FROM ('{first}') TO ('{end}')"
        days.add(day.date())
    return days


def first_id(at: datetime) -> str:
    """Make the least UUIDv7 of a millisecond (RFC 9562, section 5.7), without SQL."""
    hexes = f"{(at - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1):012x}"
    return f"{hexes[:8]}-{hexes[8:]}-7000-8000-000000000000"


def upkeep(database: TestDatabase, connect: Callable[[str], Database]) -> PostgresUpkeep:
    """Upkeep on a database that need not be the one that ``connect`` knows."""
    sweeper = connect("sweep")
    sweeper._url = RememberedUrl(lambda: database.url("sweep"))
    return PostgresUpkeep(sweeper)


def test_partitions_are_made_from_yesterday_to_14_days_ahead_and_once(
    own_database: TestDatabase, connect: Callable[[str], Database]
) -> None:
    sweep = Sweep(upkeep(own_database, connect), clock=time.monotonic)
    expected = {TODAY + timedelta(days=n) for n in range(-1, PARTITION_DAYS_AHEAD + 1)}
    with own_database.superuser() as superuser:
        for parent in ("event", "delivery", "attempt"):
            assert days_of(superuser, parent) == expected
        assert sweep.make_partitions(TODAY) == 0
        assert sweep.make_partitions(TODAY + timedelta(days=3)) == 3
        assert max(days_of(superuser, "event")) == TODAY + timedelta(days=17)


def test_a_days_bounds_do_not_depend_on_the_sessions_time_zone(own_database: TestDatabase) -> None:
    with own_database.superuser() as superuser:
        for n, zone in enumerate(("Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu")):
            superuser.execute("SELECT set_config('timezone', %s, false)", (zone,))
            superuser.execute("SELECT tillgate.make_partitions(%s)", (LATER + timedelta(days=n),))
        made = days_of(superuser, "event")
    assert made >= {LATER + timedelta(days=n) for n in range(3)}


def test_two_makers_at_once_make_each_day_once(own_database: TestDatabase) -> None:
    makers = [
        Database(lambda: own_database.url("sweep"), max_uses=1_000),
        Database(lambda: own_database.url("sweep"), max_uses=1_000),
    ]
    together = threading.Barrier(len(makers))

    def make(maker: Database) -> list[bool]:
        work = PostgresUpkeep(maker)
        made = []
        for n in range(20):
            together.wait(20)
            made.append(work.make_partitions(LATER + timedelta(days=n)))
        return made

    with ThreadPoolExecutor(len(makers)) as threads:
        one, other = threads.map(make, makers)
    for maker in makers:
        maker.close()
    assert [a + b for a, b in zip(one, other, strict=True)] == [1] * 20


def test_events_go_in_while_partitions_are_made(own_database: TestDatabase) -> None:
    tenant = own_database.add_tenant("busy")
    sender = Database(lambda: own_database.url("ingest"), max_uses=1_000_000)
    maker = Database(lambda: own_database.url("sweep"), max_uses=1_000)
    done = threading.Event()

    def send() -> list[float]:
        store = PostgresEventStore(sender, within_seconds=5)
        took: list[float] = []
        while not done.is_set():
            started = time.monotonic()
            store.accept(tenant, [event(str(len(took)))], received_at=NOW)
            took.append(time.monotonic() - started)
        return took

    with ThreadPoolExecutor(1) as thread, own_database.superuser() as open_transaction:
        sending = thread.submit(send)
        try:
            with open_transaction.transaction():
                # An insert that is not committed holds its lock on the table meanwhile.
                open_transaction.execute(
                    "INSERT INTO tillgate.delivery SELECT %s, tillgate.new_event_id(now()), 'none'",
                    (tenant,),
                )
                work = PostgresUpkeep(maker)
                made = [work.make_partitions(LATER + timedelta(days=n)) for n in range(40)]
                open_transaction.execute("ROLLBACK")
                open_transaction.execute("BEGIN")
        finally:
            done.set()
        took = sending.result(30)
    sender.close()
    maker.close()
    assert made == [True] * 40
    assert len(took) > 20
    assert max(took) < 1.0, "the lock_timeout of make_partitions"


def test_a_maker_that_cannot_have_the_lock_gives_up_and_blocks_nobody(
    own_database: TestDatabase, connect: Callable[[str], Database]
) -> None:
    tenant = own_database.add_tenant("busy")
    sender = connect("ingest")
    sender._url = RememberedUrl(lambda: own_database.url("ingest"))
    store = PostgresEventStore(sender, within_seconds=5)
    with own_database.superuser() as vacuum, ThreadPoolExecutor(1) as thread:
        with vacuum.transaction():
            # As a vacuum does.
            vacuum.execute("LOCK TABLE tillgate.event IN SHARE UPDATE EXCLUSIVE MODE")
            started = time.monotonic()
            making = thread.submit(upkeep(own_database, connect).make_partitions, LATER)
            until(
                lambda: vacuum.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone(),
                what="the maker waits",
            )
            store.accept(tenant, [event("k")], received_at=NOW)
            assert time.monotonic() - started < 1.0
            assert not making.done()
            with pytest.raises(StoreUnavailableError):
                making.result(30)
        assert upkeep(own_database, connect).make_partitions(LATER) is True


@pytest.mark.parametrize("parent", ["event", "delivery"])
def test_a_missing_partition_is_an_unreachable_database_and_leaves_no_key(
    own_database: TestDatabase, connect: Callable[[str], Database], parent: str
) -> None:
    tenant = own_database.add_tenant("t")
    sender = connect("ingest")
    sender._url = RememberedUrl(lambda: own_database.url("ingest"))
    store = PostgresEventStore(sender, within_seconds=5)
    with own_database.superuser() as superuser:
        for day in sorted(days_of(superuser, parent)):
            name = sql.Identifier(f"{parent}_{day:%Y%m%d}")
            superuser.execute(sql.SQL("DROP TABLE tillgate.{}").format(name))
        with pytest.raises(StoreUnavailableError):
            store.accept(tenant, [event("a"), event("b")], received_at=NOW)
        assert superuser.execute(
            "SELECT (SELECT count(*) FROM tillgate.ingest_key),"
            " (SELECT count(*) FROM tillgate.event), (SELECT count(*) FROM tillgate.delivery)"
        ).fetchone() == (0, 0, 0)
        Sweep(upkeep(own_database, connect), clock=time.monotonic).make_partitions(TODAY)
        [answer, _] = store.accept(tenant, [event("a"), event("b")], received_at=NOW)
        assert answer.outcome == "new"
        assert faults(superuser) == []


def moments() -> list[datetime]:
    dice = seeded(7)
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    edges = [midnight + timedelta(microseconds=n) for n in (-1000, -500, -1, 0, 1, 499, 500, 999)]
    return edges + [
        datetime.fromtimestamp(0, UTC) + timedelta(microseconds=dice.randrange(10**16))
        for _ in range(300)
    ]


def test_an_id_is_a_uuidv7_of_its_instant_and_no_less_than_the_first_of_it(
    database: TestDatabase,
) -> None:
    with database.superuser() as superuser:
        for at in moments():
            row = superuser.execute(
                "SELECT tillgate.new_event_id(%s)::text, tillgate.first_event_id(%s)::text",
                (at, at),
            ).fetchone()
            assert row is not None
            made, first = row
            assert re.fullmatch(
                r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-.{12}", made
            )
            assert first == first_id(at)
            assert first <= made < first_id(at + timedelta(milliseconds=1))


def test_ids_of_later_instants_are_greater(database: TestDatabase) -> None:
    start = datetime(2026, 11, 23, 10, 0, 0, 999_000, tzinfo=UTC)
    with database.superuser() as superuser:
        rows = superuser.execute(
            "SELECT tillgate.new_event_id(%s + n * interval '1 microsecond')::text"
            " FROM generate_series(0, 2000) AS n",
            (start,),
        ).fetchall()
    ids = [made for (made,) in rows]
    assert ids == sorted(set(ids))


def test_an_event_around_midnight_lies_in_the_partition_of_its_day(
    database: TestDatabase,
) -> None:
    midnight = datetime.combine(TODAY + timedelta(days=1), datetime.min.time(), UTC)
    with database.superuser() as superuser, superuser.transaction(force_rollback=True):
        for n in (-1001, -1000, -999, -1, 0, 1, 500, 1000):
            at = midnight + timedelta(microseconds=n)
            row = superuser.execute(
                "INSERT INTO tillgate.event (tenant_id, event_id, idempotency_key, type, data,"
                " received_at, stored_at) VALUES (gen_random_uuid(), tillgate.new_event_id(%s),"
                " 'k', 't', '{}', %s, %s) RETURNING tableoid::regclass::text",
                (at, at, at),
            ).fetchone()
            assert row == (f"tillgate.event_{at:%Y%m%d}",)
        with pytest.raises(psycopg.errors.CheckViolation):
            superuser.execute(
                "INSERT INTO tillgate.delivery SELECT gen_random_uuid(),"
                " tillgate.new_event_id(%s), 'none'",
                (midnight + timedelta(days=400),),
            )
