"""A tenant's events, read under row-level security by the api role."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, LiteralString

from tillgate.domain.delivery import AttemptOutcome
from tillgate.domain.errors import NoDestinationError
from tillgate.domain.idempotency import stored_key
from tillgate.domain.stored_event import (
    MAX_ATTEMPTS,
    DeliveryState,
    EventHead,
    PastAttempt,
    StoredEvent,
)
from tillgate.domain.tenant import EventId, SourceId

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from tillgate.adapters.postgres.connection import Database, Row
    from tillgate.domain.stored_event import EventQuery
    from tillgate.domain.tenant import TenantId

_FIRST_PARTY = "api"
# Ids before this instant do not exist, and could not be written as UUIDv7.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_HEAD: LiteralString = """
    SELECT e.event_id::text, e.type, e.occurred_at, e.entity_id, e.entity_version::text,
        e.idempotency_key, e.source_id::text, s.provider, e.received_at, e.stored_at, d.state
"""
_FROM: LiteralString = """
    FROM tillgate.event AS e
    JOIN tillgate.delivery AS d ON d.tenant_id = e.tenant_id AND d.event_id = e.event_id
    LEFT JOIN tillgate.source AS s ON s.tenant_id = e.tenant_id AND s.source_id = e.source_id
    WHERE e.tenant_id = %s
"""
_ONE: LiteralString = f"{_HEAD}, e.data {_FROM} AND e.event_id = %s"
_ATTEMPTS: LiteralString = """
    SELECT a.at, a.outcome, a.status, a.duration_ms, a.reason FROM tillgate.attempt AS a
    WHERE a.tenant_id = %s AND a.event_id = %s
    ORDER BY a.at DESC, a.attempt_id LIMIT %s
"""
_REPLAY: LiteralString = "SELECT tillgate.replay_own(%s)"
_IDS_OF_KEYS: LiteralString = """
    SELECT k.event_id::text FROM tillgate.ingest_key AS k
    WHERE k.tenant_id = %s AND k.key = ANY (%s)
"""
# An id is made from stored_at and names its partition, so each bound in time is a bound
# on ids too, as wide as a millisecond: that is what leaves partitions out.
_SINCE: LiteralString = """
    AND e.event_id >= tillgate.first_event_id(date_trunc('milliseconds', %s::timestamptz))
    AND e.stored_at >= %s
"""
_UNTIL: LiteralString = """
    AND e.event_id < tillgate.first_event_id(
        date_trunc('milliseconds', %s::timestamptz) + interval '1 millisecond')
    AND e.stored_at < %s
"""


class PostgresEventReader:
    """Implements EventReader and OwnReplays. ``within_seconds`` is the deadline of one call.

    ``providers`` are the namespaces, beside the API's own, in which a key may be stored.
    """

    def __init__(
        self, database: Database, *, providers: Sequence[str], within_seconds: float
    ) -> None:
        self._database = database
        self._namespaces = (_FIRST_PARTY, *providers)
        self._within_seconds = within_seconds

    def event(self, tenant_id: TenantId, event_id: EventId) -> StoredEvent | None:
        with self._database.transaction(
            within_seconds=self._within_seconds, tenant_id=tenant_id
        ) as cursor:
            row = cursor.execute(_ONE, (tenant_id, event_id)).fetchone()
            if row is None:
                return None
            attempts = cursor.execute(_ATTEMPTS, (tenant_id, event_id, MAX_ATTEMPTS)).fetchall()
        return StoredEvent(
            _head(row[:-1]), row[-1], tuple(_attempt(attempt) for attempt in reversed(attempts))
        )

    def events(self, tenant_id: TenantId, query: EventQuery) -> list[EventHead]:
        with self._database.transaction(
            within_seconds=self._within_seconds, tenant_id=tenant_id
        ) as cursor:
            ids = None
            if query.idempotency_key is not None:
                ids = self._ids_of_key(cursor, tenant_id, query.idempotency_key)
                if not ids:
                    return []
            statement, params = _list(tenant_id, query, ids)
            return [_head(row) for row in cursor.execute(statement, params)]

    def replay(self, tenant_id: TenantId, event_id: EventId) -> bool:
        with self._database.transaction(
            within_seconds=self._within_seconds, tenant_id=tenant_id
        ) as cursor:
            [(answer,)] = cursor.execute(_REPLAY, (event_id,)).fetchall()
        if answer == "no-destination":
            raise NoDestinationError("There is no destination to deliver to.")
        return answer is not None

    def _ids_of_key(self, cursor: psycopg.Cursor[Row], tenant_id: TenantId, key: str) -> list[str]:
        # A query of its own: joined with the list, it could be planned as a scan of all events.
        keys = [stored_key(namespace, key) for namespace in self._namespaces]
        return [event_id for (event_id,) in cursor.execute(_IDS_OF_KEYS, (tenant_id, keys))]


def _list(
    tenant_id: TenantId, query: EventQuery, ids: list[str] | None
) -> tuple[LiteralString, list[object]]:
    statement: LiteralString = _HEAD + _FROM
    params: list[object] = [tenant_id]
    if ids is not None:
        statement += " AND e.event_id = ANY (%s::uuid[])"
        params.append(ids)
    if query.before is not None:
        statement += " AND e.event_id < %s"
        params.append(query.before)
    if query.since is not None:
        statement += _SINCE
        params += [max(query.since, _EPOCH)] * 2
    if query.until is not None:
        statement += _UNTIL
        params += [max(query.until, _EPOCH)] * 2
    if query.type is not None:
        statement += " AND e.type = %s"
        params.append(query.type)
    if query.status is not None:
        statement += " AND d.state = %s"
        params.append(query.status)
    return statement + " ORDER BY e.event_id DESC LIMIT %s", [*params, query.limit]


def _head(row: Row) -> EventHead:
    (
        event_id, type_, occurred_at, entity_id, entity_version,
        key, source_id, provider, received_at, stored_at, state,
    ) = row  # fmt: skip
    return EventHead(
        event_id=EventId(event_id),
        type=type_,
        occurred_at=occurred_at,
        entity_id=entity_id,
        entity_version=entity_version,
        idempotency_key=key,
        source_id=None if source_id is None else SourceId(source_id),
        provider=provider or _FIRST_PARTY,
        received_at=received_at.astimezone(UTC),
        stored_at=stored_at.astimezone(UTC),
        delivery_state=DeliveryState(state),
    )


def _attempt(row: Row) -> PastAttempt:
    at, outcome, status, duration_ms, reason = row
    return PastAttempt(
        at=at.astimezone(UTC),
        outcome=AttemptOutcome(outcome) if outcome else None,
        status=status,
        duration_ms=duration_ms,
        reason=reason,
    )
