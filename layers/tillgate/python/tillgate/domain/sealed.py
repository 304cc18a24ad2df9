"""Where the database keeps what is sealed, and how it is sealed anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString, NamedTuple, Protocol

from tillgate.domain.delivery import destination_seal_context
from tillgate.domain.enrichment import credential_seal_context
from tillgate.domain.tenant import endpoint_seal_context

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Rows that name a key are counted to here: beyond that nobody asks how many.
COUNTED_TO = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedColumn:
    """One column. ``key`` and ``tenant`` are what binds what is sealed to its row.

    ``context`` is called with both; ``tenant`` is None where the table has no such column.
    """

    table: LiteralString
    column: LiteralString
    key: LiteralString
    tenant: LiteralString | None
    context: Callable[[str, str | None], str]

    @property
    def name(self) -> str:
        return f"{self.table}.{self.column}"


def _endpoint(key: str, tenant_id: str | None) -> str:
    return endpoint_seal_context(key, tenant_id=tenant_id)


def _credential(key: str, tenant_id: str | None) -> str:
    return credential_seal_context(key, tenant_id=tenant_id or "")


def _destination(key: str, _tenant_id: str | None) -> str:
    return destination_seal_context(key)


# Every sealed column whose rows live longer than a key seals. A column that is added needs, beside
# its line here, what migration 0034 gives two of them: an index by ``tillgate.sealed_kid``, and
# SELECT and UPDATE on it for tillgate_rotate.
RESEALED: tuple[SealedColumn, ...] = (
    SealedColumn(table="app", column="sealed_secret", key="app_id", tenant=None, context=_endpoint),
    SealedColumn(
        table="app",
        column="previous_sealed_secret",
        key="app_id",
        tenant=None,
        context=_endpoint,
    ),
    SealedColumn(
        table="source",
        column="sealed_secret",
        key="source_id",
        tenant="tenant_id",
        context=_endpoint,
    ),
    SealedColumn(
        table="source",
        column="previous_sealed_secret",
        key="source_id",
        tenant="tenant_id",
        context=_endpoint,
    ),
    SealedColumn(
        table="source",
        column="sealed_credential",
        key="source_id",
        tenant="tenant_id",
        context=_credential,
    ),
    SealedColumn(
        table="destination",
        column="sealed_secret",
        key="tenant_id",
        tenant="tenant_id",
        context=_destination,
    ),
)
# Quarantine is left alone: it expires after 30 days, long before its key may leave, and a row may
# be megabytes (decision 28).
LEFT_ALONE: tuple[str, ...] = ("quarantine.sealed_content",)


class SealedRow(NamedTuple):
    """One row's sealed bytes, and what they are bound to."""

    key: str
    tenant_id: str | None
    sealed: bytes


class Resealed(NamedTuple):
    """What one row holds, and what it shall hold instead."""

    key: str
    before: bytes
    after: bytes


class SealedRows(Protocol):
    """The database as the re-sealing sees it. Every method raises StoreUnavailableError."""

    def named(self) -> dict[str, dict[str, int]]:
        """Count the rows that name each key: by kid, then by ``table.column``; to COUNTED_TO."""
        ...

    def page(
        self, column: SealedColumn, *, kid: str, after: str | None, limit: int
    ) -> list[SealedRow]:
        """Give rows that this key sealed, by their keys, from the first after ``after`` on."""
        ...

    def swap(self, column: SealedColumn, rows: Sequence[Resealed]) -> int:
        """Replace what still is as it was; give how many were. All or none of it is done."""
        ...


class SealingRing(Protocol):
    """A SecretBox whose keys have names; the last one seals."""

    @property
    def kids(self) -> tuple[str, ...]: ...

    def reload(self) -> None:
        """Read it again. Raises SecretUnavailableError."""
        ...

    def seal(self, plain: bytes, *, context: str) -> bytes: ...

    def open(self, sealed: bytes, *, context: str) -> bytes: ...
