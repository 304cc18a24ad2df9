"""A statement sent by libpq itself: prepared once, in time or not at all, refused as psycopg's."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.integration.crashes import frozen
from tests.integration.polling import until
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.deadline_connection import Prepared
from tillgate.domain.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.local.postgres import EmbeddedPostgres
    from tests.integration.testdatabase import TestDatabase

ECHO = Prepared(b"echo", b"SELECT $1::text")
PID = Prepared(b"pid", b"SELECT pg_backend_pid()")
SLEEP = Prepared(b"sleep", b"SELECT pg_sleep($1)")
QUOTIENT = Prepared(b"quotient", b"SELECT 1 / $1::integer")
SIX_MEGABYTES = b"x" * (6 * 1024 * 1024)


@pytest.fixture
def sandbox(database: TestDatabase) -> Iterator[Database]:
    with closing(Database(lambda: database.url("ingest"), max_uses=1_000)) as made:
        yield made


def cut(database: TestDatabase, pid: str | None) -> None:
    with database.superuser() as superuser:
        superuser.execute("SELECT pg_terminate_backend(%s)", (int(pid or 0),))
        until(
            lambda: (
                not superuser.execute(
                    "SELECT FROM pg_stat_activity WHERE pid = %s", (int(pid or 0),)
                ).fetchall()
            ),
            what="it is cut",
        )


@pytest.mark.parametrize("text", [b"", b"12.10", "Größe \U0001f95e".encode(), SIX_MEGABYTES])
def test_a_text_goes_there_and_back(sandbox: Database, text: bytes) -> None:
    assert sandbox.value(ECHO, [text], within_seconds=10) == text.decode()


def test_null_is_none_both_ways(sandbox: Database) -> None:
    assert sandbox.value(ECHO, [None], within_seconds=3) is None


def test_a_statement_is_prepared_once_a_connection(sandbox: Database) -> None:
    for text in (b"one", b"two", b"three"):
        assert sandbox.value(ECHO, [text], within_seconds=3) == text.decode()

    prepared = sandbox.rows(
        "SELECT name, generic_plans + custom_plans FROM pg_prepared_statements WHERE name = 'echo'",
        within_seconds=3,
    )

    assert prepared == [("echo", 3)]


def test_what_psycopg_sends_may_stand_between(sandbox: Database) -> None:
    first = sandbox.value(PID, [], within_seconds=3)
    [(between,)] = sandbox.rows("SELECT pg_backend_pid()", within_seconds=3)

    assert [first, sandbox.value(PID, [], within_seconds=3)] == [str(between)] * 2


def test_a_text_that_holds_nul_is_refused_and_not_cut_short(sandbox: Database) -> None:
    with pytest.raises(psycopg.DataError):
        sandbox.value(ECHO, [b"before\0after"], within_seconds=3)

    assert sandbox.value(ECHO, [b"after"], within_seconds=3) == "after"


def test_an_error_of_the_statement_comes_as_psycopg_s_and_spoils_nothing(
    sandbox: Database,
) -> None:
    before = sandbox.value(PID, [], within_seconds=3)

    with pytest.raises(psycopg.errors.DivisionByZero):
        sandbox.value(QUOTIENT, [b"0"], within_seconds=3)

    assert sandbox.value(QUOTIENT, [b"1"], within_seconds=3) == "1"
    assert sandbox.value(PID, [], within_seconds=3) == before


def test_a_connection_that_was_cut_is_replaced_and_knows_the_statement_anew(
    sandbox: Database, database: TestDatabase
) -> None:
    before = sandbox.value(PID, [], within_seconds=3)
    cut(database, before)

    after = sandbox.value(PID, [], within_seconds=3)

    assert after not in {None, before}


def test_an_answer_that_does_not_come_is_waited_for_until_the_deadline(sandbox: Database) -> None:
    sandbox.value(PID, [], within_seconds=3)
    began = time.monotonic()

    with pytest.raises(StoreUnavailableError):
        sandbox.value(SLEEP, [b"30"], within_seconds=0.3)

    assert 0.25 <= time.monotonic() - began < 2
    assert sandbox.value(ECHO, [b"again"], within_seconds=3) == "again"


def test_a_server_that_reads_nothing_is_waited_for_until_the_deadline(
    sandbox: Database, server: EmbeddedPostgres
) -> None:
    sandbox.value(ECHO, [b"prepared"], within_seconds=3)

    with frozen(server), pytest.raises(StoreUnavailableError):
        sandbox.value(ECHO, [SIX_MEGABYTES * 4], within_seconds=0.5)

    assert sandbox.value(ECHO, [b"again"], within_seconds=3) == "again"
