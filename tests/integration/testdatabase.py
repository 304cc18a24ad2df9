"""A database on an embedded server, migrated as a deploy does it: by no superuser."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg

from tests.fakes import InMemorySecretStore
from tillgate.adapters.migration_files import shipped_migrations
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.conninfo import owner_access, url_for_role
from tillgate.adapters.postgres.schema import PostgresSchema
from tillgate.adapters.postgres.upkeep import PostgresUpkeep
from tillgate.domain.tenant import TenantId
from tillgate.services.migrate import Migrate
from tillgate.services.sweep import Sweep

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ops.local.postgres import EmbeddedPostgres
    from tillgate.domain.migration import Migration
    from tillgate.services.migrate import MigrateReport

ROLES = ("ingest", "api", "admin", "health", "sweep", "accept", "deliver", "watch", "rotate")

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class TestDatabase:
    """One database; ``superuser_url`` sees everything, row-level security or not."""

    __test__ = False

    server: EmbeddedPostgres
    superuser_url: str
    owner_url: str

    def url(self, role: str) -> str:
        return url_for_role(self.owner_url, username=f"tillgate_{role}", password=f"pw-{role}")

    def superuser(self) -> Connection:
        return psycopg.connect(self.superuser_url, autocommit=True)

    def as_role(self, role: str) -> Connection:
        return psycopg.connect(self.url(role), autocommit=True)

    def add_tenant(self, slug: str) -> TenantId:
        with self.superuser() as connection:
            row = connection.execute(
                "INSERT INTO tillgate.tenant (slug, name) VALUES (%s, %s)"
                " RETURNING tenant_id::text",
                (slug, slug),
            ).fetchone()
        assert row is not None
        return TenantId(row[0])


def create_database(
    server: EmbeddedPostgres, name: str, *, like: str = "template1"
) -> TestDatabase:
    """Make a database whose owner may create roles, and nothing more; empty, or a copy."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        known = connection.execute("SELECT FROM pg_roles WHERE rolname = 'deployer'").fetchone()
        if known is None:
            connection.execute("CREATE ROLE deployer LOGIN CREATEROLE PASSWORD 'pw-deployer'")
        # As files: a copy through the log would be written twice.
        connection.execute(
            f'CREATE DATABASE "{name}" OWNER deployer TEMPLATE "{like}" STRATEGY file_copy'
        )
    return TestDatabase(
        server,
        server.url(database=name),
        server.url(user="deployer", password="pw-deployer", database=name),
    )


@contextmanager
def scratch_database(
    server: EmbeddedPostgres, name: str, *, like: str = "template1"
) -> Iterator[TestDatabase]:
    """Make a database and drop it, whoever is still connected, at the end."""
    made = create_database(server, name, like=like)
    try:
        yield made
    finally:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def role_secrets() -> InMemorySecretStore:
    """Give the runtime roles' secrets as a first deploy finds them: without a URL."""
    return InMemorySecretStore(
        {
            role: json.dumps({"username": f"tillgate_{role}", "password": f"pw-{role}"})
            for role in ROLES
        }
    )


def run_migrations(
    database: TestDatabase,
    migrations: Sequence[Migration],
    *,
    secrets: InMemorySecretStore | None = None,
    role_secret_ids: Sequence[str] = ROLES,
) -> MigrateReport:
    """Do what functions/migrate does, with these migrations."""
    return Migrate(
        migrations=migrations,
        schema=PostgresSchema(lambda: database.owner_url),
        secrets=secrets or role_secrets(),
        role_secret_ids=role_secret_ids,
        role_access=owner_access(database.owner_url).of_role,
    ).run()


def migrate(database: TestDatabase) -> InMemorySecretStore:
    """Do what a deploy does, partitions included; give the secrets as it left them."""
    secrets = role_secrets()
    run_migrations(database, shipped_migrations(), secrets=secrets)
    owner = Database(lambda: database.owner_url, max_uses=1_000)
    Sweep(PostgresUpkeep(owner), clock=time.monotonic).make_partitions(datetime.now(UTC).date())
    owner.close()
    return secrets
