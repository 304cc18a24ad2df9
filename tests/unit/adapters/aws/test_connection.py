"""One connection to one origin, against peers that keep no promise."""

from __future__ import annotations

import select
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.integration.polling import until
from tests.integration.silent_peers import accepting_in_silence, dropping, refusing
from tests.unit.adapters.aws.scripted_peer import (
    answering,
    dripping,
    hanging_up,
    message,
    resetting,
    scripted_peer,
    sending,
    silence,
)
from tillgate.adapters.aws.connection import (
    Address,
    HttpAnswer,
    HttpConnection,
)
from tillgate.adapters.aws.errors import AwsError, AwsUnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.unit.adapters.aws.scripted_peer import Reply, ScriptedPeer

WITHIN_SECONDS = 0.2
# Two cores, shared: what the machine may take on top of a deadline.
MARGIN_SECONDS = 0.4


@contextmanager
def connected(
    *replies: Reply, max_uses: int = 1000
) -> Iterator[tuple[ScriptedPeer, HttpConnection]]:
    with scripted_peer(*replies) as peer:
        connection = HttpConnection(peer.url, max_uses=max_uses)
        try:
            yield peer, connection
        finally:
            connection.close()


def ask(connection: HttpConnection, *, body: bytes = b"x", within_seconds: float = 5) -> HttpAnswer:
    return connection.exchange("POST", "/", {"host": "h"}, body, within_seconds=within_seconds)


@contextmanager
def fails_in_time() -> Iterator[None]:
    started = time.monotonic()
    with pytest.raises(AwsUnreachableError, match="gave no answer"):
        yield
    assert time.monotonic() - started < WITHIN_SECONDS + MARGIN_SECONDS


def test_requests_share_one_connection() -> None:
    with connected(answering(b"a"), answering(b""), answering(b"c", status=404)) as (peer, one):
        answers = [ask(one) for _ in range(3)]

        assert answers == [HttpAnswer(200, b"a"), HttpAnswer(200, b""), HttpAnswer(404, b"c")]
        assert peer.connections == 1


def test_a_request_goes_out_as_it_was_given() -> None:
    with connected(answering()) as (peer, one):
        one.exchange("PUT", "/a%20b/..?c", {"host": "h", "x-a": "b"}, b"body", within_seconds=5)

        [request] = peer.requests
        head, _, body = request.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        assert lines[0] == b"PUT /a%20b/..?c HTTP/1.1"
        assert lines.count(b"host: h") == 1
        assert {b"x-a: b", b"Content-Length: 4"} <= set(lines)
        assert body == b"body"


def test_a_connection_is_replaced_after_so_many_uses() -> None:
    with connected(answering(), max_uses=2) as (peer, one):
        for _ in range(5):
            ask(one)

        assert (len(peer.requests), peer.connections) == (5, 3)


def test_a_connection_that_the_peer_gives_up_is_not_used_again() -> None:
    last = sending(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")
    with connected(last) as (peer, one):
        ask(one)
        ask(one)

        assert peer.connections == 2


def test_a_connection_that_ended_while_idle_is_replaced() -> None:
    with connected(answering(b"a", keeps=False), answering(b"b")) as (peer, one):
        assert [ask(one).body for _ in range(2)] == [b"a", b"b"]
        assert (len(peer.requests), peer.connections) == (2, 2)


@pytest.mark.parametrize("end", [hanging_up, resetting])
def test_a_kept_connection_that_ends_instead_of_an_answer_is_replaced(end: Reply) -> None:
    with connected(answering(b"a"), end, answering(b"b")) as (peer, one):
        assert [ask(one).body for _ in range(2)] == [b"a", b"b"]
        assert (len(peer.requests), peer.connections) == (3, 2)


def test_it_is_replaced_once_and_not_twice() -> None:
    with connected(answering(), hanging_up) as (peer, one):
        ask(one)

        with pytest.raises(AwsUnreachableError):
            ask(one)
        assert (len(peer.requests), peer.connections) == (3, 2)


def test_a_new_connection_that_ends_instead_of_an_answer_is_not_replaced() -> None:
    with connected(hanging_up) as (peer, one):
        with pytest.raises(AwsUnreachableError):
            ask(one)

        assert peer.connections == 1


def test_an_answer_that_nobody_asked_for_is_given_to_nobody() -> None:
    asked = threading.Event()

    def twice(sock: socket.socket, _ended: threading.Event) -> bool:
        sock.sendall(message(b"a"))
        asked.wait(5)
        sock.sendall(message(b"late"))
        return True

    with connected(twice, answering(b"b")) as (peer, one):
        ask(one)
        asked.set()
        assert one._kept is not None
        waiting = [one._kept.fileno()]
        until(lambda: select.select(waiting, [], [], 0)[0], what="the late answer is there")

        assert ask(one).body == b"b"
        assert peer.connections == 2


def test_after_a_request_that_was_given_up_the_next_gets_its_own_answer() -> None:
    late = dripping(message(b"late"), after=5)
    with connected(answering(b"a"), late, answering(b"b")) as (peer, one):
        ask(one)
        with fails_in_time():
            ask(one, within_seconds=WITHIN_SECONDS)

        assert ask(one).body == b"b"
        assert peer.connections == 2


def test_after_a_close_the_next_request_connects_anew() -> None:
    with connected(answering()) as (peer, one):
        ask(one)
        one.close()
        one.close()
        ask(one)

        assert peer.connections == 2


DRIPPING: dict[str, Reply] = {
    "nothing": silence,
    "the status": dripping(message(b"x" * 100)),
    "a header": dripping(message(b"x" * 100), after=20),
    "the body": dripping(message(b"x" * 100), after=60),
    "headers without end": dripping(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, after=200),
    "chunks": dripping(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 100, after=46
    ),
    "trailers": dripping(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 100, after=49
    ),
}


@pytest.mark.parametrize("reply", DRIPPING.values(), ids=DRIPPING.keys())
def test_a_deadline_holds_against_a_peer_that_drips(reply: Reply) -> None:
    with connected(reply) as (_, one), fails_in_time():
        ask(one, within_seconds=WITHIN_SECONDS)


@pytest.mark.parametrize("reply", DRIPPING.values(), ids=DRIPPING.keys())
def test_a_deadline_holds_on_a_kept_connection_too(reply: Reply) -> None:
    with connected(answering(), reply) as (peer, one):
        ask(one)

        with fails_in_time():
            ask(one, within_seconds=WITHIN_SECONDS)
        assert peer.connections == 1


@pytest.mark.parametrize("nobody", [refusing, accepting_in_silence, dropping])
def test_a_deadline_holds_where_nobody_is(
    nobody: Callable[[], AbstractContextManager[int]],
) -> None:
    with nobody() as port:
        one = HttpConnection(f"http://127.0.0.1:{port}", max_uses=10)
        with fails_in_time():
            ask(one, within_seconds=WITHIN_SECONDS)


def test_a_deadline_holds_against_a_peer_that_takes_nothing() -> None:
    with accepting_in_silence() as port:
        one = HttpConnection(f"http://127.0.0.1:{port}", max_uses=10)
        with fails_in_time():
            ask(one, body=bytes(32 * 1024 * 1024), within_seconds=WITHIN_SECONDS)


def test_a_deadline_holds_against_a_name_that_is_not_resolved() -> None:
    ended = threading.Event()

    def resolve(_host: str, _port: int) -> list[Address]:
        ended.wait(30)
        return []

    one = HttpConnection("http://sqs.example.com", max_uses=10, resolve=resolve)
    with fails_in_time():
        ask(one, within_seconds=WITHIN_SECONDS)
    ended.set()


def test_a_name_that_does_not_exist_is_nobody() -> None:
    def resolve(_host: str, _port: int) -> list[Address]:
        raise socket.gaierror("no such name")

    with pytest.raises(AwsUnreachableError, match=r"sqs\.example\.com gave no answer"):
        ask(HttpConnection("http://sqs.example.com", max_uses=10, resolve=resolve))


@pytest.mark.parametrize("within_seconds", [0, -1])
def test_without_time_nothing_is_asked(within_seconds: float) -> None:
    with connected(answering()) as (peer, one):
        with pytest.raises(AwsUnreachableError):
            ask(one, within_seconds=within_seconds)

        assert peer.connections == 0


def test_where_one_address_is_silent_the_next_is_asked_in_time() -> None:
    with dropping() as dead, refusing() as closed, scripted_peer(answering(b"a")) as peer:
        one = HttpConnection(
            "http://sqs.example.com",
            max_uses=1,
            resolve=lambda _host, _port: [
                (socket.AF_INET, ("127.0.0.1", port)) for port in (closed, dead, peer.port)
            ],
        )

        assert ask(one, within_seconds=1).body == b"a"


def test_a_proxy_that_the_environment_names_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with refusing() as port:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")

        with connected(answering(b"a")) as (_, one):
            assert ask(one).body == b"a"


@pytest.mark.parametrize("url", ["127.0.0.1:80", "ftp://h", "http://", ""])
def test_an_endpoint_must_be_a_url_of_http(url: str) -> None:
    with pytest.raises(AwsError, match="http or https"):
        HttpConnection(url, max_uses=1)
