from __future__ import annotations

import json
import time
from math import inf
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from tests.http_server import RecordingServer, recording_server
from tests.integration.silent_peers import accepting_in_silence
from tillgate.adapters.aws.errors import AwsError
from tillgate.adapters.secrets_manager import SecretsManager
from tillgate.domain.errors import SecretUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def aws() -> Iterator[RecordingServer]:
    with recording_server() as server:
        yield server


def secrets(
    aws: RecordingServer, *, timeout_seconds: float = 2, budget: float = inf
) -> SecretsManager:
    env = {
        "AWS_ACCESS_KEY_ID": "a-key",
        "AWS_SECRET_ACCESS_KEY": "a-secret",
        "AWS_ENDPOINT_URL": aws.url,
    }
    return SecretsManager(
        env=env,
        timeout_seconds=timeout_seconds,
        max_requests_per_socket=10,
        budget=lambda: budget,
    )


def test_the_current_value_is_read(aws: RecordingServer) -> None:
    aws.answers = [(200, b'{"ARN":"arn:x","SecretString":"caf\\u00e9"}')]

    assert secrets(aws).read("arn:x") == "café"
    [received] = aws.received
    assert received.headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert json.loads(received.body) == {"SecretId": "arn:x"}


def test_a_value_is_written(aws: RecordingServer) -> None:
    secrets(aws).write("arn:x", "café")

    [received] = aws.received
    assert received.headers["x-amz-target"] == "secretsmanager.PutSecretValue"
    sent = json.loads(received.body)
    # Without a token AWS answers InvalidRequestException, which emulators forgive.
    assert UUID(sent.pop("ClientRequestToken")).version == 4
    assert sent == {"SecretId": "arn:x", "SecretString": "café"}


@pytest.mark.parametrize("answer", [b"{}", b'{"SecretBinary":"eA=="}', b'{"SecretString":null}'])
def test_a_secret_without_text_is_told(aws: RecordingServer, answer: bytes) -> None:
    aws.answers = [(200, answer)]

    with pytest.raises(SecretUnavailableError, match="holds no text"):
        secrets(aws).read("arn:x")


@pytest.mark.parametrize("answer", [(400, b'{"__type":"X"}'), (500, b""), (200, b"<html>")])
def test_what_aws_refuses_is_unavailable(aws: RecordingServer, answer: tuple[int, bytes]) -> None:
    aws.answers = [answer]

    with pytest.raises(SecretUnavailableError) as read:
        secrets(aws).read("arn:x")
    with pytest.raises(SecretUnavailableError) as written:
        secrets(aws).write("arn:x", "canary")
    assert isinstance(read.value.__cause__, AwsError)
    assert isinstance(written.value.__cause__, AwsError)
    assert "arn:x" not in str(read.value)
    assert "canary" not in str(written.value)


def test_a_read_may_be_given_less_time_than_the_others() -> None:
    with accepting_in_silence() as port:
        slow = secrets(RecordingServer(f"http://127.0.0.1:{port}"), timeout_seconds=60)
        started = time.monotonic()

        with pytest.raises(SecretUnavailableError):
            slow.read("arn:x", within_seconds=0.1)

    assert time.monotonic() - started < 1


def test_a_read_may_be_given_more_time_than_the_others(aws: RecordingServer) -> None:
    aws.answers = [(200, b'{"SecretString":"x"}')]

    assert secrets(aws, timeout_seconds=0.000_001).read("arn:x", within_seconds=2) == "x"


def test_nothing_is_asked_when_the_request_has_no_time_left(aws: RecordingServer) -> None:
    late = secrets(aws, budget=0)

    with pytest.raises(SecretUnavailableError):
        late.read("arn:x", within_seconds=2)
    with pytest.raises(SecretUnavailableError):
        late.write("arn:x", "y")
    assert aws.received == []


def test_a_write_that_is_repeated_carries_the_same_token(aws: RecordingServer) -> None:
    aws.answers = [(500, b""), (200, b"{}")]

    secrets(aws).write("arn:x", "y")

    first, second = (json.loads(received.body) for received in aws.received)
    assert first == second


def test_reading_goes_on_after_a_close(aws: RecordingServer) -> None:
    aws.answers = [(200, b'{"SecretString":"x"}')]
    store = secrets(aws)
    store.read("arn:x")

    store.close()
    store.close()

    assert store.read("arn:x") == "x"
