"""The breaker on Postgres: it opens when no answer comes, and a success closes it."""

from __future__ import annotations

import uuid
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest

from ops.local.processes import free_port
from tillgate.adapters.postgres.connection import Database, RememberedUrl
from tillgate.adapters.postgres.metrics import PostgresMetrics
from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.metrics import Increment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.testdatabase import TestDatabase

BREAKER_SECONDS = 5.0


class Sandbox:
    """One sandbox's database, that may be moved to where nobody listens; with clocks to set."""

    def __init__(self, database: TestDatabase) -> None:
        self._good = self.url = database.url("ingest")
        self._port = f":{database.server.port}/"
        self.now = 1_000_000.0
        self.left = float("inf")
        self.database = Database(
            lambda: self.url,
            max_uses=1_000,
            budget=lambda: self.left,
            breaker_seconds=BREAKER_SECONDS,
            clock=lambda: self.now,
        )
        # Read anew each time, so that the breaker alone decides whether it is asked.
        self.database._url = RememberedUrl(lambda: self.url, clock=lambda: self.now)

    def go_down(self) -> None:
        self.url = self._good.replace(self._port, f":{free_port()}/")
        self.database.close()
        self.database._url = RememberedUrl(lambda: self.url, clock=lambda: self.now)

    def come_back(self) -> None:
        self.url = self._good
        self.database._url = RememberedUrl(lambda: self.url, clock=lambda: self.now)

    def is_answered(self) -> bool:
        try:
            rows = self.database.rows("SELECT 1", within_seconds=10)
        except StoreUnavailableError:
            return False
        assert rows == [(1,)]
        return True

    def pid(self) -> int:
        [(pid,)] = self.database.rows("SELECT pg_backend_pid()", within_seconds=10)
        return int(pid)


@pytest.fixture
def sandbox(database: TestDatabase) -> Iterator[Sandbox]:
    made = Sandbox(database)
    with closing(made.database):
        yield made


def flush(sandbox: Sandbox, *, seq: int = 1) -> None:
    increment = Increment(seq, {"deliveries_total|none|delivered": 1})
    PostgresMetrics(sandbox.database, within_seconds=10).add(str(uuid.uuid4()), increment)


def test_a_flush_that_fails_keeps_no_event_from_the_database(sandbox: Sandbox) -> None:
    """It has what is left of a request's time, which says little about the database."""
    sandbox.go_down()
    with pytest.raises(StoreUnavailableError):
        flush(sandbox)
    sandbox.come_back()

    assert sandbox.is_answered()


def test_a_flush_asks_no_database_that_gave_no_answer_a_moment_ago(
    sandbox: Sandbox,
) -> None:
    sandbox.go_down()
    assert not sandbox.is_answered()
    sandbox.come_back()
    with pytest.raises(StoreUnavailableError, match="a moment ago"):
        flush(sandbox)
    sandbox.now += BREAKER_SECONDS

    flush(sandbox)

    assert sandbox.is_answered()


def test_for_5_seconds_a_database_that_is_back_is_not_asked(sandbox: Sandbox) -> None:
    assert sandbox.is_answered()
    sandbox.go_down()
    assert not sandbox.is_answered()
    sandbox.come_back()
    sandbox.now += BREAKER_SECONDS - 0.1
    assert not sandbox.is_answered()
    sandbox.now += 0.1

    assert sandbox.is_answered()


def test_a_success_closes_it(sandbox: Sandbox) -> None:
    sandbox.go_down()
    assert not sandbox.is_answered()
    sandbox.come_back()
    sandbox.now += BREAKER_SECONDS
    assert sandbox.is_answered()
    # Back in the seconds for which it was open: it is not any more.
    sandbox.now -= BREAKER_SECONDS - 1

    assert sandbox.is_answered()


def test_a_connection_that_is_cut_and_made_anew_in_time_does_not_open_it(
    sandbox: Sandbox, database: TestDatabase
) -> None:
    before = sandbox.pid()
    with database.superuser() as superuser:
        superuser.execute("SELECT pg_terminate_backend(%s, 10000)", (before,))

    assert sandbox.pid() != before
    assert sandbox.is_answered()


def test_a_statement_s_own_error_does_not_open_it(sandbox: Sandbox) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        sandbox.database.rows("SELECT 1 / 0", within_seconds=10)

    assert sandbox.is_answered()


def test_a_statement_that_takes_too_long_opens_it(sandbox: Sandbox) -> None:
    with pytest.raises(StoreUnavailableError):
        sandbox.database.rows("SELECT pg_sleep(60)", within_seconds=0.2)
    assert not sandbox.is_answered()
    sandbox.now += BREAKER_SECONDS

    assert sandbox.is_answered()


def test_a_request_without_time_left_keeps_the_connection_for_the_next(sandbox: Sandbox) -> None:
    before = sandbox.pid()
    sandbox.left = 0
    assert not sandbox.is_answered()
    sandbox.left = 10

    assert sandbox.pid() == before


def test_what_is_left_of_the_request_cuts_the_statement(sandbox: Sandbox) -> None:
    sandbox.is_answered()
    sandbox.left = 0.2

    with pytest.raises(StoreUnavailableError):
        sandbox.database.rows("SELECT pg_sleep(60)", within_seconds=60)


@pytest.mark.parametrize("max_uses", [1, 2, 3])
def test_a_connection_is_recycled_after_so_many_uses(database: TestDatabase, max_uses: int) -> None:
    with closing(Database(lambda: database.url("ingest"), max_uses=max_uses)) as connection:
        pids = []
        for _ in range(3 * max_uses):
            [(pid,)] = connection.rows("SELECT pg_backend_pid()", within_seconds=10)
            pids.append(pid)

    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [max_uses] * 3
