"""Deliveries as deliver reads and settles them: two functions, a round trip each."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from psycopg import errors

from tillgate.domain.delivery import (
    AttemptOutcome,
    Begun,
    Destination,
    DestinationKind,
    OutgoingEvent,
    Waiting,
)
from tillgate.domain.enrichment import PosAccess
from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.tenant import EventId, SourceId
from tillgate.domain.timestamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.delivery import Attempt, Settled
    from tillgate.domain.tenant import TenantId

# So many failures in a row are no accident: a lost packet or a restart shows in one or two,
# and each message makes up to three requests before it steps back.
TRIP_FAILURES = 5
# Long enough for a restart, short enough that a backlog does not notice.
OPEN_SECONDS = 30
# Whoever tries whether a destination is back has as long as a request with its deadline (5 s)
# and its recording take, and some; then the next may try, for the first may have died.
PROBE_SECONDS = 15

_STATES = {
    AttemptOutcome.DELIVERED: "delivered",
    AttemptOutcome.GAVE_UP: "gave_up",
    AttemptOutcome.RETRY_LATER: "pending",
}


class PostgresDeliveryStore:
    """Implements DeliveryStore. ``within_seconds`` is the deadline of one call."""

    def __init__(
        self,
        database: Database,
        *,
        within_seconds: float,
        trip_failures: int = TRIP_FAILURES,
        open_seconds: float = OPEN_SECONDS,
        probe_seconds: float = PROBE_SECONDS,
    ) -> None:
        self._database = database
        self._within_seconds = within_seconds
        self._trip_failures = trip_failures
        self._open = timedelta(seconds=open_seconds)
        self._probe = timedelta(seconds=probe_seconds)

    def begin(
        self, tenant_id: TenantId, event_ids: Sequence[EventId], *, attempt_id: str, at: datetime
    ) -> Begun:
        try:
            [(begun,)] = self._database.rows(
                "SELECT tillgate.begin_attempts(%s, %s::uuid[], %s, %s, %s)",
                (tenant_id, list(event_ids), attempt_id, at, self._probe),
                within_seconds=self._within_seconds,
            )
        except errors.CheckViolation as error:
            # No partition for the events' day: as bad as no database, and the operator's.
            raise StoreUnavailableError("there is no partition for the attempt") from error
        return Begun(
            destination=_destination(tenant_id, begun),
            open_until=_instant(begun["open_until"]) if begun["open_until"] else None,
            events=tuple(_event(event) for event in begun["events"]),
            waiting=tuple(
                Waiting(
                    EventId(event["event_id"]),
                    _instant(event["since"]),
                    _maybe_instant(event["tried_since"]),
                )
                for event in begun["waiting"]
            ),
            accesses=tuple(_access(tenant_id, source) for source in begun["sources"]),
        )

    def record(
        self,
        tenant_id: TenantId,
        *,
        attempts: Sequence[Attempt],
        settled: Sequence[Settled],
        is_well: bool | None,
    ) -> None:
        self._database.rows(
            "SELECT tillgate.record_attempts(%s, %s, %s, %s, %s, %s)",
            (
                tenant_id,
                json.dumps([_attempt(attempt) for attempt in attempts]),
                json.dumps([_settled(delivery) for delivery in settled]),
                is_well,
                self._trip_failures,
                self._open,
            ),
            within_seconds=self._within_seconds,
        )


def _destination(tenant_id: TenantId, begun: Mapping[str, Any]) -> Destination | None:
    if begun["kind"] is None:
        return None
    return Destination(
        tenant_id=tenant_id,
        kind=DestinationKind(begun["kind"]),
        url=begun["url"],
        sealed_secret=bytes.fromhex(begun["sealed_secret"]),
    )


def _access(tenant_id: TenantId, source: Mapping[str, Any]) -> PosAccess:
    return PosAccess(
        tenant_id=tenant_id,
        source_id=SourceId(source["source_id"]),
        provider=source["provider"],
        merchant_id=source["merchant_id"],
        api_url=source["api_url"],
        sealed_token=bytes.fromhex(source["sealed_credential"]),
    )


def _event(row: Mapping[str, Any]) -> OutgoingEvent:
    version = row["entity_version"]
    return OutgoingEvent(
        event_id=EventId(row["event_id"]),
        source_id=SourceId(row["source_id"]) if row["source_id"] else None,
        type=row["type"],
        idempotency_key=row["idempotency_key"],
        data=row["data"],
        occurred_at=row["occurred_at"],
        entity_id=row["entity_id"],
        entity_version=None if version is None else str(version),
        received_at=_instant(row["received_at"]),
        stored_at=_instant(row["stored_at"]),
        since=_instant(row["since"]),
        tried_since=_maybe_instant(row["tried_since"]),
    )


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _maybe_instant(text: str | None) -> datetime | None:
    return None if text is None else _instant(text)


def _attempt(attempt: Attempt) -> dict[str, object]:
    return {
        "event_id": attempt.event_id,
        "attempt_id": attempt.attempt_id,
        "at": rfc3339(attempt.at),
        "outcome": attempt.outcome,
        "status": attempt.status,
        "duration_ms": attempt.duration_ms,
        "reason": attempt.reason,
    }


def _settled(delivery: Settled) -> dict[str, object]:
    return {
        "event_id": delivery.event_id,
        "state": _STATES[delivery.outcome],
        "reason": delivery.reason,
        "due_seconds": delivery.due_seconds,
        "since": None if delivery.since is None else rfc3339(delivery.since),
    }
