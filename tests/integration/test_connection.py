"""A sandbox's connection: replaced without a gap, by a URL that is read when it has to be."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, LiteralString

import pytest
from psycopg import sql

from tests.integration.polling import until
from tillgate.adapters.postgres.connection import READ_AGAIN_SECONDS, Database, RememberedUrl
from tillgate.adapters.postgres.conninfo import url_for_role
from tillgate.domain.errors import SecretUnavailableError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.testdatabase import TestDatabase

MINE: LiteralString = " FROM pg_stat_activity WHERE usename = 'recycled'"


class Till:
    """One sandbox's database, under a role of its own that a test may lock out."""

    def __init__(self, database: TestDatabase) -> None:
        self._database = database
        self.secret = self._rotated = self._url("first")
        self.is_down = False
        self.reads = 0
        self.now = 1_000_000.0
        self.connected = Database(self._read, max_uses=2)
        self.connected._url = RememberedUrl(self._read, clock=lambda: self.now)

    def pid(self) -> int:
        [(pid,)] = self.connected.rows("SELECT pg_backend_pid()", within_seconds=3)
        return int(pid)

    def rotate(self, *, password: str) -> None:
        """Let the server know another password, and the secret's keeper not yet."""
        with self._database.superuser() as superuser:
            superuser.execute(sql.SQL("ALTER ROLE recycled PASSWORD {}").format(password))
        self._rotated = self._url(password)

    def publish(self) -> None:
        self.secret = self._rotated

    def superuser(self, statement: LiteralString) -> None:
        with self._database.superuser() as superuser:
            superuser.execute(statement)

    def cut(self) -> None:
        """End its connection from the server's side."""
        with self._database.superuser() as superuser:
            superuser.execute("SELECT pg_terminate_backend(pid)" + MINE)
            until(lambda: not superuser.execute("SELECT" + MINE).fetchall(), what="it is cut")

    def _read(self) -> str:
        self.reads += 1
        if self.is_down:
            raise SecretUnavailableError("down")
        return self.secret

    def _url(self, password: str) -> str:
        return url_for_role(self._database.owner_url, username="recycled", password=password)


@pytest.fixture
def till(database: TestDatabase) -> Iterator[Till]:
    made = Till(database)
    made.superuser("CREATE ROLE recycled LOGIN PASSWORD 'first' IN ROLE tillgate_ingest")
    with closing(made.connected):
        yield made
    made.superuser("DROP ROLE recycled")


def test_a_worn_connection_is_replaced_while_the_secrets_keeper_is_down(till: Till) -> None:
    pids = [till.pid()]
    till.is_down = True
    till.now += 86_400
    pids += [till.pid() for _ in range(5)]
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [2, 2, 2]
    assert till.reads == 1


def test_a_cut_connection_is_replaced_while_the_secrets_keeper_is_down(till: Till) -> None:
    before = till.pid()
    till.is_down = True
    till.cut()
    assert till.pid() != before


def test_a_worn_connection_serves_on_while_no_other_is_to_be_had(till: Till) -> None:
    before = till.pid()
    till.superuser("ALTER ROLE recycled NOLOGIN")
    till.now += READ_AGAIN_SECONDS
    assert [till.pid() for _ in range(5)] == [before] * 5
    till.is_down = True
    till.now += READ_AGAIN_SECONDS
    assert till.pid() == before
    till.superuser("ALTER ROLE recycled LOGIN")
    until(lambda: till.pid() != before, what="another is tried for again")


def test_a_rotated_password_is_noticed_in_the_call_that_it_fails(till: Till) -> None:
    till.pid()
    till.rotate(password="second")
    till.publish()
    till.cut()
    till.now += READ_AGAIN_SECONDS
    assert till.pid()
    assert till.reads == 2


def test_a_rotated_password_is_noticed_when_the_connection_wears_out(till: Till) -> None:
    before = [till.pid(), till.pid()]
    till.rotate(password="second")
    till.publish()
    till.now += READ_AGAIN_SECONDS
    assert till.pid() not in before
    assert till.reads == 2


def test_a_secret_that_is_behind_is_asked_for_once_in_five_seconds(till: Till) -> None:
    till.pid()
    till.rotate(password="second")
    till.cut()
    till.now += READ_AGAIN_SECONDS
    for _ in range(3):
        with pytest.raises(StoreUnavailableError):
            till.pid()
    assert till.reads == 2
    till.publish()
    till.now += READ_AGAIN_SECONDS - 0.1
    with pytest.raises(StoreUnavailableError):
        till.pid()
    till.now += 0.1
    assert till.pid()
    assert till.reads == 3


def test_a_secret_that_cannot_be_read_again_leaves_the_one_that_is_known(till: Till) -> None:
    till.pid()
    till.superuser("ALTER ROLE recycled NOLOGIN")
    till.cut()
    till.is_down = True
    till.now += READ_AGAIN_SECONDS
    with pytest.raises(StoreUnavailableError):
        till.pid()
    till.superuser("ALTER ROLE recycled LOGIN")
    assert till.pid()


def test_a_transaction_may_open_on_a_replaced_connection(till: Till) -> None:
    before = [till.pid(), till.pid()]
    with till.connected.transaction(within_seconds=3) as cursor:
        row = cursor.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    assert row[0] not in before


def test_a_connection_made_ahead_is_the_one_that_the_first_use_takes(till: Till) -> None:
    till.connected.connect(within_seconds=3)
    with till._database.superuser() as superuser:
        made = superuser.execute("SELECT pid" + MINE).fetchall()

    assert made == [(till.pid(),)]


def test_a_connection_that_is_there_is_not_made_ahead_again(till: Till) -> None:
    first = till.pid()
    till.connected.connect(within_seconds=3)

    assert till.pid() == first


def test_a_database_that_is_down_fails_ahead_as_it_does_at_first_use(till: Till) -> None:
    till.superuser("ALTER ROLE recycled NOLOGIN")
    with pytest.raises(StoreUnavailableError):
        till.connected.connect(within_seconds=3)
    till.superuser("ALTER ROLE recycled LOGIN")

    assert till.pid()


def test_a_secret_that_is_not_to_be_read_fails_ahead_as_it_does_at_first_use(till: Till) -> None:
    till.is_down = True
    with pytest.raises(StoreUnavailableError):
        till.connected.connect(within_seconds=3)
