"""What a call sends, what it makes of an answer, and when it is repeated."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, Literal

import pytest

from tests.http_server import RecordingServer, recording_server
from tests.integration.silent_peers import accepting_in_silence, dropping, refusing
from tests.unit.adapters.aws.scripted_peer import (
    answering,
    dripping,
    message,
    scripted_peer,
    silence,
)
from tillgate.adapters.aws.errors import AwsError
from tillgate.adapters.aws.json_client import AwsJsonClient
from tillgate.adapters.aws.signing import Credentials, sign

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from tests.unit.adapters.aws.scripted_peer import Reply, ScriptedPeer

NOW = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
ENV = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "a-secret-key",
    "AWS_REGION": "eu-west-1",
}
TARGET = "secretsmanager.GetSecretValue"
MARGIN_SECONDS = 0.4


@pytest.fixture
def aws() -> Iterator[RecordingServer]:
    with recording_server() as server:
        yield server


def client(
    url: str,
    *,
    service: str = "secretsmanager",
    timeout_seconds: float = 2,
    json_version: Literal["1.0", "1.1"] = "1.1",
    budget: Callable[[], float] = lambda: inf,
    env: Mapping[str, str] | None = None,
) -> AwsJsonClient:
    return AwsJsonClient(
        service,
        env={**ENV, "AWS_ENDPOINT_URL": url, **(env or {})},
        timeout_seconds=timeout_seconds,
        max_requests_per_socket=3,
        json_version=json_version,
        budget=budget,
        clock=lambda: NOW,
    )


@contextmanager
def scripted(
    *replies: Reply, timeout_seconds: float = 2
) -> Iterator[tuple[ScriptedPeer, AwsJsonClient]]:
    with scripted_peer(*replies) as peer:
        calling = client(peer.url, timeout_seconds=timeout_seconds)
        try:
            yield peer, calling
        finally:
            calling.close()


def refusal(code: str) -> bytes:
    return json.dumps({"__type": code}).encode()


def test_a_call_is_one_signed_post(aws: RecordingServer) -> None:
    aws.answers = [(200, b'{"SecretString":"x"}')]

    answer = client(aws.url).call(TARGET, {"SecretId": "é"})

    [received] = aws.received
    assert answer == {"SecretString": "x"}
    assert (received.method, received.path) == ("POST", "/")
    assert json.loads(received.body) == {"SecretId": "é"}
    assert received.headers["x-amz-target"] == TARGET
    assert received.headers["authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/eu-west-1/secretsmanager/aws4_request, "
    )
    sent = {name: received.headers[name] for name in ("host", "content-type", "x-amz-target")}
    expected = sign(
        "POST",
        "/",
        sent,
        received.body,
        credentials=Credentials("AKIDEXAMPLE", "a-secret-key", None),
        service="secretsmanager",
        region="eu-west-1",
        now=NOW,
    )
    assert received.headers.items() >= expected.items()


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_the_content_type_names_the_protocol(
    aws: RecordingServer, version: Literal["1.0", "1.1"]
) -> None:
    client(aws.url, json_version=version).call(TARGET, {})

    assert aws.received[0].headers["content-type"] == f"application/x-amz-json-{version}"


def test_a_service_s_own_endpoint_is_asked_under_its_path(aws: RecordingServer) -> None:
    own = {"AWS_ENDPOINT_URL_SQS": f"{aws.url}/base/"}

    client("http://nowhere.invalid", service="sqs", env=own).call("AmazonSQS.SendMessage", {})

    assert aws.received[0].path == "/base/"
    assert "/eu-west-1/sqs/aws4_request" in aws.received[0].headers["authorization"]


def test_calls_share_a_connection_until_it_is_worn() -> None:
    with scripted(answering()) as (peer, calling):
        for _ in range(4):
            calling.call(TARGET, {})

        assert (len(peer.requests), peer.connections) == (4, 2)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, refusal("ResourceNotFoundException"), "ResourceNotFoundException"),
        (400, refusal("com.amazon#AccessDenied"), "AccessDenied"),
        (400, refusal("com.amazon#AccessDenied:http://x/#y"), "AccessDenied"),
        (403, refusal("ExpiredTokenException"), "ExpiredTokenException"),
        (404, b"<html>", ""),
        (400, b"[]", ""),
        (413, b"", ""),
        (301, b"{}", ""),
        (307, b"", ""),
        (204, b"", ""),
    ],
)
def test_a_refusal_is_an_error_with_its_code_and_is_not_repeated(
    aws: RecordingServer, status: int, body: bytes, code: str
) -> None:
    aws.answers = [(status, body)]

    with pytest.raises(AwsError, match=f"answered {status}") as caught:
        client(aws.url).call(TARGET, {})
    assert caught.value.code == code
    assert len(aws.received) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[]", b"null", b'"x"'])
def test_a_success_that_is_no_json_object_is_an_error(aws: RecordingServer, body: bytes) -> None:
    aws.answers = [(200, body)]

    with pytest.raises(AwsError, match="no JSON"):
        client(aws.url).call(TARGET, {})


def test_a_redirect_is_not_followed() -> None:
    with recording_server() as elsewhere:
        moved = b"HTTP/1.1 307 x\r\nlocation: %b\r\ncontent-length: 0\r\n\r\n"

        def redirect(sock: socket.socket, _ended: object) -> bool:
            sock.sendall(moved % elsewhere.url.encode())
            return True

        with scripted(redirect) as (peer, calling):
            with pytest.raises(AwsError, match="answered 307"):
                calling.call(TARGET, {})
            assert len(peer.requests) == 1
        assert elsewhere.received == []


@pytest.mark.parametrize("nobody", [refusing, accepting_in_silence, dropping])
def test_nobody_there_is_an_error_in_time(
    nobody: Callable[[], AbstractContextManager[int]],
) -> None:
    with nobody() as port:
        calling = client(f"http://127.0.0.1:{port}", timeout_seconds=0.2)
        started = time.monotonic()

        with pytest.raises(AwsError, match=r"127\.0\.0\.1 gave no answer") as caught:
            calling.call(TARGET, {})
        assert time.monotonic() - started < 0.2 + MARGIN_SECONDS
        assert caught.value.code == ""


def test_a_server_that_drips_is_an_error_in_time() -> None:
    with scripted(dripping(message(b"{}" * 100), after=60), timeout_seconds=0.2) as (_, calling):
        started = time.monotonic()

        with pytest.raises(AwsError):
            calling.call(TARGET, {})
        assert time.monotonic() - started < 0.2 + MARGIN_SECONDS


@pytest.mark.parametrize("budget_seconds", [0, -0.5])
def test_a_call_with_nothing_left_fails_at_once(
    aws: RecordingServer, budget_seconds: float
) -> None:
    with pytest.raises(AwsError, match="no time is left"):
        client(aws.url, budget=lambda: budget_seconds).call(TARGET, {})
    assert aws.received == []


def test_a_call_takes_no_longer_than_the_request_has_left() -> None:
    left = iter([2, 0.2])
    with scripted_peer(answering(), silence) as peer:
        calling = client(peer.url, timeout_seconds=60, budget=lambda: next(left))
        calling.call(TARGET, {})
        started = time.monotonic()

        with pytest.raises(AwsError):
            calling.call(TARGET, {})
        assert time.monotonic() - started < 0.2 + MARGIN_SECONDS


def test_fetching_credentials_is_part_of_the_call_s_time(aws: RecordingServer) -> None:
    with accepting_in_silence() as port:
        container = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{port}/v2"}
        calling = client(aws.url, timeout_seconds=60, budget=lambda: 0.2, env=container)
        started = time.monotonic()

        with pytest.raises(AwsError):
            calling.call(TARGET, {})
        assert time.monotonic() - started < 0.2 + MARGIN_SECONDS
    assert aws.received == []
