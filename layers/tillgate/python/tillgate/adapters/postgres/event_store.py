"""The event store: one call to ``tillgate.accept``, one round trip."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tillgate.adapters.postgres.connection import refusals_as_unavailable
from tillgate.domain.event import Accepted, NewEvent, Outcome
from tillgate.domain.tenant import EventId
from tillgate.domain.timestamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.tenant import TenantId


class PostgresEventStore:
    """Implements EventStore. ``within_seconds`` is the deadline of one call."""

    def __init__(self, database: Database, *, within_seconds: float) -> None:
        self._database = database
        self._within_seconds = within_seconds

    def accept(
        self, tenant_id: TenantId, events: Sequence[NewEvent], *, received_at: datetime
    ) -> list[Accepted]:
        # No partition for today is among the refusals: as bad as no database.
        with refusals_as_unavailable():
            [(answers,)] = self._database.rows(
                "SELECT tillgate.accept(%s, %s)",
                (tenant_id, _items(events, received_at)),
                within_seconds=self._within_seconds,
            )
        return [
            Accepted(
                Outcome(answer["outcome"]),
                EventId(answer["event_id"]),
                datetime.fromisoformat(answer["received_at"]).astimezone(UTC),
                datetime.fromisoformat(answer["stored_at"]).astimezone(UTC),
            )
            for answer in answers
        ]


def _items(events: Sequence[NewEvent], received_at: datetime) -> str:
    received = rfc3339(received_at)
    return json.dumps(
        [{**event.document(), "received_at": received} for event in events],
        ensure_ascii=False,
        separators=(",", ":"),
    )
