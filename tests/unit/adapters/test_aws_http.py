"""Signature Version 4, byte for byte as botocore signs, and what a call makes of an answer."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import botocore.auth
import botocore.credentials
import pytest
from botocore.awsrequest import AWSRequest
from hypothesis import given
from hypothesis import strategies as st

from tests.http_server import RecordingServer, recording_server
from tillgate.adapters.aws_http import AwsError, AwsJsonClient, Credentials, sign

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
ENV = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "a-secret-key"}
TOKENS = st.text("ABCabc019+/=", min_size=1, max_size=400)
NAMES = st.from_regex(r"[a-z]{2}-[a-z]{4,9}-[0-9]", fullmatch=True)


def signed_by_botocore(
    headers: dict[str, str], body: bytes, credentials: Credentials, region: str
) -> tuple[dict[str, str], datetime]:
    """Give botocore's headers, and the moment at which it signed."""
    request = AWSRequest("POST", f"https://{headers['host']}/", headers=headers, data=body)
    oracle = botocore.credentials.Credentials(
        credentials.access_key_id, credentials.secret_access_key, credentials.session_token
    )
    botocore.auth.SigV4Auth(oracle, "secretsmanager", region).add_auth(request)
    signed = {name.lower(): value for name, value in request.headers.items()}
    return signed, datetime.strptime(signed["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


@given(
    body=st.binary(max_size=300),
    token=st.none() | TOKENS,
    key=TOKENS,
    region=NAMES,
    target=st.text("abcXYZ.019_", min_size=1, max_size=40),
)
def test_a_request_is_signed_as_botocore_signs_it(
    body: bytes, token: str | None, key: str, region: str, target: str
) -> None:
    credentials = Credentials("AKIDEXAMPLE", key, token)
    headers = {
        "host": f"secretsmanager.{region}.amazonaws.com",
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": target,
    }
    theirs, now = signed_by_botocore(headers, body, credentials, region)

    ours = sign(
        headers, body, credentials=credentials, service="secretsmanager", region=region, now=now
    )

    assert ours == theirs


def test_an_empty_session_token_is_none() -> None:
    headers = {"host": "h"}
    with_none, with_empty = (
        sign(
            headers,
            b"",
            credentials=Credentials("a", "b", token),
            service="s",
            region="r",
            now=NOW,
        )
        for token in (None, "")
    )

    assert with_none == with_empty
    assert "x-amz-security-token" not in with_none


@pytest.fixture
def aws() -> Iterator[RecordingServer]:
    with recording_server() as server:
        yield server


def client(aws: RecordingServer, **env: str) -> AwsJsonClient:
    return AwsJsonClient(
        "secretsmanager",
        env={**ENV, "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": aws.url, **env},
        timeout_seconds=2,
        clock=lambda: NOW,
    )


def test_a_call_is_one_signed_post(aws: RecordingServer) -> None:
    aws.answers = [(200, b'{"SecretString":"x"}')]

    answer = client(aws).call("secretsmanager.GetSecretValue", {"SecretId": "é"})

    [received] = aws.received
    assert answer == {"SecretString": "x"}
    assert (received.method, received.path) == ("POST", "/")
    assert json.loads(received.body) == {"SecretId": "é"}
    assert received.headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert received.headers["authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/eu-west-1/secretsmanager/aws4_request, "
    )
    sent = {name: received.headers[name] for name in ("host", "content-type", "x-amz-target")}
    expected = sign(
        sent,
        received.body,
        credentials=Credentials("AKIDEXAMPLE", "a-secret-key", None),
        service="secretsmanager",
        region="eu-west-1",
        now=NOW,
    )
    assert received.headers.items() >= expected.items()


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, b'{"__type":"ResourceNotFoundException"}', "ResourceNotFoundException"),
        (400, b'{"__type":"com.amazon#AccessDenied"}', "AccessDenied"),
        (500, b"<html>", ""),
        (503, b"", ""),
        (400, b"[]", ""),
        (301, b"{}", ""),
    ],
)
def test_a_refusal_is_an_error_with_its_code(
    aws: RecordingServer, status: int, body: bytes, code: str
) -> None:
    aws.answers = [(status, body)]

    with pytest.raises(AwsError, match=f"answered {status}") as caught:
        client(aws).call("secretsmanager.GetSecretValue", {})
    assert caught.value.code == code


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff"])
def test_a_success_that_is_no_json_is_an_error(aws: RecordingServer, body: bytes) -> None:
    aws.answers = [(200, body)]

    with pytest.raises(AwsError, match="no JSON"):
        client(aws).call("secretsmanager.GetSecretValue", {})


def test_nobody_there_is_an_error() -> None:
    with recording_server() as gone:
        pass

    with pytest.raises(AwsError, match=r"127\.0\.0\.1 gave no answer") as caught:
        client(gone).call("secretsmanager.GetSecretValue", {})
    assert caught.value.code == ""


def test_a_server_that_says_nothing_is_given_up_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        silent_client = AwsJsonClient(
            "secretsmanager",
            env={**ENV, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"},
            timeout_seconds=0.05,
        )
        with pytest.raises(AwsError, match="gave no answer"):
            silent_client.call("secretsmanager.GetSecretValue", {})
