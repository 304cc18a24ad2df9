"""What S3 is sent, and what its answers mean."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.http_server import RecordingServer, recording_server
from tillgate.adapters.aws.errors import AwsError
from tillgate.adapters.aws.s3_client import S3Client
from tillgate.adapters.aws.signing import Credentials, sign

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
ENV = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "a-secret-key",
    "AWS_REGION": "eu-west-1",
}


@pytest.fixture
def s3() -> Iterator[RecordingServer]:
    with recording_server() as server:
        yield server


def bucket(s3: RecordingServer, *, budget: float = 2) -> S3Client:
    return S3Client(
        "a-bucket",
        env={**ENV, "AWS_ENDPOINT_URL": "http://nowhere.invalid", "AWS_ENDPOINT_URL_S3": s3.url},
        timeout_seconds=2,
        budget=lambda: budget,
        clock=lambda: NOW,
    )


def refusal(code: str) -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>x</Message></Error>".encode()


def test_a_put_is_one_signed_request_with_its_checksum(s3: RecordingServer) -> None:
    bucket(s3).put("accept/é 1.gz", b"\x00body", content_type="application/gzip")

    [received] = s3.received
    digest = hashlib.sha256(b"\x00body").digest()
    assert (received.method, received.path) == ("PUT", "/a-bucket/accept/%C3%A9%201.gz")
    assert received.body == b"\x00body"
    assert received.headers["content-type"] == "application/gzip"
    assert received.headers["x-amz-checksum-sha256"] == base64.b64encode(digest).decode()
    assert received.headers["x-amz-content-sha256"] == digest.hex()
    names = ("host", "content-type", "x-amz-checksum-sha256")
    expected = sign(
        "PUT",
        received.path,
        {name: received.headers[name] for name in names},
        received.body,
        credentials=Credentials("AKIDEXAMPLE", "a-secret-key", None),
        service="s3",
        region="eu-west-1",
        now=NOW,
    )
    assert received.headers.items() >= expected.items()


def test_bytes_are_bytes_unless_said_otherwise(s3: RecordingServer) -> None:
    bucket(s3).put("a", b"")

    assert s3.received[0].headers["content-type"] == "application/octet-stream"
    assert s3.received[0].headers["content-length"] == "0"


@pytest.mark.parametrize("key", ["../a", "a/./b", "a//b", "/a", "a/", "?a=b#c", "%2e%2e/+"])
def test_a_key_is_sent_as_it_is(s3: RecordingServer, key: str) -> None:
    expected = "/a-bucket/" + key.replace("%", "%25").replace("?", "%3F").replace(
        "=", "%3D"
    ).replace("#", "%23").replace("+", "%2B")

    bucket(s3).get(key)

    assert s3.received[0].path == expected


def test_on_aws_the_bucket_is_part_of_the_host_s_name() -> None:
    on_aws = S3Client("a-bucket", env=ENV, timeout_seconds=1)

    assert on_aws._service._host == "a-bucket.s3.eu-west-1.amazonaws.com"
    assert on_aws._service._base_path == ""


def test_an_object_is_given_as_its_bytes(s3: RecordingServer) -> None:
    s3.answers = [(200, b"\xff\x00")]

    assert bucket(s3).get("a") == b"\xff\x00"
    assert s3.received[0].method == "GET"


def test_an_object_that_reads_like_a_refusal_is_an_object(s3: RecordingServer) -> None:
    s3.answers = [(200, refusal("SlowDown"))]

    assert bucket(s3).get("a") == refusal("SlowDown")
    assert len(s3.received) == 1


@pytest.mark.parametrize("body", [refusal("NoSuchKey"), b""])
def test_an_object_that_does_not_exist_is_none(s3: RecordingServer, body: bytes) -> None:
    s3.answers = [(404, body)]

    assert bucket(s3).get("a") is None


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (404, refusal("NoSuchBucket"), "NoSuchBucket"),
        (403, refusal("AccessDenied"), "AccessDenied"),
        (400, refusal("BadDigest"), "BadDigest"),
        (301, refusal("PermanentRedirect"), "PermanentRedirect"),
        (307, b"<Code>half", "half"),
        (400, b"", ""),
        (400, b"<Code>\xff</Code>", "\ufffd"),
    ],
)
def test_a_refusal_is_an_error_with_its_code_and_is_not_repeated(
    s3: RecordingServer, status: int, body: bytes, code: str
) -> None:
    s3.answers = [(status, body)]

    with pytest.raises(AwsError, match=f"GetObject answered {status}") as read:
        bucket(s3).get("a")
    with pytest.raises(AwsError, match=f"PutObject answered {status}") as written:
        bucket(s3).put("a", b"")
    assert [read.value.code, written.value.code] == [code, code]
    assert len(s3.received) == 2


def test_a_put_into_nowhere_is_an_error(s3: RecordingServer) -> None:
    s3.answers = [(404, refusal("NoSuchBucket"))]

    with pytest.raises(AwsError):
        bucket(s3).put("a", b"")


def test_what_is_asked_to_slow_down_is_asked_once_more(s3: RecordingServer) -> None:
    s3.answers = [(503, refusal("SlowDown")), (200, b"x")]

    assert bucket(s3).get("a") == b"x"
    assert len(s3.received) == 2


def test_without_time_nothing_is_asked(s3: RecordingServer) -> None:
    with pytest.raises(AwsError, match="no time is left"):
        bucket(s3, budget=0).put("a", b"")
    assert s3.received == []


def test_the_bucket_itself_is_no_object(s3: RecordingServer) -> None:
    with pytest.raises(ValueError, match="empty"):
        bucket(s3).put("", b"")
    assert s3.received == []
