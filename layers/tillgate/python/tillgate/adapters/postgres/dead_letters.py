"""Dead letters, and the redrives that move them, as the admin role sees them."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, LiteralString

from tillgate.adapters.postgres.audit import note
from tillgate.domain.audit import Action, Deed
from tillgate.domain.dead_letters import (
    MAX_DISCARDED,
    MAX_LEFT,
    DeadLetter,
    DeadLetterGroup,
    Redrive,
    RedriveState,
)
from tillgate.domain.tenant import EventId, TenantId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tillgate.adapters.postgres.connection import Database
    from tillgate.adapters.postgres.deadline_connection import Row
    from tillgate.domain.dead_letters import DeadLetterFilter

_PLAN: LiteralString = """
    SELECT p.tenant_id::text, t.slug, p.reason, p.count, p.oldest, p.newest
    FROM tillgate.dead_letter_plan(%s, %s) AS p
    JOIN tillgate.tenant AS t ON t.tenant_id = p.tenant_id
    ORDER BY t.slug, p.reason
"""
_LIST: LiteralString = """
    SELECT l.tenant_id::text, l.event_id::text, l.reason, l.since, l.attempted_at, l.status
    FROM tillgate.dead_letters(%s, %s, %s, %s) AS l
"""
_COUNT: LiteralString = """
    SELECT coalesce(sum(p.count), 0) FROM tillgate.dead_letter_plan(%s, %s) AS p
"""
_DISCARD: LiteralString = "SELECT tillgate.discard_dead_letters(%s, %s, %s::uuid[], %s)"
_START: LiteralString = """
    INSERT INTO tillgate.redrive (tenant_id, reason, per_second) VALUES (%s, %s, %s)
    RETURNING redrive_id::text
"""
_REDRIVE: LiteralString = """
    SELECT r.redrive_id::text, r.tenant_id::text, r.reason, r.per_second,
        CASE WHEN c.at IS NULL THEN r.state ELSE 'cancelled' END, r.moved,
        tillgate.redrive_left(r.redrive_id, %s), r.started_at, coalesce(c.at, r.ended_at)
    FROM tillgate.redrive AS r
    LEFT JOIN tillgate.redrive_cancelled AS c ON c.redrive_id = r.redrive_id
    WHERE r.redrive_id = %s
"""
_REDRIVES: LiteralString = """
    SELECT r.redrive_id, r.tenant_id, r.reason, r.per_second, r.state, r.moved, NULL,
        r.started_at, r.ended_at
    FROM (
        SELECT r.redrive_id::text, r.tenant_id::text, r.reason, r.per_second,
            CASE WHEN c.at IS NULL THEN r.state ELSE 'cancelled' END AS state, r.moved,
            r.started_at, coalesce(c.at, r.ended_at) AS ended_at
        FROM tillgate.redrive AS r
        LEFT JOIN tillgate.redrive_cancelled AS c ON c.redrive_id = r.redrive_id
    ) AS r
    WHERE %s::text IS NULL OR r.state = %s
    ORDER BY r.started_at DESC, r.redrive_id
    LIMIT %s
"""
# Beside the redrive, whose row a step holds until what it moved is queued.
_CANCEL: LiteralString = """
    INSERT INTO tillgate.redrive_cancelled (redrive_id)
    SELECT r.redrive_id FROM tillgate.redrive AS r
    WHERE r.redrive_id = %s AND r.state = 'running'
    ON CONFLICT DO NOTHING
    RETURNING (
        SELECT r.tenant_id::text FROM tillgate.redrive AS r
        WHERE r.redrive_id = redrive_cancelled.redrive_id
    )
"""


class PostgresDeadLetters:
    """Implements DeadLetters. ``within_seconds`` is the deadline of one call."""

    def __init__(self, database: Database, *, within_seconds: float) -> None:
        self._database = database
        self._within_seconds = within_seconds

    def plan(self, chosen: DeadLetterFilter) -> list[DeadLetterGroup]:
        rows = self._database.rows(
            _PLAN, (chosen.tenant_id, chosen.reason), within_seconds=self._within_seconds
        )
        return [_group(row) for row in rows]

    def dead_letters(
        self, chosen: DeadLetterFilter, *, limit: int, before: EventId | None
    ) -> list[DeadLetter]:
        rows = self._database.rows(
            _LIST,
            (chosen.tenant_id, chosen.reason, before, limit),
            within_seconds=self._within_seconds,
        )
        return [_dead_letter(row) for row in rows]

    def discard(
        self, chosen: DeadLetterFilter, *, event_ids: Sequence[EventId] | None, count: int
    ) -> int | None:
        ids = None if event_ids is None else list(event_ids)
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            # One more than there should be; of very many, which are counted, a step's.
            limit = count + 1
            if count > MAX_DISCARDED:
                cursor.execute(_COUNT, (chosen.tenant_id, chosen.reason))
                [(found,)] = cursor.fetchall()
                if found != count or ids is not None:
                    return None
                limit = MAX_DISCARDED
            cursor.execute(_DISCARD, (chosen.tenant_id, chosen.reason, ids, limit))
            [(discarded,)] = cursor.fetchall()
            if discarded == min(count, MAX_DISCARDED):
                details = {"count": int(discarded), "by_ids": ids is not None}
                deed = Deed(
                    Action.DEAD_LETTER_DISCARDED, tenant_id=chosen.tenant_id, details=details
                )
                note(self._database, cursor, deed)
                return int(discarded)
            cursor.execute("ROLLBACK AND CHAIN")
            return None

    def start_redrive(self, chosen: DeadLetterFilter, *, per_second: int) -> Redrive:
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            cursor.execute(_START, (chosen.tenant_id, chosen.reason, per_second))
            [(redrive_id,)] = cursor.fetchall()
            deed = Deed(
                Action.DEAD_LETTER_REDRIVEN,
                tenant_id=chosen.tenant_id,
                target=("redrive", redrive_id),
                details={"per_second": per_second},
            )
            note(self._database, cursor, deed)
        # Counted once it is begun for good: however long that takes, it undoes nothing.
        [row] = self._redrive_rows(redrive_id)
        return _redrive(row)

    def redrive(self, redrive_id: str) -> Redrive | None:
        rows = self._redrive_rows(redrive_id)
        return _redrive(rows[0]) if rows else None

    def redrives(self, *, state: RedriveState | None, limit: int) -> list[Redrive]:
        rows = self._database.rows(
            _REDRIVES, (state, state, limit), within_seconds=self._within_seconds
        )
        return [_redrive(row) for row in rows]

    def cancel_redrive(self, redrive_id: str) -> Redrive | None:
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            for (tenant_id,) in cursor.execute(_CANCEL, (redrive_id,)).fetchall():
                deed = Deed(
                    Action.DEAD_LETTER_REDRIVE_CANCELLED,
                    tenant_id=tenant_id,
                    target=("redrive", redrive_id),
                )
                note(self._database, cursor, deed)
        return self.redrive(redrive_id)

    def _redrive_rows(self, redrive_id: str) -> list[Row]:
        return self._database.rows(
            _REDRIVE, (MAX_LEFT, redrive_id), within_seconds=self._within_seconds
        )


def _group(row: Row) -> DeadLetterGroup:
    tenant_id, slug, reason, count, oldest, newest = row
    return DeadLetterGroup(
        tenant_id=TenantId(tenant_id), slug=slug, reason=reason, count=count,
        oldest=oldest.astimezone(UTC), newest=newest.astimezone(UTC),
    )  # fmt: skip


def _dead_letter(row: Row) -> DeadLetter:
    tenant_id, event_id, reason, since, attempted_at, status = row
    return DeadLetter(
        tenant_id=TenantId(tenant_id), event_id=EventId(event_id), reason=reason,
        since=since.astimezone(UTC),
        attempted_at=attempted_at.astimezone(UTC) if attempted_at else None, status=status,
    )  # fmt: skip


def _redrive(row: Row) -> Redrive:
    (
        redrive_id, tenant_id, reason, per_second, state, moved, left, started_at, ended_at,
    ) = row  # fmt: skip
    return Redrive(
        redrive_id=redrive_id, tenant_id=TenantId(tenant_id) if tenant_id else None,
        reason=reason, per_second=per_second, state=RedriveState(state), moved=moved, left=left,
        started_at=started_at.astimezone(UTC),
        ended_at=ended_at.astimezone(UTC) if ended_at else None,
    )  # fmt: skip
