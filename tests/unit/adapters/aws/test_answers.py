"""What a connection takes for a whole answer, and how much of one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.unit.adapters.aws.scripted_peer import answering, scripted_peer, sending
from tillgate.adapters.aws.connection import MAX_ANSWER_BYTES, HttpConnection
from tillgate.adapters.aws.errors import AwsError, AwsUnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.adapters.aws.scripted_peer import Reply


@contextmanager
def connected(*replies: Reply) -> Iterator[HttpConnection]:
    with scripted_peer(*replies) as peer:
        connection = HttpConnection(peer.url, max_uses=1000)
        try:
            yield connection
        finally:
            connection.close()


def ask(connection: HttpConnection) -> bytes:
    return connection.exchange("POST", "/", {"host": "h"}, b"x", within_seconds=5).body


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
MEBIBYTE = b"100000\r\n" + bytes(1024 * 1024) + b"\r\n"
TOO_LARGE = {
    "declared": b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (MAX_ANSWER_BYTES + 1),
    "absurd": b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % 10**15,
    "in chunks": CHUNKED + MEBIBYTE * (MAX_ANSWER_BYTES // (1024 * 1024) + 1),
    "in a chunk without end": CHUNKED + b"-1\r\n" + bytes(MAX_ANSWER_BYTES),
}


@pytest.mark.parametrize("answer", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_an_answer_that_is_too_large_is_refused(answer: bytes) -> None:
    with connected(sending(answer), answering(b"a")) as one:
        with pytest.raises(AwsError, match="too large") as caught:
            ask(one)

        assert not isinstance(caught.value, AwsUnreachableError)
        assert ask(one) == b"a"


def test_an_answer_just_below_the_limit_is_read() -> None:
    body = bytes(MAX_ANSWER_BYTES - 1000)
    with connected(answering(body)) as one:
        assert ask(one) == body


NO_ANSWERS = {
    "half": b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
    "none of it": b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n",
    "half a chunk": CHUNKED + b"a\r\nhalf",
    "a chunk of no size": CHUNKED + b"-5\r\nhello\r\n",
    "no length": b"HTTP/1.1 200 OK\r\n\r\nhalf or whole",
    "no HTTP": b"220 mail.example.com ESMTP\r\n",
    "headers without end": b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200,
    "a line without end": b"HTTP/1.1 200 OK\r\na: " + b"b" * 100_000,
}


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS.keys())
def test_what_is_not_a_whole_answer_is_none(answer: bytes) -> None:
    with (
        connected(sending(answer, keeps=False)) as one,
        pytest.raises(AwsUnreachableError, match="gave no answer"),
    ):
        ask(one)
