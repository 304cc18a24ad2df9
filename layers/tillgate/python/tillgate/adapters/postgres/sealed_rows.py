"""What the rotate role sees of the database: sealed columns, and where ages are noted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from psycopg import sql

from tillgate.adapters.postgres.connection import refusals_as_unavailable
from tillgate.domain.rotation import NotedSecret, PlatformSecret
from tillgate.domain.sealed import COUNTED_TO, SealedRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.rotation import SecretNote
    from tillgate.domain.sealed import Resealed, SealedColumn

_FIRST = "00000000-0000-0000-0000-000000000000"

# The names come from our own list of columns (domain.sealed).
_PAGE = sql.SQL("""
    SELECT {key}::text, {tenant}, {column}
    FROM tillgate.{table}
    WHERE tillgate.sealed_kid({column}) = %s AND {key} > %s
    ORDER BY {key}
    LIMIT %s
""")
_SWAP = sql.SQL("""
    UPDATE tillgate.{table} SET {column} = %s WHERE {key} = %s AND {column} = %s
""")


class PostgresSealedRows:
    """Implements SealedRows. ``within_seconds`` is the deadline of one call."""

    def __init__(self, database: Database, *, within_seconds: float) -> None:
        self._database = database
        self._within_seconds = within_seconds

    def named(self) -> dict[str, dict[str, int]]:
        with refusals_as_unavailable:
            rows = self._database.rows(
                "SELECT kid, sealed_column, named FROM tillgate.sealed_kids(%s)",
                (COUNTED_TO,),
                within_seconds=self._within_seconds,
            )
        named: dict[str, dict[str, int]] = {}
        for kid, column, found in rows:
            named.setdefault(kid, {})[column] = found
        return named

    def page(
        self, column: SealedColumn, *, kid: str, after: str | None, limit: int
    ) -> list[SealedRow]:
        tenant = sql.Identifier(column.tenant) + sql.SQL("::text") if column.tenant else sql.NULL
        statement = _PAGE.format(tenant=tenant, **_names(column))
        with (
            refusals_as_unavailable,
            self._database.transaction(within_seconds=self._within_seconds) as cursor,
        ):
            found = cursor.execute(statement, (kid, after or _FIRST, limit)).fetchall()
        return [SealedRow(key, tenant_id, bytes(sealed)) for key, tenant_id, sealed in found]

    def swap(self, column: SealedColumn, rows: Sequence[Resealed]) -> int:
        statement = _SWAP.format(**_names(column))
        done = 0
        with (
            refusals_as_unavailable,
            self._database.transaction(within_seconds=self._within_seconds) as cursor,
        ):
            # One after the other, by their keys: two at once wait for each other.
            for row in sorted(rows):
                cursor.execute(statement, (row.after, row.key, row.before))
                done += cursor.rowcount
        return done


class PostgresSecretNotes:
    """Implements SecretNotes. ``within_seconds`` is the deadline of one call."""

    def __init__(self, database: Database, *, within_seconds: float) -> None:
        self._database = database
        self._within_seconds = within_seconds

    def note(self, notes: Sequence[SecretNote]) -> None:
        told = [
            {
                "name": note.name,
                "made_at": note.made_at.timestamp(),
                "first_made_at": note.first_made_at.timestamp(),
            }
            for note in notes
        ]
        with refusals_as_unavailable:
            self._database.rows(
                "SELECT tillgate.note_platform_secrets(%s)",
                (json.dumps(told),),
                within_seconds=self._within_seconds,
            )


class PostgresSecretAges:
    """Implements SecretAges, for the admin role. ``within_seconds`` is the deadline of one call."""

    def __init__(self, database: Database, *, within_seconds: float) -> None:
        self._database = database
        self._within_seconds = within_seconds

    def noted(self) -> list[NotedSecret]:
        with refusals_as_unavailable:
            rows = self._database.rows(
                "SELECT name, made_at, first_made_at, noted_at FROM tillgate.platform_secret",
                within_seconds=self._within_seconds,
            )
        return [NotedSecret(PlatformSecret(name), *times) for name, *times in rows]


def _names(column: SealedColumn) -> dict[str, sql.Identifier]:
    return {
        "table": sql.Identifier(column.table),
        "column": sql.Identifier(column.column),
        "key": sql.Identifier(column.key),
    }
