"""A real PostgreSQL, 16 and 18, migrated as a deploy does it: by a role that is no superuser."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.integration.fake_secrets_manager import FakeSecretsManager
from tests.integration.servers import Servers
from tests.integration.testdatabase import scratch_database
from tillgate.adapters.postgres.connection import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Literal

    from ops.local.postgres import EmbeddedPostgres
    from tests.integration.testdatabase import TestDatabase
    from tillgate.domain.tenant import TenantId


@pytest.fixture(scope="session", params=[16, 18], ids=["postgres16", "postgres18"])
def version(request: pytest.FixtureRequest) -> Literal[16, 18]:
    chosen: Literal[16, 18] = request.param
    return chosen


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Kept to the end: each file's tests go from one version to the other."""
    with Servers() as kept:
        yield kept


@pytest.fixture(scope="session")
def server(servers: Servers, version: Literal[16, 18]) -> EmbeddedPostgres:
    """For tests that assert nothing about crashes: fsync is off."""
    return servers.server(version, durable=False)


@pytest.fixture(scope="session")
def durable_server(servers: Servers, version: Literal[16, 18]) -> EmbeddedPostgres:
    """A server of its own for tests that crash or freeze it: fsync is on."""
    return servers.server(version, durable=True)


@pytest.fixture(scope="session")
def database(servers: Servers, server: EmbeddedPostgres) -> TestDatabase:
    """One migrated database for all tests of a run: each makes tenants of its own."""
    return servers.migrated(server, "tillgate")


@pytest.fixture
def empty_database(server: EmbeddedPostgres) -> Iterator[TestDatabase]:
    """A database of the test's own, with nothing in it."""
    with scratch_database(server, f"t{uuid.uuid4().hex}") as made:
        yield made


@pytest.fixture(scope="session")
def template(servers: Servers, server: EmbeddedPostgres) -> str:
    """A migrated database that nobody connects to: a copy takes a fifth of migrating."""
    servers.migrated(server, "migrated")
    return "migrated"


@pytest.fixture
def own_database(server: EmbeddedPostgres, template: str) -> Iterator[TestDatabase]:
    """A migrated database of the test's own, which it may spoil."""
    with scratch_database(server, f"t{uuid.uuid4().hex}", like=template) as made:
        yield made


@pytest.fixture(scope="session")
def durable_database(servers: Servers, durable_server: EmbeddedPostgres) -> TestDatabase:
    """One migrated database on the durable server."""
    return servers.migrated(durable_server, "tillgate")


@pytest.fixture
def tenant(database: TestDatabase) -> TenantId:
    return database.add_tenant(f"t-{uuid.uuid4()}")


@pytest.fixture
def connect(database: TestDatabase) -> Iterator[Callable[[str], Database]]:
    """Connect as a runtime role, as many times as a test likes; closed after it."""
    made: list[Database] = []

    def connect_as(role: str) -> Database:
        made.append(Database(lambda: database.url(role), max_uses=1_000_000))
        return made[-1]

    yield connect_as
    for connection in made:
        connection.close()


@pytest.fixture
def secrets_manager() -> Iterator[FakeSecretsManager]:
    with FakeSecretsManager() as fake:
        yield fake


@pytest.fixture(scope="module")
def secrets_manager_of_module() -> Iterator[FakeSecretsManager]:
    """For functions that a whole file's tests share."""
    with FakeSecretsManager() as fake:
        yield fake
