"""The event store: one call to ``tillgate.accept_event`` or ``accept``, one round trip."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tillgate.adapters.postgres.deadline_connection import Prepared
from tillgate.domain.event import Accepted, NewEvent, Outcome
from tillgate.domain.json_writer import json_writer
from tillgate.domain.tenant import EventId
from tillgate.domain.timestamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.tenant import TenantId

_ONE = Prepared(
    b"accept_event", b"SELECT tillgate.accept_event($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
)
_MANY = Prepared(b"accept", b"SELECT tillgate.accept($1, $2)")
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
_EPOCH = datetime.fromtimestamp(0, UTC)
_write_items = json_writer(ensure_ascii=False)


class PostgresEventStore:
    """Implements EventStore. ``within_seconds`` is the deadline of one call."""

    def __init__(self, database: Database, *, within_seconds: float) -> None:
        self._database = database
        self._within_seconds = within_seconds

    def accept(
        self, tenant_id: TenantId, events: Sequence[NewEvent], *, received_at: datetime
    ) -> list[Accepted]:
        if len(events) == 1:
            return [self._accept_one(tenant_id, events[0], received_at)]
        received = rfc3339(received_at)
        items = [{**event.document(), "received_at": received} for event in events]
        answers = json.loads(self._ask(_MANY, (tenant_id, _write_items(items))))
        return [_accepted(answer) for answer in answers]

    def _accept_one(self, tenant_id: TenantId, event: NewEvent, received_at: datetime) -> Accepted:
        params = (
            tenant_id,
            event.key,
            f"\\x{event.fingerprint}",
            event.source_id,
            event.type,
            event.occurred_at,
            event.entity_id,
            event.entity_version,
            event.data,
            rfc3339(received_at),
            # The id's end: 60 random bits after RFC 9562's variant.
            f"8{os.urandom(8).hex()[1:]}",
        )
        outcome, event_id, *first = self._ask(_ONE, params).split()
        if first:
            # Of the one that has the key.
            received_at = _EPOCH + timedelta(microseconds=int(first[0]))
        return Accepted(_OUTCOMES[outcome], EventId(event_id), received_at)

    def _ask(self, statement: Prepared, params: Sequence[str | None]) -> str:
        # No partition for today is among the refusals: as bad as no database.
        answer = self._database.value(
            statement,
            [None if param is None else param.encode() for param in params],
            within_seconds=self._within_seconds,
        )
        return answer or ""


def _accepted(answer: Mapping[str, str]) -> Accepted:
    return Accepted(
        _OUTCOMES[answer["outcome"]],
        EventId(answer["event_id"]),
        datetime.fromisoformat(answer["received_at"]).astimezone(UTC),
    )
