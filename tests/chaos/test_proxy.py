"""The proxy's faults, each seen from both of its sides."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.chaos.proxy import Mode, Network
from tests.integration.polling import until

if TYPE_CHECKING:
    from collections.abc import Iterator


class Echo:
    """An upstream that answers what it is asked, and remembers it."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while asked := connection.recv(100):
                self.asked.append(asked)
                connection.sendall(asked)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(20)


@pytest.fixture
def echo() -> Iterator[Echo]:
    made = Echo()
    yield made
    made.close()


@pytest.fixture
def network(echo: Echo) -> Iterator[Network]:
    with Network({"echo": echo.port}) as made:
        yield made


def connect(network: Network) -> socket.socket:
    return socket.create_connection(("127.0.0.1", network.ports["echo"]), timeout=5)


def ask(connection: socket.socket, what: bytes) -> bytes:
    connection.sendall(what)
    try:
        return connection.recv(100)
    except ConnectionResetError:
        return b""


def test_what_is_asked_and_answered_passes(network: Network) -> None:
    with connect(network) as connection:
        assert ask(connection, b"Query") == b"Query"


def test_a_refusing_upstream_cuts_what_is_open_and_is_back_on_its_port(network: Network) -> None:
    with connect(network) as before:
        assert ask(before, b"Query") == b"Query"
        network.set("echo", Mode.REFUSE)
        assert ask(before, b"Query") == b""
        with pytest.raises(ConnectionRefusedError):
            connect(network)
    network.set("echo", Mode.PASS)
    with connect(network) as after:
        assert ask(after, b"Query") == b"Query"


def test_a_hanging_upstream_is_silent_and_hears_afterwards_what_was_said(
    network: Network, echo: Echo
) -> None:
    with connect(network) as before:
        assert ask(before, b"Query 1") == b"Query 1"
        network.set("echo", Mode.HANG)
        with connect(network) as connection:
            for silent in (before, connection):
                silent.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    ask(silent, b"Query 2")
    assert echo.asked == [b"Query 1"]
    network.set("echo", Mode.PASS)
    until(lambda: b"Query 2" in echo.asked, what="it was heard")


def test_a_lost_answer_was_given_to_a_request_that_was_done(network: Network, echo: Echo) -> None:
    network.set("echo", Mode.LOSE_ANSWERS)
    with connect(network) as connection:
        assert ask(connection, b"\0login") == b"\0login"
        assert ask(connection, b"Query") == b""
    assert echo.asked == [b"\0login", b"Query"]


def test_what_is_cut_can_be_made_again(network: Network) -> None:
    with connect(network) as connection:
        assert ask(connection, b"Query") == b"Query"
        network.cut("echo")
        assert ask(connection, b"Query") == b""
    with connect(network) as connection:
        assert ask(connection, b"Query") == b"Query"
