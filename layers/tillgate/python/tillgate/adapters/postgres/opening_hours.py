"""When tenants are open and who is quiet, written and read by the admin role."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, LiteralString

from tillgate.adapters.postgres.audit import note
from tillgate.domain.audit import Action, Deed
from tillgate.domain.opening_hours import HoursRecord, QuietSourceRecord
from tillgate.domain.tenant import SourceId, TenantId

if TYPE_CHECKING:
    from tillgate.adapters.postgres.connection import Database
    from tillgate.adapters.postgres.deadline_connection import Row

# What stays as it is leaves the tenant's heeded_since as it is.
_SET: LiteralString = """
    UPDATE tillgate.tenant AS t
    SET time_zone = n.time_zone, opening_hours = n.opening_hours,
        quiet_after_minutes = n.quiet_after_minutes
    FROM (
        SELECT %s::text AS time_zone, %s::jsonb AS opening_hours, %s::integer AS quiet_after_minutes
    ) AS n
    WHERE t.tenant_id = %s AND (t.time_zone, t.opening_hours, t.quiet_after_minutes)
        IS DISTINCT FROM (n.time_zone, n.opening_hours, n.quiet_after_minutes)
"""
_EXISTS: LiteralString = "SELECT 1 FROM tillgate.tenant WHERE tenant_id = %s"
_GET: LiteralString = """
    SELECT tenant_id::text, time_zone, opening_hours, quiet_after_minutes
    FROM tillgate.tenant WHERE tenant_id = %s AND time_zone IS NOT NULL
"""
_REMOVE: LiteralString = """
    UPDATE tillgate.tenant
    SET time_zone = NULL, opening_hours = NULL, quiet_after_minutes = NULL
    WHERE tenant_id = %s
"""
_SET_QUIET_AFTER: LiteralString = """
    UPDATE tillgate.source SET quiet_after_minutes = %s WHERE source_id = %s
    RETURNING tenant_id::text
"""
_QUIET: LiteralString = """
    SELECT q.source_id::text, q.tenant_id::text, t.slug, s.provider, s.name, q.quiet_since,
        q.last_event_at, q.noticed_at
    FROM tillgate.quiet_source AS q
    JOIN tillgate.source AS s ON s.source_id = q.source_id
    JOIN tillgate.tenant AS t ON t.tenant_id = q.tenant_id
    ORDER BY q.quiet_since, q.source_id
    LIMIT %s
"""


class PostgresOpeningHoursStore:
    """Implements OpeningHoursStore. ``within_seconds`` is the deadline of one call."""

    def __init__(self, database: Database, *, within_seconds: float) -> None:
        self._database = database
        self._within_seconds = within_seconds

    def set_hours(self, hours: HoursRecord) -> bool:
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            cursor.execute(
                _SET,
                (
                    hours.time_zone,
                    json.dumps(hours.opening_hours),
                    hours.quiet_after_minutes,
                    hours.tenant_id,
                ),
            )
            is_known = bool(cursor.execute(_EXISTS, (hours.tenant_id,)).fetchall())
            if is_known:
                details = {"quiet_after_minutes": hours.quiet_after_minutes}
                deed = Deed(Action.TENANT_HOURS_SET, tenant_id=hours.tenant_id, details=details)
                note(self._database, cursor, deed)
            return is_known

    def hours(self, tenant_id: TenantId) -> HoursRecord | None:
        rows = self._database.rows(_GET, (tenant_id,), within_seconds=self._within_seconds)
        return _hours(rows[0]) if rows else None

    def remove_hours(self, tenant_id: TenantId) -> HoursRecord | None:
        # In a transaction, which is not tried twice: a second try would find none to remove.
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            rows = cursor.execute(_GET + " FOR UPDATE", (tenant_id,)).fetchall()
            if not rows:
                return None
            cursor.execute(_REMOVE, (tenant_id,))
            note(self._database, cursor, Deed(Action.TENANT_HOURS_REMOVED, tenant_id=tenant_id))
            return _hours(rows[0])

    def set_quiet_after(self, source_id: SourceId, minutes: int | None) -> bool:
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            rows = cursor.execute(_SET_QUIET_AFTER, (minutes, source_id)).fetchall()
            for (tenant_id,) in rows:
                deed = Deed(
                    Action.SOURCE_QUIET_AFTER_SET,
                    tenant_id=tenant_id,
                    target=("source", source_id),
                    details={"minutes": minutes},
                )
                note(self._database, cursor, deed)
            return bool(rows)

    def quiet_sources(self, *, limit: int) -> list[QuietSourceRecord]:
        rows = self._database.rows(_QUIET, (limit,), within_seconds=self._within_seconds)
        return [_quiet(row) for row in rows]


def _hours(row: Row) -> HoursRecord:
    tenant_id, time_zone, opening_hours, minutes = row
    return HoursRecord(
        tenant_id=TenantId(tenant_id),
        time_zone=time_zone,
        opening_hours=opening_hours,
        quiet_after_minutes=minutes,
    )


def _quiet(row: Row) -> QuietSourceRecord:
    source_id, tenant_id, slug, provider, name, quiet_since, last_event_at, noticed_at = row
    return QuietSourceRecord(
        source_id=SourceId(source_id), tenant_id=TenantId(tenant_id), slug=slug,
        provider=provider, name=name, quiet_since=quiet_since.astimezone(UTC),
        last_event_at=last_event_at.astimezone(UTC) if last_event_at else None,
        noticed_at=noticed_at.astimezone(UTC),
    )  # fmt: skip
