"""A real PostgreSQL, 16 and 18, migrated as a deploy does it: by a role that is no superuser."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import psycopg
import pytest

from ops.local.postgres import EmbeddedPostgres
from tests.integration.fake_secrets_manager import FakeSecretsManager
from tests.integration.testdatabase import TestDatabase, create_database, migrate, scratch_database
from tillgate.adapters.postgres.connection import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Literal

    from tillgate.domain.tenant import TenantId


@pytest.fixture(scope="session", params=[16, 18], ids=["postgres16", "postgres18"])
def version(request: pytest.FixtureRequest) -> Literal[16, 18]:
    chosen: Literal[16, 18] = request.param
    return chosen


@pytest.fixture(scope="session")
def server(version: Literal[16, 18]) -> Iterator[EmbeddedPostgres]:
    """For tests that assert nothing about crashes: fsync is off."""
    with _running(version, durable=False) as postgres:
        yield postgres


@pytest.fixture(scope="session")
def durable_server(version: Literal[16, 18]) -> Iterator[EmbeddedPostgres]:
    """A server of its own for tests that crash or freeze it: fsync is on."""
    with (
        _running(version, durable=True) as postgres,
        psycopg.connect(postgres.url(), autocommit=True) as connection,
    ):
        # Else each recovery first opens every file there is, which takes seconds.
        connection.execute("ALTER SYSTEM SET recovery_init_sync_method = 'syncfs'")
        connection.execute("SELECT pg_reload_conf()")
        connection.close()
        yield postgres


@contextmanager
def _running(version: Literal[16, 18], *, durable: bool) -> Iterator[EmbeddedPostgres]:
    # Not below pytest's own folder: run by root, the server runs as another user, and any
    # other pytest that starts meanwhile closes that folder to it.
    with TemporaryDirectory(prefix="tillgate-postgres-", dir="/tmp") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "data", version=version, durable=durable)
        try:
            postgres.start()
            yield postgres
        finally:
            postgres.stop(mode="immediate")


@pytest.fixture(scope="session")
def database(server: EmbeddedPostgres) -> TestDatabase:
    """One migrated database for all tests of a run: each makes tenants of its own."""
    made = create_database(server, "tillgate")
    migrate(made)
    return made


@pytest.fixture
def empty_database(server: EmbeddedPostgres) -> Iterator[TestDatabase]:
    """A database of the test's own, with nothing in it."""
    with scratch_database(server, f"t{uuid.uuid4().hex}") as made:
        yield made


@pytest.fixture(scope="session")
def template(server: EmbeddedPostgres) -> str:
    """A migrated database that nobody connects to: a copy takes a fifth of migrating."""
    migrate(create_database(server, "migrated"))
    return "migrated"


@pytest.fixture
def own_database(server: EmbeddedPostgres, template: str) -> Iterator[TestDatabase]:
    """A migrated database of the test's own, which it may spoil."""
    with scratch_database(server, f"t{uuid.uuid4().hex}", like=template) as made:
        yield made


@pytest.fixture(scope="session")
def durable_database(durable_server: EmbeddedPostgres) -> TestDatabase:
    """One migrated database on the durable server."""
    made = create_database(durable_server, "tillgate")
    migrate(made)
    return made


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
