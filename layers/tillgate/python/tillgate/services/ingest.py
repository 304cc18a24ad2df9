"""First-party events in: one, or a batch in which each stands for itself."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tillgate.domain.errors import (
    IdempotencyKeyReusedError,
    InvalidEventError,
    StoreUnavailableError,
)
from tillgate.domain.event import (
    Accepted,
    NewEvent,
    Outcome,
    batch_from_json,
    batch_item_from_json,
    event_from_json,
    is_storable,
)
from tillgate.domain.json_value import parse
from tillgate.domain.queued import Queued, QueuedEvents

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tillgate.domain.json_value import JsonValue
    from tillgate.domain.ports import AcceptQueue, EventStore
    from tillgate.domain.tenant import Caller
    from tillgate.domain.trace import Trace

_REPEATED_KEY_BYTES = 512


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """The answer for one item of a batch, in its place.

    ``idempotency_key`` is what the item gave, where that was a string of reasonable length.
    ``accepted`` is None for an item that is not an event; ``error`` says why it was not stored.
    """

    idempotency_key: str | None
    accepted: Accepted | Queued | None
    error: InvalidEventError | IdempotencyKeyReusedError | None


class Ingest:
    """Takes the bodies of ``/v1/events`` once the caller is known.

    What it returns is durable: in the database, or on the accept queue when the database
    is unreachable. Both methods raise what the queue's ``put`` raises when neither is. ``trace``
    goes with what is queued.
    """

    def __init__(self, events: EventStore, accept_queue: AcceptQueue) -> None:
        self._events = events
        self._accept_queue = accept_queue

    def accept_event(
        self,
        caller: Caller,
        body: bytes,
        *,
        key: str,
        received_at: datetime,
        rid: str,
        trace: Trace | None = None,
    ) -> Accepted | Queued:
        """Store one event under its key.

        Raises InvalidJsonError, InvalidEventError, and IdempotencyKeyReusedError when the
        key is another event's.
        """
        event = event_from_json(parse(body), key=key)
        [accepted] = self._accept(caller, [event], received_at=received_at, rid=rid, trace=trace)
        if isinstance(accepted, Accepted) and accepted.outcome is Outcome.CONFLICT:
            raise IdempotencyKeyReusedError(accepted.event_id)
        return accepted

    def accept_batch(
        self,
        caller: Caller,
        body: bytes,
        *,
        received_at: datetime,
        rid: str,
        trace: Trace | None = None,
    ) -> list[BatchAnswer]:
        """Store the items that are events, all in one transaction, and answer for each.

        Raises InvalidJsonError, and InvalidEventError for the envelope.
        """
        items = [_event_or_error(item) for item in batch_from_json(parse(body))]
        events = [event for _, event in items if isinstance(event, NewEvent)]
        answers = iter(
            self._accept(caller, events, received_at=received_at, rid=rid, trace=trace)
            if events
            else ()
        )
        return [
            _stored(key, next(answers))
            if isinstance(event, NewEvent)
            else BatchAnswer(key, None, event)
            for key, event in items
        ]

    def _accept(
        self,
        caller: Caller,
        events: Sequence[NewEvent],
        *,
        received_at: datetime,
        rid: str,
        trace: Trace | None,
    ) -> Sequence[Accepted | Queued]:
        tenant_id = caller.tenant.tenant_id
        try:
            return self._events.accept(tenant_id, events, received_at=received_at)
        except StoreUnavailableError as error:
            # It may have stored them after all: then they are duplicates when the queue is.
            cause = error
        self._accept_queue.put(
            QueuedEvents(
                message_id=str(uuid.uuid4()),
                tenant_id=tenant_id,
                token_digest=caller.token_digest,
                received_at=received_at,
                rid=rid,
                events=tuple(events),
                trace=trace,
            )
        )
        return [Queued(received_at, cause)] * len(events)


def _event_or_error(item: JsonValue) -> tuple[str | None, NewEvent | InvalidEventError]:
    key = item.get("idempotency_key") if isinstance(item, dict) else None
    key = key if isinstance(key, str) and _is_repeatable(key) else None
    try:
        return key, batch_item_from_json(item)
    except InvalidEventError as error:
        return key, error


def _is_repeatable(key: str) -> bool:
    """Tell whether a key may stand in the answer, which has room for 500 of these."""
    return is_storable(key) and len(key.encode()) <= _REPEATED_KEY_BYTES


def _stored(key: str | None, accepted: Accepted | Queued) -> BatchAnswer:
    if isinstance(accepted, Accepted) and accepted.outcome is Outcome.CONFLICT:
        return BatchAnswer(key, accepted, IdempotencyKeyReusedError(accepted.event_id))
    return BatchAnswer(key, accepted, None)
