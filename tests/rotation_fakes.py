"""In-memory stand-ins for what a rotation knows of the database."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.rotation import NotedSecret
from tillgate.domain.sealed import SealedRow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tillgate.domain.rotation import SecretNote
    from tillgate.domain.sealed import Resealed, SealedColumn


def kid_of(sealed: bytes) -> str:
    return sealed[2 : 2 + sealed[1]].decode()


class InMemorySealedRows:
    """Implements SealedRows; ``rows`` are by ``table.column`` and key: (tenant, sealed).

    ``before_swap`` is called with the column just before its rows are replaced.
    """

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, tuple[str | None, bytes]]] = defaultdict(dict)
        self.is_down = False
        self.asked: list[str] = []
        self.before_swap: Callable[[SealedColumn], None] = lambda _column: None

    def add(self, column: str, kid: str) -> None:
        """Have one row name a key, whatever it sealed."""
        sealed = bytes((1, len(kid))) + kid.encode() + bytes(30)
        self.rows[column][f"{len(self.rows[column]):08}"] = (None, sealed)

    def named(self) -> dict[str, dict[str, int]]:
        self._ask("named")
        named: dict[str, dict[str, int]] = {}
        for column, rows in self.rows.items():
            for _, sealed in rows.values():
                by_column = named.setdefault(kid_of(sealed), {})
                by_column[column] = by_column.get(column, 0) + 1
        return named

    def page(
        self, column: SealedColumn, *, kid: str, after: str | None, limit: int
    ) -> list[SealedRow]:
        self._ask("page")
        found = [
            SealedRow(key, tenant_id, sealed)
            for key, (tenant_id, sealed) in sorted(self.rows[column.name].items())
            if kid_of(sealed) == kid and key > (after or "")
        ]
        return found[:limit]

    def swap(self, column: SealedColumn, rows: Sequence[Resealed]) -> int:
        self._ask("swap")
        self.before_swap(column)
        held, done = self.rows[column.name], 0
        for row in rows:
            tenant_id, sealed = held[row.key]
            if sealed == row.before:
                held[row.key] = tenant_id, row.after
                done += 1
        return done

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.is_down:
            raise StoreUnavailableError("down")


class InMemorySecretNotes:
    """Implements SecretNotes and SecretAges; ``noted_at`` is when they were noted."""

    def __init__(self) -> None:
        self.notes: Sequence[SecretNote] = ()
        self.noted_at = datetime(2026, 11, 23, tzinfo=UTC)
        self.is_down = False

    def note(self, notes: Sequence[SecretNote]) -> None:
        if self.is_down:
            raise StoreUnavailableError("down")
        self.notes = notes

    def noted(self) -> list[NotedSecret]:
        if self.is_down:
            raise StoreUnavailableError("down")
        return [NotedSecret(*note, self.noted_at) for note in self.notes]
