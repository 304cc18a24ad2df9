"""First-party events in: one, or a batch in which each stands for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tillgate.domain.errors import IdempotencyKeyReusedError, InvalidEventError
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

if TYPE_CHECKING:
    from datetime import datetime

    from tillgate.domain.json_value import JsonValue
    from tillgate.domain.ports import EventStore
    from tillgate.domain.tenant import Tenant

_REPEATED_KEY_BYTES = 512


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """The answer for one item of a batch, in its place.

    ``idempotency_key`` is what the item gave, where that was a string of reasonable length.
    ``accepted`` is None for an item that is not an event; ``error`` says why it was not stored.
    """

    idempotency_key: str | None
    accepted: Accepted | None
    error: InvalidEventError | IdempotencyKeyReusedError | None


class Ingest:
    """Takes the bodies of ``/v1/events`` once the tenant is known."""

    def __init__(self, events: EventStore) -> None:
        self._events = events

    def accept_event(
        self, tenant: Tenant, body: bytes, *, key: str, received_at: datetime
    ) -> Accepted:
        """Store one event under its key.

        Raises InvalidJsonError, InvalidEventError, StoreUnavailableError, and
        IdempotencyKeyReusedError when the key is another event's.
        """
        event = event_from_json(parse(body), key=key)
        [accepted] = self._events.accept(tenant.tenant_id, [event], received_at=received_at)
        if accepted.outcome is Outcome.CONFLICT:
            raise IdempotencyKeyReusedError(accepted.event_id)
        return accepted

    def accept_batch(
        self, tenant: Tenant, body: bytes, *, received_at: datetime
    ) -> list[BatchAnswer]:
        """Store the items that are events, all in one transaction, and answer for each.

        Raises InvalidJsonError, InvalidEventError for the envelope, StoreUnavailableError.
        """
        items = [_event_or_error(item) for item in batch_from_json(parse(body))]
        events = [event for _, event in items if isinstance(event, NewEvent)]
        answers = iter(
            self._events.accept(tenant.tenant_id, events, received_at=received_at) if events else ()
        )
        return [
            _stored(key, next(answers))
            if isinstance(event, NewEvent)
            else BatchAnswer(key, None, event)
            for key, event in items
        ]


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


def _stored(key: str | None, accepted: Accepted) -> BatchAnswer:
    if accepted.outcome is Outcome.CONFLICT:
        return BatchAnswer(key, accepted, IdempotencyKeyReusedError(accepted.event_id))
    return BatchAnswer(key, accepted, None)
