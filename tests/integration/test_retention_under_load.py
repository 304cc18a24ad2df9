"""Days that are dropped while events come in and somebody reads: no event fails or waits long."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.integration.events import NOW, event
from tests.integration.history import add_events, ages
from tests.integration.polling import pause, until
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.adapters.postgres.retirement import PostgresRetirement
from tillgate.services.retire import Retire, RetireReport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.testdatabase import TestDatabase
    from tillgate.domain.tenant import TenantId

DAYS = 30
# What an accept gives the database.
LONGEST_SECONDS = 0.8
TABLES = ("event", "delivery", "attempt")


class Sender:
    """Stores one event after the other, on a connection of its own."""

    def __init__(self, database: TestDatabase, tenant: TenantId, ended: threading.Event) -> None:
        self._connection = Database(lambda: database.url("ingest"), max_uses=1_000_000)
        self._tenant = tenant
        self._ended = ended
        self.stored: list[str] = []
        self.longest = 0.0

    def run(self) -> None:
        store = PostgresEventStore(self._connection, within_seconds=10)
        while not self._ended.is_set():
            began = time.monotonic()
            key = f"{id(self)}-{len(self.stored)}"
            [answer] = store.accept(self._tenant, [event(key)], received_at=NOW)
            self.longest = max(self.longest, time.monotonic() - began)
            self.stored.append(answer.event_id)
        self._connection.close()


class Reader:
    """Reads all there is in one transaction after the other, each open for a while."""

    def __init__(self, database: TestDatabase, ended: threading.Event, seconds: float) -> None:
        self._database = database
        self._ended = ended
        self._seconds = seconds
        self.reads = 0

    def run(self) -> None:
        with psycopg.connect(self._database.superuser_url) as connection:
            while not self._ended.is_set():
                for table in TABLES:
                    connection.execute(f"SELECT count(*) FROM tillgate.{table}")  # noqa: S608  Names of our own.
                connection.execute("SELECT pg_sleep(%s)", (self._seconds,))
                connection.rollback()
                self.reads += 1
                pause(self._seconds / 3)


@pytest.fixture
def sweeper(own_database: TestDatabase) -> Iterator[PostgresRetirement]:
    connection = Database(lambda: own_database.url("sweep"), max_uses=1_000_000)
    yield PostgresRetirement(connection)
    connection.close()


def retire(sweeper: PostgresRetirement) -> RetireReport:
    return Retire(sweeper, default_days=DAYS, clock=time.monotonic).run()


def test_a_long_reader_holds_a_drop_up_and_nobody_else(
    own_database: TestDatabase, sweeper: PostgresRetirement
) -> None:
    tenant = own_database.add_tenant("one")
    ended = threading.Event()
    sender = Sender(own_database, tenant, ended)
    with (
        own_database.superuser() as superuser,
        own_database.superuser() as reader,
        ThreadPoolExecutor(1) as thread,
    ):
        add_events(superuser, tenant, days_ago=DAYS + 1)
        sending = thread.submit(sender.run)
        try:
            until(lambda: len(sender.stored) > 3, what="events go in")
            with reader.transaction():
                for table in TABLES:
                    ages(reader, table, tenant)
                before = retire(sweeper)
            after = retire(sweeper)
        finally:
            ended.set()
        sending.result(30)

    assert (before.partitions_dropped, before.partitions_busy) == (0, 1)
    assert (after.partitions_dropped, after.partitions_busy) == (3, 0)
    assert sender.longest < LONGEST_SECONDS


@pytest.mark.proof
def test_days_are_dropped_under_writers_and_long_readers(
    own_database: TestDatabase, sweeper: PostgresRetirement
) -> None:
    tenants = [own_database.add_tenant(f"t{n}") for n in range(4)]
    ended = threading.Event()
    senders = [Sender(own_database, tenant, ended) for tenant in tenants]
    readers = [Reader(own_database, ended, seconds) for seconds in (0.3, 1.1)]
    with own_database.superuser() as superuser, ThreadPoolExecutor(8) as threads:
        for days_ago in range(DAYS - 1, DAYS + 13):
            for tenant in tenants:
                add_events(superuser, tenant, days_ago=days_ago, count=200)
        running = [threads.submit(one.run) for one in senders]
        running += [threads.submit(one.run) for one in readers]
        reports = []
        try:
            began = time.monotonic()
            while time.monotonic() - began < 120:
                reports.append(retire(sweeper))
                if sum(report.partitions_dropped for report in reports) == 36:
                    break
        finally:
            ended.set()
        for one in running:
            one.result(30)
        stored = superuser.execute("SELECT event_id::text FROM tillgate.event").fetchall()

    assert sum(report.partitions_dropped for report in reports) == 36
    assert {one for sender in senders for one in sender.stored} <= {one for (one,) in stored}
    assert min(len(sender.stored) for sender in senders) > 50
    assert max(sender.longest for sender in senders) < 1.0
