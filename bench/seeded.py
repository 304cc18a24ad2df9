"""Databases of one server, alike but for how much history each has."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg

from bench.seeding import Seed, Seeded, seed
from ops.local.postgres import EmbeddedPostgres
from tests.integration.testdatabase import TestDatabase, create_database, migrate
from tillgate.adapters.postgres.connection import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

# For loading only: what is lost in a crash then is made again.
_LOADING: tuple[LiteralString, ...] = (
    "ALTER SYSTEM SET full_page_writes = off",
    "ALTER SYSTEM SET autovacuum = off",
    "ALTER SYSTEM SET checkpoint_timeout = '1h'",
    "ALTER SYSTEM SET max_wal_size = '8GB'",
    # Else the index of the keys, which come in no order, is written over and over.
    "ALTER SYSTEM SET shared_buffers = '1GB'",
)
_SETTINGS = ("shared_buffers", "fsync", "synchronous_commit", "full_page_writes", "autovacuum")


class NotDurableError(RuntimeError):
    """The server would measure commits that a crash undoes."""


@dataclass(frozen=True, slots=True)
class SeededDatabase:
    """A database, what was made in it, and ``connect`` by role (``ingest``, ``api``, ...)."""

    database: TestDatabase
    seeded: Seeded
    connect: Callable[[str], Database]
    superuser: psycopg.Connection[tuple[Any, ...]]

    def value(self, query: LiteralString, *params: object) -> Any:  # noqa: ANN401  Whatever it is of.
        """Give the one value of a query, row-level security or not."""
        row = self.superuser.execute(query, params).fetchone()
        assert row is not None
        return row[0]


@contextmanager
def seeded_databases(
    folder: Path, plans: Mapping[str, Seed], *, say: Callable[[str], None]
) -> Iterator[dict[str, SeededDatabase]]:
    """Fill a database for each plan without syncing, then serve them all as durably as ever.

    Nothing is warmed but by the loading; what is in ``folder`` is of no use to anyone after it.
    """
    made = load(folder, plans, say=say)
    # What the loading left to the operating system must not be written while others commit.
    os.sync()
    server = EmbeddedPostgres(folder / "data")
    with ExitStack() as stack:
        server.start()
        stack.callback(server.stop, mode="immediate")
        yield {
            name: opened(
                stack, TestDatabase(server, database.superuser_url, database.owner_url), seeded
            )
            for name, (database, seeded) in made.items()
        }


def load(
    folder: Path, plans: Mapping[str, Seed], *, say: Callable[[str], None]
) -> dict[str, tuple[TestDatabase, Seeded]]:
    """Make and fill the databases on a server that does not sync, and stop it."""
    server = EmbeddedPostgres(folder / "data", durable=False)
    made: dict[str, tuple[TestDatabase, Seeded]] = {}
    try:
        server.start()
        with psycopg.connect(server.url(), autocommit=True) as superuser:
            for statement in _LOADING:
                superuser.execute(statement)
        server.stop()
        server.start()
        for name, plan in plans.items():
            database = create_database(server, f"seeded-{name}")
            migrate(database)
            with database.superuser() as superuser:
                superuser.execute("SET synchronous_commit = off")
                seeded = seed(superuser, plan, until=datetime.now(UTC))
            made[name] = database, seeded
            say(
                f"{name}: {seeded.events:,} events in {seeded.seconds:.0f} s,"
                f" {seeded.per_second:,.0f} a second"
            )
        with psycopg.connect(server.url(), autocommit=True) as superuser:
            superuser.execute("ALTER SYSTEM RESET ALL")
    finally:
        server.stop()
    return made


def settings(made: SeededDatabase) -> dict[str, str]:
    """Tell with what it is measured, and how large it is. Raises NotDurableError."""
    found = {name: str(made.value("SELECT current_setting(%s)", name)) for name in _SETTINGS}
    if any(found[name] != "on" for name in _SETTINGS[1:]):
        raise NotDurableError(str(found))
    megabytes = made.value("SELECT pg_database_size(current_database()) / 1000000")
    return {**found, "database_mb": str(megabytes)}


def opened(stack: ExitStack, database: TestDatabase, seeded: Seeded) -> SeededDatabase:
    """Open a database that is seeded; what is connected to it closes with ``stack``."""

    def connect(role: str) -> Database:
        connection = Database(lambda: database.url(role), max_uses=1_000_000)
        stack.callback(connection.close)
        return connection

    superuser = stack.enter_context(database.superuser())
    return SeededDatabase(database, seeded, connect, superuser)
