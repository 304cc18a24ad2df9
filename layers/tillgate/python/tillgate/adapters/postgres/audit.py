"""The audit trail: entries are added in the transaction that does what they say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, LiteralString, Protocol

import psycopg

from tillgate.domain.audit import BY_ITSELF, Actor, ActorKind, AuditEntry, Target
from tillgate.domain.errors import StoreRefusedError
from tillgate.domain.tenant import TenantId

if TYPE_CHECKING:
    from tillgate.adapters.postgres.connection import Database
    from tillgate.adapters.postgres.deadline_connection import Row
    from tillgate.domain.audit import Acting, AuditFilter, Deed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOTE: LiteralString = "SELECT tillgate.audit(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
_LIST: LiteralString = """
    SELECT e.entry_id::text, e.at, e.actor_kind, e.actor_id, e.claimed_name, e.action,
        e.tenant_id::text, e.target_kind, e.target_id, e.rid, e.source_address, e.details
    FROM tillgate.audit_list(%s, %s, %s, %s, %s, %s, %s) AS e
"""


class ActedOn(Protocol):
    """What knows for whom it is asked: a Database."""

    @property
    def acting(self) -> Acting | None: ...


def note(database: ActedOn, cursor: psycopg.Cursor[Row], deed: Deed) -> None:
    """Add an entry in the cursor's transaction: it stays if, and only if, what it tells stays.

    Raises StoreRefusedError when it is not taken: then the change must not be, either.
    """
    acting = database.acting or BY_ITSELF
    actor = acting.actor
    kind, target_id = deed.target or (None, None)
    params = (
        actor.kind.value, actor.id, actor.claimed_name, deed.action.value, deed.tenant_id, kind,
        target_id, acting.rid, acting.source_address[:64], json.dumps(dict(deed.details)),
    )  # fmt: skip
    try:
        cursor.execute(_NOTE, params)
    except (psycopg.ProgrammingError, psycopg.IntegrityError) as error:
        raise StoreRefusedError("the audit trail takes no entry") from error


class PostgresAuditLog:
    """Implements AuditLog. ``within_seconds`` is the deadline of one call."""

    def __init__(self, database: Database, *, within_seconds: float) -> None:
        self._database = database
        self._within_seconds = within_seconds

    def record(self, deed: Deed) -> None:
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            note(self._database, cursor, deed)

    def entries(self, chosen: AuditFilter, *, limit: int, before: str | None) -> list[AuditEntry]:
        params = (
            chosen.tenant_id, chosen.action.value if chosen.action else None, chosen.actor,
            _since_1970(chosen.since), _since_1970(chosen.until), before, limit,
        )  # fmt: skip
        rows = self._database.rows(_LIST, params, within_seconds=self._within_seconds)
        return [_entry(row) for row in rows]


def _since_1970(moment: datetime | None) -> datetime | None:
    """Give a moment that an id can be made of: no entry is from before."""
    return max(moment, _EPOCH) if moment else None


def _entry(row: Row) -> AuditEntry:
    entry_id, at, actor_kind, actor_id, name, action, tenant_id, *rest = row
    target_kind, target_id, rid, source_address, details = rest
    return AuditEntry(
        entry_id=entry_id, at=at.astimezone(UTC),
        actor=Actor(kind=ActorKind(actor_kind), id=actor_id, claimed_name=name),
        action=action, tenant_id=TenantId(tenant_id) if tenant_id else None,
        target=Target(kind=target_kind, id=target_id) if target_kind else None, rid=rid,
        source_address=source_address, details=details,
    )  # fmt: skip
