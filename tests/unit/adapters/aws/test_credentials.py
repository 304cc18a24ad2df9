from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.http_server import RecordingServer, recording_server
from tests.integration.silent_peers import accepting_in_silence
from tillgate.adapters.aws.credentials import EnvironmentCredentials
from tillgate.adapters.aws.errors import AwsError
from tillgate.adapters.aws.signing import Credentials

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)


@pytest.fixture
def endpoint() -> Iterator[RecordingServer]:
    with recording_server() as server:
        yield server


def given_out(key: str, *, expires_at: datetime) -> tuple[int, bytes]:
    """Answer as Lambda's container endpoint does."""
    document = {
        "AccessKeyId": key,
        "SecretAccessKey": "a-secret",
        "Token": "a-token",
        "Expiration": expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return 200, json.dumps(document).encode()


def container(endpoint: RecordingServer) -> EnvironmentCredentials:
    env = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{endpoint.url}/2018/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "let-me-in",
        "AWS_ACCESS_KEY_ID": "the snapshot's own, long expired",
        "AWS_SECRET_ACCESS_KEY": "x",
    }
    return EnvironmentCredentials(env, timeout_seconds=2)


@pytest.mark.parametrize("token", [None, "a-token"])
def test_lambda_s_variables_are_the_credentials(token: str | None) -> None:
    env = {"AWS_ACCESS_KEY_ID": "a-key", "AWS_SECRET_ACCESS_KEY": "a-secret"}
    if token:
        env["AWS_SESSION_TOKEN"] = token

    found = EnvironmentCredentials(env, timeout_seconds=1)(NOW)

    assert found == Credentials("a-key", "a-secret", token)


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_a_variable_that_is_missing_is_named(missing: str) -> None:
    env = {"AWS_ACCESS_KEY_ID": "a-key", "AWS_SECRET_ACCESS_KEY": "a-secret"}
    del env[missing]

    with pytest.raises(AwsError, match=f"{missing} is not set"):
        EnvironmentCredentials(env, timeout_seconds=1)(NOW)


def test_a_container_s_endpoint_goes_before_the_variables(endpoint: RecordingServer) -> None:
    expires_at = NOW + timedelta(hours=1)
    endpoint.answers = [given_out("fetched", expires_at=expires_at)]

    found = container(endpoint)(NOW)

    assert found == Credentials("fetched", "a-secret", "a-token", expires_at)
    [received] = endpoint.received
    assert (received.method, received.path) == ("GET", "/2018/credentials")
    assert received.headers["authorization"] == "let-me-in"


def test_fetched_credentials_are_used_until_five_minutes_before_their_end(
    endpoint: RecordingServer,
) -> None:
    endpoint.answers = [
        given_out("first", expires_at=NOW + timedelta(hours=1)),
        given_out("second", expires_at=NOW + timedelta(hours=2)),
    ]
    credentials = container(endpoint)

    keys = [
        credentials(NOW + timedelta(minutes=minutes)).access_key_id
        for minutes in (0, 54, 54.99, 55, 90)
    ]

    assert keys == ["first", "first", "first", "second", "second"]
    assert len(endpoint.received) == 2


FAILURES = [(500, b""), (200, b"[]"), (403, b"{}")]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("minutes", [55, 58, 59.99])
def test_while_they_cannot_be_renewed_early_the_old_ones_serve(
    endpoint: RecordingServer, failure: tuple[int, bytes], minutes: float
) -> None:
    expires_at = NOW + timedelta(hours=1)
    endpoint.answers = [given_out("first", expires_at=expires_at), failure, failure]
    credentials = container(endpoint)
    credentials(NOW)

    late = NOW + timedelta(minutes=minutes)
    assert [credentials(late).access_key_id for _ in range(2)] == ["first", "first"]
    assert len(endpoint.received) == 3


def test_after_a_renewal_that_failed_the_next_call_has_the_new_ones(
    endpoint: RecordingServer,
) -> None:
    endpoint.answers = [
        given_out("first", expires_at=NOW + timedelta(hours=1)),
        (500, b""),
        given_out("second", expires_at=NOW + timedelta(hours=2)),
    ]
    credentials = container(endpoint)
    credentials(NOW)

    late = NOW + timedelta(minutes=57)
    assert [credentials(late).access_key_id for _ in range(3)] == ["first", "second", "second"]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("late", [timedelta(0), timedelta(microseconds=1), timedelta(days=1)])
def test_credentials_that_have_expired_serve_nobody(
    endpoint: RecordingServer, failure: tuple[int, bytes], late: timedelta
) -> None:
    endpoint.answers = [given_out("first", expires_at=NOW + timedelta(hours=1)), failure]
    credentials = container(endpoint)
    credentials(NOW)

    with pytest.raises(AwsError):
        credentials(NOW + timedelta(hours=1) + late)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((403, b""), "answered 403"),
        ((500, b"{}"), "answered 500"),
        ((200, b""), "gave no credentials"),
        ((200, b"[]"), "gave no credentials"),
        ((200, b"null"), "gave no credentials"),
        ((200, b'{"AccessKeyId":"a"}'), "gave no credentials"),
        (
            (200, b'{"AccessKeyId":"a","SecretAccessKey":"b","Token":"c","Expiration":"soon"}'),
            "gave no credentials",
        ),
    ],
)
def test_an_endpoint_that_gives_none_is_an_error(
    endpoint: RecordingServer, answer: tuple[int, bytes], message: str
) -> None:
    endpoint.answers = [answer]

    with pytest.raises(AwsError, match=message):
        container(endpoint)(NOW)


def test_after_an_error_the_endpoint_is_asked_again(endpoint: RecordingServer) -> None:
    endpoint.answers = [(500, b""), given_out("second", expires_at=NOW + timedelta(hours=1))]
    credentials = container(endpoint)
    with pytest.raises(AwsError):
        credentials(NOW)

    assert credentials(NOW).access_key_id == "second"


def test_an_endpoint_that_says_nothing_is_waited_for_no_longer_than_the_call_has() -> None:
    with accepting_in_silence() as port:
        env = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{port}/v2"}
        started = time.monotonic()

        with pytest.raises(AwsError, match="gave no answer"):
            EnvironmentCredentials(env, timeout_seconds=60)(NOW, within_seconds=0.1)

    assert time.monotonic() - started < 1


def test_no_secret_is_in_what_credentials_print() -> None:
    printed = repr(Credentials("a-key", "canary-key", "canary-token"))

    assert "a-key" in printed
    assert "canary" not in printed
