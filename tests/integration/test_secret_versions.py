"""One list of promises, held by moto, which others wrote, and by our own stand-in for tests."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.integration.fake_secrets_manager import FakeSecretsManager
from tillgate.adapters.aws.json_client import AwsJsonClient
from tillgate.adapters.secret_versions import SecretsManagerVersions
from tillgate.domain.errors import SecretUnavailableError
from tillgate.domain.rotation import CURRENT, PENDING, StageMovedError, VersionTakenError

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST = json.dumps({"k1": "made up"})
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


@pytest.fixture(scope="module", params=["moto", "stand-in"])
def endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "stand-in":
        with FakeSecretsManager() as fake:
            fake.secrets["ring"] = FIRST
            yield fake.url
        return
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "secretsmanager",
        endpoint_url=f"http://{host}:{port}",
        region_name="eu-central-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    client.create_secret(Name="ring", SecretString=FIRST)
    client.close()
    yield f"http://{host}:{port}"
    server.stop()


@contextmanager
def connected(endpoint: str) -> Iterator[SecretsManagerVersions]:
    env = {**KEYS, "AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL": endpoint}
    client = AwsJsonClient("secretsmanager", env=env, timeout_seconds=5)
    yield SecretsManagerVersions(client)
    client.close()


@pytest.fixture
def versions(endpoint: str) -> Iterator[SecretsManagerVersions]:
    with connected(endpoint) as made:
        yield made


@pytest.fixture
def own() -> Iterator[SecretsManagerVersions]:
    with FakeSecretsManager() as fake, connected(fake.url) as made:
        fake.secrets["ring"] = FIRST
        yield made


def current(versions: SecretsManagerVersions) -> str:
    held = versions.describe("ring").version_with(CURRENT)
    assert held is not None
    return held


def test_a_version_gets_its_value_once_and_becomes_current_by_a_swap(
    versions: SecretsManagerVersions,
) -> None:
    before, version = current(versions), str(uuid.uuid4())
    text = json.dumps({"k1": "made up", "k2": version})

    versions.put("ring", version, text, label=PENDING)
    versions.put("ring", version, text, label=PENDING)

    assert versions.describe("ring").labels[version] == {PENDING}
    assert current(versions) == before
    value = versions.value("ring", version)
    assert value is not None
    assert value.text == text

    versions.make_current("ring", version, instead_of=before)
    assert current(versions) == version
    assert "AWSPREVIOUS" in versions.describe("ring").labels[before]


def test_a_version_that_is_not_current_any_more_is_not_replaced(
    versions: SecretsManagerVersions,
) -> None:
    first = current(versions)
    second, third = str(uuid.uuid4()), str(uuid.uuid4())
    for version in (second, third):
        versions.put("ring", version, json.dumps({"k1": version}), label="TRIED")
    versions.make_current("ring", second, instead_of=first)

    with pytest.raises(StageMovedError):
        versions.make_current("ring", third, instead_of=first)
    assert current(versions) == second


def test_what_is_not_there_is_told_from_what_cannot_be_read(
    versions: SecretsManagerVersions,
) -> None:
    assert versions.value("ring", str(uuid.uuid4())) is None
    assert versions.describe("ring").version_with("NOBODY'S") is None
    with pytest.raises(SecretUnavailableError):
        versions.describe("nowhere")
    with pytest.raises(SecretUnavailableError):
        versions.put("nowhere", str(uuid.uuid4()), "x", label=PENDING)


def test_a_value_is_written_once(own: SecretsManagerVersions) -> None:
    """As AWS documents it; moto overwrites."""
    version = str(uuid.uuid4())
    own.put("ring", version, "one", label=PENDING)

    with pytest.raises(VersionTakenError):
        own.put("ring", version, "another", label=PENDING)
    value = own.value("ring", version)
    assert value is not None
    assert value.text == "one"
