"""What ``/startupz`` asks the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import errors

if TYPE_CHECKING:
    from tillgate.adapters.postgres.connection import Database


class PostgresProbe:
    """Implements SchemaProbe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def current_migration(self, *, within_seconds: float) -> int:
        try:
            [(number,)] = self._database.rows(
                "SELECT coalesce(max(number), 0) FROM tillgate.schema_migration",
                within_seconds=within_seconds,
            )
        except errors.UndefinedTable:
            # A database that nobody has migrated: there, but not ready.
            return 0
        return int(number)

    def has_destination(self, *, within_seconds: float) -> bool:
        [(answer,)] = self._database.rows(
            "SELECT tillgate.has_destination()", within_seconds=within_seconds
        )
        return bool(answer)
