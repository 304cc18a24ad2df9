"""The event store: one call to ``tillgate.accept``, one round trip."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from psycopg import errors

from tillgate.domain.errors import StoreUnavailableError
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
        try:
            [(answers,)] = self._database.rows(
                "SELECT tillgate.accept(%s, %s)",
                (tenant_id, _items(events, received_at)),
                within_seconds=self._within_seconds,
            )
        except errors.CheckViolation as error:
            # No partition for today: as bad as no database, and mended by the operator.
            raise StoreUnavailableError("there is no partition for now") from error
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
        [
            {
                "key": event.key,
                "fingerprint": event.fingerprint,
                "source_id": event.source_id,
                "type": event.type,
                "occurred_at": event.occurred_at,
                "entity_id": event.entity_id,
                "entity_version": event.entity_version,
                "data": event.data,
                "received_at": received,
            }
            for event in events
        ],
        ensure_ascii=False,
        separators=(",", ":"),
    )
