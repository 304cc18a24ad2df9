"""A migration of the tables that every hook is looked up in, while hooks come in."""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.integration.polling import until
from tests.integration.testdatabase import run_migrations, scratch_database
from tillgate.adapters.migration_files import shipped_migrations

if TYPE_CHECKING:
    from typing import Literal

    from ops.local.postgres import EmbeddedPostgres
    from tests.integration.testdatabase import TestDatabase

UP_TO_IT = [migration for migration in shipped_migrations() if migration.number <= 5]
BEFORE = UP_TO_IT[:-1]
LOOKERS = 6
# What a request gives the database, by default.
LONGEST_SECONDS = 0.8
RUNS = {16: 2, 18: 8}
DEADLOCK, LOCK_TIMEOUT = b"deadlock detected", b"canceling statement due to lock timeout"


class Looker:
    """One connection of the version before, which looks endpoints up as fast as it can."""

    def __init__(self, database: TestDatabase, ended: threading.Event) -> None:
        self._database = database
        self._ended = ended
        self.slowest = 0.0
        self.look_ups = 0

    def run(self) -> None:
        with psycopg.connect(
            self._database.url("ingest"), autocommit=True, prepare_threshold=0
        ) as connection:
            while not self._ended.is_set():
                started = time.monotonic()
                connection.execute(
                    "SELECT * FROM tillgate.find_endpoint('square', %s)", (uuid.uuid4(),)
                ).fetchall()
                self.slowest = max(self.slowest, time.monotonic() - started)
                self.look_ups += 1


def add_sources(database: TestDatabase, count: int) -> None:
    tenant = database.add_tenant("one")
    with database.superuser() as superuser:
        superuser.execute(
            "INSERT INTO tillgate.source (source_id, tenant_id, provider, name, notification_url,"
            " sealed_secret) SELECT gen_random_uuid(), %s, 'square', 'n' || n,"
            " 'https://x.example', '\\x00' FROM generate_series(1, %s) AS n",
            (tenant, count),
        )


def migrate_under_load(database: TestDatabase) -> list[Looker]:
    """Apply 0005 while everyone looks up; an error of any look-up is raised."""
    run_migrations(database, BEFORE, role_secret_ids=ROLES_BEFORE)
    add_sources(database, 2_000)
    ended = threading.Event()
    lookers = [Looker(database, ended) for _ in range(LOOKERS)]
    with ThreadPoolExecutor(LOOKERS) as threads:
        running = [threads.submit(looker.run) for looker in lookers]
        try:
            until(lambda: all(looker.look_ups > 20 for looker in lookers), what="all look up")
            assert run_migrations(database, UP_TO_IT, role_secret_ids=ROLES_SINCE).applied == (5,)
            done = [looker.look_ups for looker in lookers]
            until(
                lambda: all(
                    looker.look_ups > before + 20
                    for looker, before in zip(lookers, done, strict=True)
                ),
                what="all look up after it",
            )
        finally:
            ended.set()
        for future in running:
            future.result(20)
    return lookers


# The role of the worker comes with 0005.
ROLES_BEFORE = ("ingest", "api", "admin", "health", "sweep")
ROLES_SINCE = (*ROLES_BEFORE, "accept")


def told(server: EmbeddedPostgres, what: bytes, *, since: int) -> int:
    """Count what the server's log has said since it was so long."""
    return server.log_path.read_bytes()[since:].count(what)


@pytest.mark.proof
def test_0005_under_look_ups_makes_no_deadlock_and_no_look_up_slow(
    server: EmbeddedPostgres, version: Literal[16, 18]
) -> None:
    slowest = []
    for _ in range(RUNS[version]):
        since = server.log_path.stat().st_size
        with scratch_database(server, f"t{uuid.uuid4().hex}") as database:
            lookers = migrate_under_load(database)
        assert told(server, DEADLOCK, since=since) == 0
        # A deadlock that the migration's own lock time-out ends before the server sees it.
        assert told(server, LOCK_TIMEOUT, since=since) == 0
        slowest.append(max(looker.slowest for looker in lookers))
    print(f"slowest look-ups, ms: {[round(one * 1000) for one in slowest]}")  # noqa: T201  For -rP.
    assert max(slowest) < LONGEST_SECONDS


def test_0005_waits_for_a_look_up_that_takes_long_and_holds_no_other_up_for_long(
    empty_database: TestDatabase,
) -> None:
    run_migrations(empty_database, BEFORE, role_secret_ids=ROLES_BEFORE)
    add_sources(empty_database, 10)
    ended = threading.Event()
    looker = Looker(empty_database, ended)
    server = empty_database.server
    since = server.log_path.stat().st_size

    with empty_database.superuser() as reader, ThreadPoolExecutor(2) as threads:
        running = threads.submit(looker.run)
        try:
            with reader.transaction():
                reader.execute("SELECT count(*) FROM tillgate.app")
                migrating = threads.submit(
                    run_migrations, empty_database, UP_TO_IT, role_secret_ids=ROLES_SINCE
                )
                until(
                    lambda: told(server, LOCK_TIMEOUT, since=since) >= 2,
                    what="two tries timed out",
                )
            assert migrating.result(30).applied == (5,)
        finally:
            ended.set()
        running.result(20)
    assert looker.slowest < LONGEST_SECONDS
    assert told(server, DEADLOCK, since=since) == 0
