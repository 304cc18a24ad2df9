"""After no answer the database is left alone for a while; and no call outlives its request.

Against peers that are no database; that a success closes it: tests/integration/test_breaker.
"""

from __future__ import annotations

import math
import socket
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.integration.silent_peers import accepting_in_silence
from tillgate.adapters.postgres.connection import Database
from tillgate.domain.errors import SecretUnavailableError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

BREAKER_SECONDS = 5.0


class HangingUp:
    """Takes each connection, counts it, and hangs up."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self.attempts = 0
        self._thread.start()

    @property
    def url(self) -> str:
        return url_of(self._listener.getsockname()[1])

    def _serve(self) -> None:
        while True:
            taken, _ = self._listener.accept()
            with taken:
                if taken.recv(1) == b"!":
                    return
                self.attempts += 1

    def close(self) -> None:
        with socket.create_connection(self._listener.getsockname()) as last:
            last.sendall(b"!")
        self._thread.join(20)
        self._listener.close()


def url_of(port: int) -> str:
    return f"postgresql://u:p@127.0.0.1:{port}/d?sslmode=disable&gssencmode=disable"


class Sandbox:
    """One sandbox's database, with a wall clock and a budget to set."""

    def __init__(self, url: str, *, breaker_seconds: float = BREAKER_SECONDS) -> None:
        self.now = 1_000_000.0
        self.left = math.inf
        self.url = url
        self.is_secret_down = False
        self.reads = 0
        self.database = Database(
            self._read,
            max_uses=10,
            budget=lambda: self.left,
            breaker_seconds=breaker_seconds,
            clock=lambda: self.now,
        )

    def _read(self) -> str:
        self.reads += 1
        if self.is_secret_down:
            raise SecretUnavailableError("down")
        return self.url

    def ask(self, *, within_seconds: float = 20) -> str:
        """Ask, which fails here always; give why."""
        with pytest.raises(StoreUnavailableError) as caught:
            self.database.rows("SELECT 1", within_seconds=within_seconds)
        return str(caught.value)


@pytest.fixture
def peer() -> Iterator[HangingUp]:
    with closing(HangingUp()) as made:
        yield made


@pytest.fixture
def sandbox(peer: HangingUp) -> Sandbox:
    return Sandbox(peer.url)


def test_after_no_answer_there_is_no_attempt_for_5_seconds(
    sandbox: Sandbox, peer: HangingUp
) -> None:
    sandbox.ask()
    assert peer.attempts == 1
    for tenth in range(50):
        sandbox.now = 1_000_000.0 + tenth / 10
        assert sandbox.ask() == "the database gave no answer a moment ago"
    assert peer.attempts == 1

    sandbox.now = 1_000_000.0 + BREAKER_SECONDS
    sandbox.ask()
    assert peer.attempts == 2


def test_a_failure_after_the_pause_begins_another(sandbox: Sandbox, peer: HangingUp) -> None:
    for second in range(20):
        sandbox.now = 1_000_000.0 + second
        sandbox.ask()

    assert peer.attempts == 4


def test_a_refused_attempt_does_not_make_the_pause_longer(
    sandbox: Sandbox, peer: HangingUp
) -> None:
    sandbox.ask()
    sandbox.now += BREAKER_SECONDS - 0.1
    sandbox.ask()
    sandbox.now += 0.1
    sandbox.ask()

    assert peer.attempts == 2


def test_a_transaction_is_not_begun_either(sandbox: Sandbox, peer: HangingUp) -> None:
    sandbox.ask()

    with (
        pytest.raises(StoreUnavailableError),
        sandbox.database.transaction(within_seconds=20),
    ):
        raise AssertionError("there is no transaction")
    assert peer.attempts == 1


@pytest.mark.parametrize("step", [-0.1, -3_600.0, 3_600.0])
def test_a_clock_that_was_set_does_not_lock_the_database_out(
    sandbox: Sandbox, peer: HangingUp, step: float
) -> None:
    sandbox.ask()
    sandbox.now += step
    sandbox.ask()

    assert peer.attempts == 2


def test_without_a_breaker_every_call_asks(peer: HangingUp) -> None:
    sandbox = Sandbox(peer.url, breaker_seconds=0)
    for _ in range(3):
        sandbox.ask()

    assert peer.attempts == 3


def test_a_url_that_cannot_be_read_is_not_asked_for_either(
    sandbox: Sandbox, peer: HangingUp
) -> None:
    sandbox.is_secret_down = True
    for _ in range(3):
        sandbox.ask()

    assert (sandbox.reads, peer.attempts) == (1, 0)


def test_a_failure_to_connect_ahead_is_not_waited_for_again(
    sandbox: Sandbox, peer: HangingUp
) -> None:
    with pytest.raises(StoreUnavailableError):
        sandbox.database.connect(within_seconds=20)
    sandbox.ask()

    assert peer.attempts == 1


def seconds_of(sandbox: Sandbox, *, within_seconds: float) -> float:
    started = time.monotonic()
    sandbox.ask(within_seconds=within_seconds)
    return time.monotonic() - started


def test_a_call_takes_no_longer_than_what_is_left_of_the_request() -> None:
    with accepting_in_silence() as port:
        sandbox = Sandbox(url_of(port))
        sandbox.left = 0.2

        assert 0.1 < seconds_of(sandbox, within_seconds=60) < 10


def test_a_call_takes_no_longer_than_its_own_time() -> None:
    with accepting_in_silence() as port:
        sandbox = Sandbox(url_of(port))
        sandbox.left = 60

        assert 0.1 < seconds_of(sandbox, within_seconds=0.2) < 10


@pytest.mark.parametrize("left", [0.0, -1.0, -math.inf])
def test_a_request_whose_time_is_used_up_asks_nobody(
    sandbox: Sandbox, peer: HangingUp, left: float
) -> None:
    sandbox.left = left

    assert sandbox.ask() == "the time of the request is used up"
    assert (peer.attempts, sandbox.reads) == (0, 0)


def test_a_request_whose_time_is_used_up_says_nothing_against_the_database(
    sandbox: Sandbox, peer: HangingUp
) -> None:
    sandbox.left = 0
    sandbox.ask()
    sandbox.left = math.inf
    sandbox.ask()

    assert peer.attempts == 1


def test_what_was_spared_this_request_may_be_asked_after_all_once(
    sandbox: Sandbox, peer: HangingUp
) -> None:
    sandbox.ask()
    sandbox.now += 1
    sandbox.database.begin_request()
    assert sandbox.ask() == "the database gave no answer a moment ago"

    assert sandbox.database.reconsider() is True
    sandbox.ask()
    assert peer.attempts == 2
    assert sandbox.database.reconsider() is False
    assert sandbox.ask() == "the database gave no answer a moment ago"
    assert peer.attempts == 2


def test_what_this_request_has_asked_is_not_asked_again(sandbox: Sandbox, peer: HangingUp) -> None:
    sandbox.database.begin_request()
    sandbox.ask()

    assert sandbox.database.reconsider() is False
    sandbox.ask()
    assert peer.attempts == 1


def test_the_next_request_may_ask_again(sandbox: Sandbox, peer: HangingUp) -> None:
    for asked in range(1, 4):
        sandbox.database.begin_request()
        sandbox.database.reconsider()
        sandbox.ask()
        assert peer.attempts == asked


def test_with_the_breaker_closed_there_is_nothing_to_reconsider(sandbox: Sandbox) -> None:
    sandbox.database.begin_request()
    assert sandbox.database.reconsider() is False
    sandbox.ask()
    sandbox.now += BREAKER_SECONDS
    sandbox.database.begin_request()

    assert sandbox.database.reconsider() is False


def test_a_request_without_time_left_may_reconsider_and_asks_nobody(
    sandbox: Sandbox, peer: HangingUp
) -> None:
    sandbox.ask()
    sandbox.database.begin_request()
    sandbox.left = 0
    sandbox.ask()

    assert sandbox.database.reconsider() is True
    assert sandbox.ask() == "the time of the request is used up"
    assert peer.attempts == 1


@pytest.mark.parametrize(("left", "asks"), [(0.049, False), (5.0, True)])
def test_with_next_to_no_time_left_nobody_is_asked(
    sandbox: Sandbox, peer: HangingUp, left: float, *, asks: bool
) -> None:
    sandbox.left = left

    assert (sandbox.ask() != "the time of the request is used up") is asks
    assert peer.attempts == asks
