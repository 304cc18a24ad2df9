"""Our small signed client against moto, which speaks AWS's protocol and was not written by us."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tillgate.adapters.secrets_manager import SecretsManager
from tillgate.domain.errors import SecretUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_secretsmanager import SecretsManagerClient

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def boto(endpoint: str) -> Iterator[SecretsManagerClient]:
    client = boto3.client(
        "secretsmanager",
        endpoint_url=endpoint,
        region_name="eu-central-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    yield client
    client.close()


@pytest.fixture
def secrets(endpoint: str) -> Iterator[SecretsManager]:
    env = {**CREDENTIALS, "AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL": endpoint}
    manager = SecretsManager(env=env, timeout_seconds=5, max_requests_per_socket=1000)
    yield manager
    manager.close()


def test_what_boto3_wrote_is_read_by_arn_and_by_name(
    boto: SecretsManagerClient, secrets: SecretsManager
) -> None:
    made = boto.create_secret(Name="tillgate/read", SecretString='{"k1": "schlüssel"}')

    assert secrets.read(made["ARN"]) == '{"k1": "schlüssel"}'
    assert secrets.read("tillgate/read") == '{"k1": "schlüssel"}'


def test_what_is_written_is_what_boto3_reads(
    boto: SecretsManagerClient, secrets: SecretsManager
) -> None:
    boto.create_secret(Name="tillgate/write", SecretString="before")

    secrets.write("tillgate/write", "after")

    assert boto.get_secret_value(SecretId="tillgate/write")["SecretString"] == "after"


def test_a_secret_that_does_not_exist_cannot_be_read_or_written(secrets: SecretsManager) -> None:
    with pytest.raises(SecretUnavailableError):
        secrets.read("tillgate/nowhere")
    with pytest.raises(SecretUnavailableError):
        secrets.write("tillgate/nowhere", "x")


def test_a_secret_of_bytes_is_no_text(boto: SecretsManagerClient, secrets: SecretsManager) -> None:
    boto.create_secret(Name="tillgate/bytes", SecretBinary=b"\0\1")

    with pytest.raises(SecretUnavailableError):
        secrets.read("tillgate/bytes")
