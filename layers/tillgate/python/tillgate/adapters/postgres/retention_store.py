"""How long tenants' events are kept and which tenants are erased, decided by the admin role."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, LiteralString

from psycopg import errors

from tillgate.adapters.postgres.audit import note
from tillgate.domain.administration import MAX_COUNTED
from tillgate.domain.audit import Action, Deed
from tillgate.domain.errors import (
    Fault,
    InvalidRequestError,
    NotFoundError,
    TenantNotSuspendedError,
)
from tillgate.domain.retention import Erased, ErasureRecord, RetentionRecord, RetentionStatus
from tillgate.domain.tenant import EventId, TenantId

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

    from tillgate.adapters.postgres.connection import Database
    from tillgate.adapters.postgres.deadline_connection import Row
    from tillgate.domain.audit import Detail

# Counted from the index, some tenths of a second for each of three tables.
_COUNTED_AT_ONCE = 200_000

_GET: LiteralString = """
    SELECT r.days
    FROM tillgate.tenant AS t
    LEFT JOIN tillgate.tenant_retention AS r ON r.tenant_id = t.tenant_id
    WHERE t.tenant_id = %s
"""
_SET: LiteralString = """
    INSERT INTO tillgate.tenant_retention (tenant_id, days) VALUES (%s, %s)
    ON CONFLICT (tenant_id) DO UPDATE SET days = excluded.days
"""
_ERASURE: LiteralString = """
    SELECT asked_at, done_at, events, deliveries, attempts, quarantine, sources, tokens,
        destinations, credentials
    FROM tillgate.erasure WHERE tenant_id = %s
"""


class PostgresRetentionStore:
    """Implements RetentionStore. ``within_seconds`` is the deadline of one call."""

    def __init__(self, database: Database, *, within_seconds: float) -> None:
        self._database = database
        self._within_seconds = within_seconds

    def retention(self, tenant_id: TenantId, *, default_days: int) -> RetentionRecord | None:
        rows = self._database.rows(_GET, (tenant_id,), within_seconds=self._within_seconds)
        if not rows:
            return None
        [(days,)] = rows
        return RetentionRecord(
            tenant_id=tenant_id, days=days or default_days, is_default=days is None
        )

    def status(self, *, default_days: int) -> RetentionStatus:
        [(held,)] = self._database.rows(
            "SELECT tillgate.held_events(%s, %s)",
            (default_days, MAX_COUNTED),
            within_seconds=self._within_seconds,
        )
        return RetentionStatus(
            default_days=default_days, held_events=held["events"], first_go_on=held["first_go_on"]
        )

    def set_retention(self, tenant_id: TenantId, days: int | None) -> bool:
        try:
            with self._database.transaction(within_seconds=self._within_seconds) as cursor:
                cursor.execute(_SET, (tenant_id, days))
                self._note(cursor, Action.TENANT_RETENTION_SET, tenant_id, {"days": days})
        except errors.ForeignKeyViolation:
            return False
        return True

    def plan_erasure(
        self, tenant_id: TenantId, *, after: EventId | None
    ) -> tuple[Erased, EventId | None]:
        [(page,)] = self._database.rows(
            "SELECT tillgate.erase_plan(%s, %s, %s)",
            (tenant_id, after, _COUNTED_AT_ONCE),
            within_seconds=self._within_seconds,
        )
        following = page.pop("next")
        return Erased(**page), EventId(following) if following else None

    def erase(self, tenant_id: TenantId, *, slug: str) -> ErasureRecord:
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            [(outcome,)] = cursor.execute(
                "SELECT tillgate.erase_tenant(%s, %s)", (tenant_id, slug)
            ).fetchall()
            if outcome == "unknown":
                raise NotFoundError("There is no such tenant.")
            if outcome == "not-suspended":
                raise TenantNotSuspendedError("Suspend it first: nothing was removed.")
            if outcome == "other-slug":
                raise InvalidRequestError([Fault("/slug", "is not this tenant's")])
            self._note(cursor, Action.TENANT_ERASED, tenant_id, {})
            [row] = cursor.execute(_ERASURE, (tenant_id,)).fetchall()
            return _erasure(tenant_id, row)

    def erasure(self, tenant_id: TenantId) -> ErasureRecord | None:
        rows = self._database.rows(_ERASURE, (tenant_id,), within_seconds=self._within_seconds)
        return _erasure(tenant_id, rows[0]) if rows else None

    def _note(
        self,
        cursor: psycopg.Cursor[Row],
        action: Action,
        tenant_id: TenantId,
        details: Mapping[str, Detail],
    ) -> None:
        target = ("tenant", tenant_id)
        note(
            self._database,
            cursor,
            Deed(action, tenant_id=tenant_id, target=target, details=details),
        )


def _erasure(tenant_id: TenantId, row: Row) -> ErasureRecord:
    asked_at, done_at, *counts = row
    events, deliveries, attempts, quarantine, sources, tokens, destinations, credentials = counts
    return ErasureRecord(
        tenant_id=tenant_id,
        asked_at=asked_at.astimezone(UTC),
        done_at=done_at.astimezone(UTC) if done_at else None,
        removed=Erased(
            events=events, deliveries=deliveries, attempts=attempts, quarantine=quarantine,
            sources=sources, tokens=tokens, destinations=destinations, credentials=credentials,
        ),
    )  # fmt: skip
