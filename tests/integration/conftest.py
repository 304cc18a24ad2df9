"""A real PostgreSQL, 16 and 18, migrated as a deploy does it: by a role that is no superuser."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
import pytest
from ops.local.postgres import EmbeddedPostgres
from tillgate.adapters.migration_files import shipped_migrations
from tillgate.adapters.postgres.conninfo import url_for_role
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.schema import PostgresSchema
from tillgate.adapters.postgres.upkeep import PostgresUpkeep
from tillgate.services.migrate import Migrate
from tillgate.services.sweep import Sweep

from tests.fakes import InMemorySecretStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROLES = ("ingest", "api", "admin", "health", "sweep")


@dataclass(frozen=True, slots=True)
class TestDatabase:
    """A migrated database; ``superuser_url`` sees everything, row-level security or not."""

    __test__ = False

    server: EmbeddedPostgres
    superuser_url: str
    owner_url: str

    def url(self, role: str) -> str:
        return url_for_role(self.owner_url, username=f"tillgate_{role}", password=f"pw-{role}")

    def superuser(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.superuser_url, autocommit=True)

    def add_tenant(self, slug: str) -> str:
        with self.superuser() as connection:
            row = connection.execute(
                "INSERT INTO tillgate.tenant (slug, name) VALUES (%s, %s) RETURNING tenant_id::text",
                (slug, slug),
            ).fetchone()
        assert row is not None
        return str(row[0])


def create_database(server: EmbeddedPostgres, name: str) -> TestDatabase:
    """Make an empty database whose owner may create roles, and nothing more."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        known = connection.execute(
            "SELECT FROM pg_roles WHERE rolname = 'deployer'"
        ).fetchone()
        if known is None:
            connection.execute("CREATE ROLE deployer LOGIN CREATEROLE PASSWORD 'pw-deployer'")
        connection.execute(f'CREATE DATABASE "{name}" OWNER deployer')  # noqa: S608  A test's own name.
    return TestDatabase(
        server,
        server.url(database=name),
        server.url(user="deployer", password="pw-deployer", database=name),
    )


def migrate(database: TestDatabase) -> InMemorySecretStore:
    """Do what functions/migrate does; give the secrets as it left them."""
    secrets = InMemorySecretStore(
        {
            role: json.dumps({"username": f"tillgate_{role}", "password": f"pw-{role}"})
            for role in ROLES
        }
    )
    Migrate(
        migrations=shipped_migrations(),
        schema=PostgresSchema(lambda: database.owner_url),
        secrets=secrets,
        role_secret_ids=ROLES,
        role_url=lambda role, password: url_for_role(
            database.owner_url, username=role, password=password
        ),
    ).run()
    owner = Database(lambda: database.owner_url, max_uses=1_000)
    Sweep(PostgresUpkeep(owner)).make_partitions(datetime.now(UTC).date())
    owner.close()
    return secrets


@pytest.fixture(scope="session", params=[16, 18], ids=["postgres16", "postgres18"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedPostgres]:
    postgres = EmbeddedPostgres(
        tmp_path_factory.mktemp("postgres") / "data", version=request.param, durable=False
    )
    postgres.start()
    yield postgres
    postgres.stop(mode="immediate")


@pytest.fixture(scope="session")
def database(server: EmbeddedPostgres) -> TestDatabase:
    """One migrated database for all tests of a run: each makes tenants of its own."""
    made = create_database(server, "tillgate")
    migrate(made)
    return made


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
