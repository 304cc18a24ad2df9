from __future__ import annotations

from dataclasses import replace

import pytest

from tillgate.adapters.postgres.connection import Database
from tillgate.bootstrap.wired import Client, WiredFunction
from tillgate.domain.errors import SecretUnavailableError, StoreUnavailableError


class WatchedDatabase(Database):
    """Writes down what is done to it; connecting raises ``error``, if there is one."""

    def __init__(self, done: list[str], *, error: Exception | None = None) -> None:
        super().__init__(lambda: "", max_uses=1)
        self._done = done
        self._error = error

    def connect(self, *, within_seconds: float) -> None:
        self._done.append(f"connect within {within_seconds} s")
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self._done.append("close")


class WatchedClient:
    def __init__(self, done: list[str], *, error: Exception | None = None) -> None:
        self._done = done
        self._error = error

    def close(self) -> None:
        self._done.append("close client")
        if self._error is not None:
            raise self._error


def wired(*databases: Database, clients: tuple[Client, ...] = ()) -> WiredFunction[str, str]:
    return WiredFunction(
        handle=lambda event: f"{event}, answered",
        databases=databases,
        clients=clients,
        connect_seconds=0.5,
    )


def test_it_answers_what_its_handler_answers() -> None:
    assert wired()("one") == "one, answered"


@pytest.mark.parametrize("error", [StoreUnavailableError("down"), SecretUnavailableError("down")])
def test_a_database_that_is_down_keeps_no_other_from_being_connected(error: Exception) -> None:
    done: list[str] = []
    wired(WatchedDatabase(done, error=error), WatchedDatabase(done)).connect()

    assert done == ["connect within 0.5 s"] * 2


def test_a_mistake_of_ours_while_connecting_is_raised() -> None:
    with pytest.raises(KeyError):
        wired(WatchedDatabase([], error=KeyError("SETTING"))).connect()


def test_what_has_no_early_end_is_not_disturbed_by_a_stop() -> None:
    function = wired()
    function.stop()

    assert function("one") == "one, answered"


def test_what_has_an_early_end_is_told_of_a_stop() -> None:
    done: list[str] = []
    replace(wired(), on_stop=lambda: done.append("stop")).stop()

    assert done == ["stop"]


def test_closing_lets_go_of_every_connection() -> None:
    done: list[str] = []
    wired(WatchedDatabase(done), WatchedDatabase(done), clients=(WatchedClient(done),)).close()

    assert sorted(done) == ["close", "close", "close client"]


def test_what_still_needs_a_connection_is_done_before_it_is_closed() -> None:
    done: list[str] = []
    function = wired(WatchedDatabase(done), clients=(WatchedClient(done),))
    replace(function, before_close=lambda: done.append("flush")).close()

    assert done == ["flush", "close client", "close"]


def test_one_that_does_not_close_leaves_no_other_open() -> None:
    done: list[str] = []
    with pytest.raises(OSError, match="stuck"):
        wired(WatchedDatabase(done), clients=(WatchedClient(done, error=OSError("stuck")),)).close()

    assert done == ["close client", "close"]
