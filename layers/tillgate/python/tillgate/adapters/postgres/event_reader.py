"""A tenant's events, read under row-level security by the api role.

An id says when its event was stored, and so in which partition it is. To plan for a partition
takes longer than to read a page from it, so whoever reads says from which id to which.
"""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, LiteralString

from tillgate.adapters.postgres.audit import note
from tillgate.domain.audit import Action, Deed
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
    from collections.abc import Iterator, Sequence

    import psycopg

    from tillgate.adapters.postgres.connection import Database
    from tillgate.adapters.postgres.deadline_connection import Row
    from tillgate.domain.stored_event import EventQuery
    from tillgate.domain.tenant import TenantId

_FIRST_PARTY = "api"
# Ids before this instant do not exist, and could not be written as UUIDv7.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_HEAD: LiteralString = """
    SELECT e.event_id::text, e.type, e.occurred_at, e.entity_id, e.entity_version::text,
        e.idempotency_key, e.source_id::text, s.provider, e.received_at, e.stored_at, d.state
"""
_SOURCE: LiteralString = """
    LEFT JOIN tillgate.source AS s ON s.tenant_id = e.tenant_id AND s.source_id = e.source_id
"""
_ONE: LiteralString = f"""
    {_HEAD}, e.data
    FROM tillgate.event AS e
    JOIN tillgate.delivery AS d ON d.tenant_id = e.tenant_id AND d.event_id = e.event_id
    {_SOURCE}
    WHERE e.tenant_id = %s AND e.event_id = %s
"""
# The state is looked up for each event: joined, all deliveries of a tenant might be read for a
# page. Nothing tells the planner that both ids have the same bounds.
_EVENTS: LiteralString = f"""
    {_HEAD}
    FROM tillgate.event AS e
    CROSS JOIN LATERAL (
        SELECT o.state FROM tillgate.delivery AS o
        WHERE o.tenant_id = e.tenant_id AND o.event_id = e.event_id
            AND o.event_id >= %(low)s AND o.event_id < %(high)s
        OFFSET 0
    ) AS d
    {_SOURCE}
    WHERE e.tenant_id = %(tenant_id)s AND e.event_id >= %(low)s AND e.event_id < %(high)s
"""  # noqa: S608  Made of our own text alone.
# The other way round: of a state that few have, most events need not be looked at.
_EVENTS_IN_STATE: LiteralString = f"""
    {_HEAD}
    FROM tillgate.delivery AS d
    CROSS JOIN LATERAL (
        SELECT o.* FROM tillgate.event AS o
        WHERE o.tenant_id = d.tenant_id AND o.event_id = d.event_id
            AND o.event_id >= %(low)s AND o.event_id < %(high)s
        OFFSET 0
    ) AS e
    {_SOURCE}
    WHERE d.tenant_id = %(tenant_id)s AND d.event_id >= %(low)s AND d.event_id < %(high)s
        AND d.state = %(status)s
"""  # noqa: S608  Made of our own text alone.
# The tenant, as Database.transaction sets it, and that every plan is to know the bounds.
_BEGIN: LiteralString = """
    SELECT (extract(EPOCH FROM now()) * 1000)::bigint,
        set_config('tillgate.tenant_id', %s, true),
        set_config('plan_cache_mode', 'force_custom_plan', true)
"""
# Whatever is read of the whole history is planned once for a connection. Such a plan knows
# neither the tenant nor the limit: left to its guess it might sort all there is.
_PLAN_ONCE: LiteralString = """
    SELECT set_config('plan_cache_mode', 'force_generic_plan', true),
        set_config('enable_sort', 'off', true)
"""
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
# Most lists end in the first days that they look at; only the others look at all that is left.
_FIRST_LOOK_MS = 3 * 86_400_000
# Of a UUIDv7's 128 bits, what stands below the milliseconds, and its least value.
_BITS_BELOW_MS = 80
_LEAST_BELOW_MS = 0x7000_8000_0000_0000_0000
# No id is as great.
_NO_ID = (1 << 128) - 1


@dataclass(frozen=True, slots=True)
class _Window:
    """Ids from ``low`` to below ``high``, as numbers; ``is_rest`` says that they may be all."""

    low: int
    high: int
    is_rest: bool = False

    def params(self) -> dict[str, object]:
        return {"low": str(uuid.UUID(int=self.low)), "high": str(uuid.UUID(int=self.high))}


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
        with self._reading(tenant_id) as (cursor, _):
            row = cursor.execute(_ONE, (tenant_id, event_id)).fetchone()
            if row is None:
                return None
            attempts = cursor.execute(_ATTEMPTS, (tenant_id, event_id, MAX_ATTEMPTS)).fetchall()
        return StoredEvent(
            _head(row[:-1]), row[-1], tuple(_attempt(attempt) for attempt in reversed(attempts))
        )

    def events(self, tenant_id: TenantId, query: EventQuery) -> list[EventHead]:
        found: list[EventHead] = []
        with self._reading(tenant_id) as (cursor, now_ms):
            ids = None
            if query.idempotency_key is not None:
                ids = self._ids_of_key(cursor, tenant_id, query.idempotency_key)
            statement, params = _list(tenant_id, query, ids)
            for window in _windows(query, ids, now_ms=now_ms):
                if window.is_rest:
                    cursor.execute(_PLAN_ONCE)
                missing = {"limit": query.limit - len(found)}
                rows = cursor.execute(statement, {**params, **window.params(), **missing})
                found += [_head(row) for row in rows]
                if len(found) == query.limit:
                    break
        return found

    def replay(self, tenant_id: TenantId, event_id: EventId) -> bool:
        with self._database.transaction(
            within_seconds=self._within_seconds, tenant_id=tenant_id
        ) as cursor:
            [(answer,)] = cursor.execute(_REPLAY, (event_id,)).fetchall()
            if answer == "pending":
                deed = Deed(Action.EVENT_REPLAYED, tenant_id=tenant_id, target=("event", event_id))
                note(self._database, cursor, deed)
        if answer == "no-destination":
            raise NoDestinationError("There is no destination to deliver to.")
        return answer is not None

    @contextmanager
    def _reading(self, tenant_id: TenantId) -> Iterator[tuple[psycopg.Cursor[Row], int]]:
        """Open a transaction under a tenant; give the server's time, too, in ms since 1970."""
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            [(now_ms, *_)] = cursor.execute(_BEGIN, (tenant_id,)).fetchall()
            yield cursor, now_ms

    def _ids_of_key(self, cursor: psycopg.Cursor[Row], tenant_id: TenantId, key: str) -> list[str]:
        # A query of its own: joined with the list, it could be planned as a scan of all events.
        keys = [stored_key(namespace, key) for namespace in self._namespaces]
        return [event_id for (event_id,) in cursor.execute(_IDS_OF_KEYS, (tenant_id, keys))]


def _list(
    tenant_id: TenantId, query: EventQuery, ids: list[str] | None
) -> tuple[LiteralString, dict[str, object]]:
    """Say what to ask of each window, and with what beside its own parameters and the limit."""
    statement: LiteralString = _EVENTS
    of_ids: LiteralString = " AND e.event_id = ANY (%(ids)s::uuid[])"
    order: LiteralString = " ORDER BY e.event_id DESC LIMIT %(limit)s"
    params: dict[str, object] = {"tenant_id": tenant_id}
    if query.status is not None:
        statement = _EVENTS_IN_STATE
        of_ids = " AND d.event_id = ANY (%(ids)s::uuid[])"
        order = " ORDER BY d.event_id DESC LIMIT %(limit)s"
        params["status"] = query.status
    if ids is not None:
        statement += of_ids
        params["ids"] = ids
    if query.since is not None:
        statement += " AND e.stored_at >= %(since)s"
        params["since"] = max(query.since, _EPOCH)
    if query.until is not None:
        statement += " AND e.stored_at < %(until)s"
        params["until"] = max(query.until, _EPOCH)
    if query.type is not None:
        statement += " AND e.type = %(type)s"
        params["type"] = query.type
    return statement + order, params


def _windows(query: EventQuery, ids: list[str] | None, *, now_ms: int) -> Iterator[_Window]:
    """Give where to look, the newest first; whatever ``now_ms`` is, nothing is left out."""
    low, high = 0, _NO_ID
    if query.before is not None:
        high = uuid.UUID(query.before).int
    if query.since is not None:
        low = _first_id(_milliseconds(query.since))
    if query.until is not None:
        high = min(high, _first_id(_milliseconds(query.until) + 1))
    if ids is not None:
        numbers = [uuid.UUID(one).int for one in ids]
        low = max(low, min(numbers, default=_NO_ID))
        high = min(high, max(numbers, default=0) + 1)
        if low < high:
            yield _Window(low, high)
        return
    newest_ms = min(high >> _BITS_BELOW_MS, now_ms)
    floor = max(low, _first_id(max(newest_ms - _FIRST_LOOK_MS, 0)))
    if floor < high:
        yield _Window(floor, high)
    if low < min(floor, high):
        yield _Window(low, min(floor, high), is_rest=True)


def _milliseconds(at: datetime) -> int:
    """Give whole milliseconds since 1970: a bound on ids is as wide as that."""
    return (max(at, _EPOCH) - _EPOCH) // timedelta(milliseconds=1)


def _first_id(milliseconds: int) -> int:
    """Give the least id of a millisecond, as ``tillgate.first_event_id`` does."""
    return milliseconds << _BITS_BELOW_MS | _LEAST_BELOW_MS


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
