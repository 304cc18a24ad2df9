"""A worn connection whose replacement failed serves on, and no other is tried for a while."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.integration import silent_peers
from tests.integration.polling import until
from tillgate.adapters.postgres import connection
from tillgate.adapters.postgres.connection import Database, RememberedUrl
from tillgate.domain.errors import SecretUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.testdatabase import TestDatabase

MAX_USES = 2


class Worn:
    """A connection that is worn after two uses, with no other to be had but where ``port`` is."""

    def __init__(self, database: TestDatabase) -> None:
        self._good = database.url("ingest")
        self._port = f":{database.server.port}/"
        self.tries = 0
        self.database = Database(lambda: self._good, max_uses=MAX_USES)
        [self.first] = {self.pid() for _ in range(MAX_USES)}

    def pid(self) -> int:
        [(pid,)] = self.database.rows("SELECT pg_backend_pid()", within_seconds=2)
        return int(pid)

    def move(self, port: int) -> None:
        """Let the next connection be tried at another port, and count the tries."""

        def read() -> str:
            self.tries += 1
            return self._good.replace(self._port, f":{port}/")

        self.database._url = RememberedUrl(read)

    def take_secret(self) -> None:
        """Let where the database is be unknown."""

        def read() -> str:
            self.tries += 1
            raise SecretUnavailableError("down")

        self.database._url = RememberedUrl(read)

    def come_back(self) -> None:
        self.database._url = RememberedUrl(lambda: self._good)


@pytest.fixture
def worn(database: TestDatabase) -> Iterator[Worn]:
    made = Worn(database)
    with closing(made.database):
        yield made


def test_after_a_failed_renewal_there_is_no_other_try_for_a_while(worn: Worn) -> None:
    worn.take_secret()

    assert {worn.pid() for _ in range(20)} == {worn.first}
    assert worn.tries == 1


def test_a_database_that_takes_no_new_connections_costs_one_request_its_wait(worn: Worn) -> None:
    with silent_peers.accepting_in_silence() as port:
        worn.move(port)
        started = time.monotonic()
        assert worn.pid() == worn.first
        waited = time.monotonic() - started
        assert 0.9 < waited < 1.9, "half of the statement's time"

        started = time.monotonic()
        assert {worn.pid() for _ in range(20)} == {worn.first}
        assert time.monotonic() - started < 0.9


def test_after_5_seconds_another_is_tried(worn: Worn, monkeypatch: pytest.MonkeyPatch) -> None:
    assert connection._RENEW_AGAIN_SECONDS == 5
    monkeypatch.setattr(connection, "_RENEW_AGAIN_SECONDS", 0.3)
    worn.take_secret()
    assert worn.pid() == worn.first
    worn.come_back()
    assert worn.pid() == worn.first, "it is not tried yet"

    until(lambda: worn.pid() != worn.first, what="it is replaced")
