"""Where tenants' events go: for the operator, and for whoever sends there."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, LiteralString

from psycopg import errors

from tillgate.adapters.postgres.audit import note
from tillgate.domain.audit import Action, Deed, host_of
from tillgate.domain.delivery import Destination, DestinationKind
from tillgate.domain.destinations import Breaker, BreakerState, DestinationRecord
from tillgate.domain.errors import NotFoundError
from tillgate.domain.tenant import TenantId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tillgate.adapters.postgres.connection import Database
    from tillgate.adapters.postgres.deadline_connection import Row
    from tillgate.domain.audit import Detail
    from tillgate.domain.tenant import EventId

_GET: LiteralString = """
    SELECT d.tenant_id::text, d.kind, d.url, d.set_at, coalesce(b.failures, 0), b.open_until,
        b.open_until > now()
    FROM tillgate.destination AS d
    LEFT JOIN tillgate.destination_breaker AS b ON b.tenant_id = d.tenant_id
    WHERE d.tenant_id = %s
"""
# A row that was there before has been updated, so it carries the updater's id in xmax.
_SET: LiteralString = """
    INSERT INTO tillgate.destination AS d (tenant_id, kind, url, sealed_secret)
    VALUES (%s, %s, %s, %s)
    ON CONFLICT (tenant_id) DO UPDATE
    SET kind = excluded.kind, url = excluded.url, sealed_secret = excluded.sealed_secret,
        set_at = now()
    RETURNING d.xmax = 0
"""
_CLOSE_BREAKER: LiteralString = "DELETE FROM tillgate.destination_breaker WHERE tenant_id = %s"
_REMOVE: LiteralString = "DELETE FROM tillgate.destination WHERE tenant_id = %s"
_FIND: LiteralString = """
    SELECT kind, url, sealed_secret FROM tillgate.find_destination(%s)
"""
_REPLAY: LiteralString = "SELECT tillgate.replay(%s, %s::uuid[])"


class PostgresDestinationStore:
    """Implements DestinationStore and Replays, as the admin role.

    ``within_seconds`` is the deadline of one call.
    """

    def __init__(self, database: Database, *, within_seconds: float) -> None:
        self._database = database
        self._within_seconds = within_seconds

    def set_destination(
        self, tenant_id: TenantId, *, kind: DestinationKind, url: str, sealed_secret: bytes
    ) -> tuple[DestinationRecord, bool]:
        try:
            with self._database.transaction(within_seconds=self._within_seconds) as cursor:
                cursor.execute(_SET, (tenant_id, kind, url, sealed_secret))
                [(is_new,)] = cursor.fetchall()
                # What the one before did is not held against this one.
                cursor.execute(_CLOSE_BREAKER, (tenant_id,))
                [row] = cursor.execute(_GET, (tenant_id,)).fetchall()
                details: dict[str, Detail] = {
                    "kind": kind.value, "host": host_of(url), "is_new": bool(is_new),
                }  # fmt: skip
                deed = Deed(Action.DESTINATION_CHANGED, tenant_id=tenant_id, details=details)
                note(self._database, cursor, deed)
                return _record(row), bool(is_new)
        except errors.ForeignKeyViolation:
            raise NotFoundError("There is no such tenant.") from None

    def destination(self, tenant_id: TenantId) -> DestinationRecord | None:
        rows = self._database.rows(_GET, (tenant_id,), within_seconds=self._within_seconds)
        return _record(rows[0]) if rows else None

    def remove_destination(self, tenant_id: TenantId) -> DestinationRecord | None:
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            row = cursor.execute(_GET + " FOR UPDATE OF d", (tenant_id,)).fetchone()
            cursor.execute(_REMOVE, (tenant_id,))
            cursor.execute(_CLOSE_BREAKER, (tenant_id,))
            if row is None:
                return None
            deed = Deed(Action.DESTINATION_REMOVED, tenant_id=tenant_id)
            note(self._database, cursor, deed)
            return _record(row)

    def replay(self, tenant_id: TenantId, event_ids: Sequence[EventId]) -> int:
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            [(count,)] = cursor.execute(_REPLAY, (tenant_id, list(event_ids))).fetchall()
            if count:
                details = {"count": int(count)}
                deed = Deed(Action.EVENT_REPLAYED, tenant_id=tenant_id, details=details)
                note(self._database, cursor, deed)
            return int(count)


class PostgresSealedDestinations:
    """Implements SealedDestinations, as the deliver role."""

    def __init__(self, database: Database, *, within_seconds: float) -> None:
        self._database = database
        self._within_seconds = within_seconds

    def find(self, tenant_id: TenantId) -> Destination | None:
        rows = self._database.rows(_FIND, (tenant_id,), within_seconds=self._within_seconds)
        if not rows:
            return None
        [(kind, url, sealed_secret)] = rows
        return Destination(
            tenant_id=tenant_id,
            kind=DestinationKind(kind),
            url=url,
            sealed_secret=bytes(sealed_secret),
        )


def _record(row: Row) -> DestinationRecord:
    tenant_id, kind, url, set_at, failures, open_until, is_open = row
    state = BreakerState.CLOSED
    if open_until is not None:
        state = BreakerState.OPEN if is_open else BreakerState.HALF_OPEN
        open_until = open_until.astimezone(UTC)
    return DestinationRecord(
        tenant_id=TenantId(tenant_id),
        kind=DestinationKind(kind),
        url=url,
        set_at=set_at.astimezone(UTC),
        breaker=Breaker(state, failures, open_until),
    )
