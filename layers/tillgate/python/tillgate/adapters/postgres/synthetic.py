"""Synthetic events, taken away by two functions of the database's own."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tillgate.adapters.postgres.audit import note
from tillgate.domain.audit import Action, Deed
from tillgate.domain.synthetic import Held

if TYPE_CHECKING:
    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.tenant import EventId, TenantId

# An attempt ends with its request's deadline, 5 s, and is recorded then; what has not ended after
# the time that a whole batch may take never will.
_UNDER_WAY = timedelta(seconds=60)


class PostgresSyntheticEvents:
    """Implements SyntheticEvents, as the deliver role. ``within_seconds`` is for one call."""

    def __init__(self, database: Database, *, within_seconds: float) -> None:
        self._database = database
        self._within_seconds = within_seconds

    def hold(self, tenant_id: TenantId, event_id: EventId) -> Held | None:
        # By a transaction, so that it is settled before the destination is asked for anything.
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            rows = cursor.execute(
                "SELECT is_under_way, was_tried FROM tillgate.hold_synthetic(%s, %s, %s)",
                (tenant_id, event_id, _UNDER_WAY),
            ).fetchall()
            if rows:
                deed = Deed(Action.EVENT_DISCARDED, tenant_id=tenant_id, target=("event", event_id))
                note(self._database, cursor, deed)
        return Held(is_under_way=rows[0][0], was_tried=rows[0][1]) if rows else None

    def discard(self, tenant_id: TenantId, event_id: EventId) -> bool:
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            [(is_discarded,)] = cursor.execute(
                "SELECT tillgate.discard_synthetic(%s, %s)", (tenant_id, event_id)
            ).fetchall()
        return bool(is_discarded)
