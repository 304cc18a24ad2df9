"""Changing the schema and the roles, as the role that owns the database."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from tillgate.adapters.postgres.deadline_connection import untrusted
from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.migration import MigrationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tillgate.domain.migration import Migration

# "till" in ASCII: the key of the advisory lock under which one migrate at a time runs.
_LOCK_KEY = 0x74696C6C
_LOCK_TIMEOUTS = 20


class PostgresSchema:
    """Implements Schema. Raises StoreUnavailableError when the database gives no answer."""

    def __init__(self, conninfo: Callable[[], str]) -> None:
        self._conninfo = conninfo
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock that lets one migrate at a time in; a second one waits."""
        try:
            with psycopg.connect(
                self._conninfo(), autocommit=True, prepare_threshold=None, connect_timeout=10
            ) as connection:
                self._connection = connection
                connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK_KEY,))
                yield
        except psycopg.OperationalError as error:
            why = untrusted(error) or "the database gave no answer to migrate"
            raise StoreUnavailableError(str(why)) from error
        finally:
            self._connection = None

    def applied(self) -> dict[int, str]:
        """Give what was applied: number -> sha256."""
        connection = self._locked_connection()
        present = connection.execute(
            "SELECT to_regclass('tillgate.schema_migration') IS NOT NULL"
        ).fetchone()
        if present != (True,):
            return {}
        rows = connection.execute("SELECT number, sha256 FROM tillgate.schema_migration")
        return {int(str(number)): str(sha256) for number, sha256 in rows}

    def apply(self, migration: Migration) -> None:
        """Apply one migration and note it, in one transaction.

        Waits half a second at a time for a table's lock, less than an event may take: a longer
        wait would stop the events that queue up behind it. Raises MigrationError that names the
        file.
        """
        connection = self._locked_connection()
        for attempt in range(1, _LOCK_TIMEOUTS + 1):
            try:
                with connection.transaction():
                    connection.execute("SET LOCAL lock_timeout = '500ms'")
                    connection.execute(migration.sql)
                    connection.execute("SET LOCAL ROLE tillgate_owner")
                    connection.execute(
                        "INSERT INTO tillgate.schema_migration (number, name, sha256)"
                        " VALUES (%s, %s, %s)",
                        (migration.number, migration.name, migration.sha256),
                    )
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
                if attempt == _LOCK_TIMEOUTS:
                    raise MigrationError(f"{migration.name} got no lock on its tables") from error
            except (psycopg.ProgrammingError, psycopg.IntegrityError, psycopg.DataError) as error:
                raise MigrationError(
                    f"{migration.name} failed with SQLSTATE {error.sqlstate}"
                ) from error
            else:
                return

    def set_password(self, role: str, password: str) -> None:
        """Set a role's password; only its SCRAM verifier crosses the wire and the server's log."""
        connection = self._locked_connection()
        verifier = connection.pgconn.encrypt_password(
            password.encode(), role.encode(), b"scram-sha-256"
        ).decode()
        connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier))
        )

    def _locked_connection(self) -> psycopg.Connection[tuple[object, ...]]:
        if self._connection is None:
            raise RuntimeError("the schema is changed under its lock only")
        return self._connection
