"""When a request is repeated, and when it is not."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.unit.adapters.aws.scripted_peer import answering, hanging_up, scripted_peer, silence
from tillgate.adapters.aws.errors import AwsError, AwsUnreachableError
from tillgate.adapters.aws.json_client import AwsJsonClient
from tillgate.adapters.aws.service import _pause

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.adapters.aws.scripted_peer import Reply, ScriptedPeer

TARGET = "AmazonSQS.SendMessage"
MARGIN_SECONDS = 0.4


@contextmanager
def scripted(
    *replies: Reply, timeout_seconds: float = 2
) -> Iterator[tuple[ScriptedPeer, AwsJsonClient]]:
    with scripted_peer(*replies) as peer:
        calling = AwsJsonClient(
            "sqs",
            env={
                "AWS_ACCESS_KEY_ID": "a-key",
                "AWS_SECRET_ACCESS_KEY": "a-secret",
                "AWS_ENDPOINT_URL": peer.url,
            },
            timeout_seconds=timeout_seconds,
            clock=lambda: datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC),
        )
        try:
            yield peer, calling
        finally:
            calling.close()


def refusal(code: str) -> bytes:
    return json.dumps({"__type": code}).encode()


PASSING = {
    **{str(status): answering(b"<html>", status=status) for status in (429, 500, 502, 503, 504)},
    **{
        code: answering(refusal(f"com.amazonaws#{code}"), status=400)
        for code in ("ThrottlingException", "RequestThrottled", "TooManyRequestsException")
    },
    "lost": hanging_up,
}


@pytest.mark.parametrize("reply", PASSING.values(), ids=PASSING.keys())
def test_what_may_pass_is_asked_once_more(reply: Reply) -> None:
    with scripted(reply, answering(b'{"a":1}')) as (peer, calling):
        assert calling.call(TARGET, {"b": 2}) == {"a": 1}
        assert len(peer.requests) == 2
        assert {request.rpartition(b"\r\n")[2] for request in peer.requests} == {b'{"b": 2}'}


@pytest.mark.parametrize("reply", PASSING.values(), ids=PASSING.keys())
def test_what_does_not_pass_is_asked_once_more_and_no_oftener(reply: Reply) -> None:
    with scripted(reply) as (peer, calling):
        with pytest.raises(AwsError):
            calling.call(TARGET, {})
        assert len(peer.requests) == 2


def test_the_last_answer_counts() -> None:
    refused = answering(refusal("AccessDenied"), status=400)
    with scripted(answering(status=503), refused) as (peer, calling):
        with pytest.raises(AwsError, match="answered 400") as caught:
            calling.call(TARGET, {})
        assert caught.value.code == "AccessDenied"
        assert len(peer.requests) == 2


@pytest.mark.parametrize("status", [301, 400, 403, 404, 409, 413])
def test_a_refusal_is_not_asked_again(status: int) -> None:
    with scripted(answering(refusal("AccessDenied"), status=status)) as (peer, calling):
        with pytest.raises(AwsError, match=f"answered {status}"):
            calling.call(TARGET, {})
        assert len(peer.requests) == 1


def test_a_repeat_waits_a_moment() -> None:
    with scripted(answering(status=503)) as (_, calling):
        started = time.monotonic()

        with pytest.raises(AwsError):
            calling.call(TARGET, {})
        assert 0.02 <= time.monotonic() - started < 0.08 + MARGIN_SECONDS


def test_without_the_time_for_a_repeat_there_is_none() -> None:
    started = time.monotonic()

    assert not _pause(started + 0.019)
    assert not _pause(started - 1)
    assert _pause(started + 60)


def test_a_repeat_ends_at_the_deadline_of_the_call() -> None:
    with scripted(answering(status=503), silence, timeout_seconds=0.2) as (peer, calling):
        started = time.monotonic()

        with pytest.raises(AwsUnreachableError):
            calling.call(TARGET, {})
        assert time.monotonic() - started < 0.2 + MARGIN_SECONDS
        assert len(peer.requests) == 2
