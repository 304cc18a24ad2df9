"""Events as JSON text, in which numbers stand exactly as they were sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tillgate.domain.timestamps import rfc3339

if TYPE_CHECKING:
    from tillgate.domain.stored_event import EventHead, EventPage, PastAttempt, StoredEvent

# The outcome of an attempt of which nobody came back to tell, or nobody has yet.
UNKNOWN = "unknown"


def event_text(event: StoredEvent) -> str:
    """Write one event whole."""
    head = event.head
    attempts = [_attempt(attempt) for attempt in event.attempts]
    delivery = {"state": head.delivery_state.value, "attempts": attempts}
    return _object(_members(head, data=event.data, delivery=_text(delivery)))


def page_text(page: EventPage) -> str:
    """Write one page of a list, without data and attempts."""
    events = ",".join(
        _object(_members(head, data=None, delivery=_text({"state": head.delivery_state.value})))
        for head in page.events
    )
    return _object({"events": f"[{events}]", "next_cursor": _text(page.next_cursor)})


def _attempt(attempt: PastAttempt) -> dict[str, object]:
    members = {
        "at": rfc3339(attempt.at),
        "outcome": attempt.outcome or UNKNOWN,
        "status": attempt.status,
        "duration_ms": attempt.duration_ms,
        "reason": attempt.reason,
    }
    return {name: value for name, value in members.items() if value is not None}


def _members(head: EventHead, *, data: str | None, delivery: str) -> dict[str, str | None]:
    """Give JSON text by name; None stands for what was not sent, and is left out."""
    return {
        "event_id": _text(head.event_id),
        "type": _text(head.type),
        # Stored as JSON text; reading and writing it again would cost, and round numbers.
        "data": data,
        "occurred_at": _optional(head.occurred_at),
        "entity_id": _optional(head.entity_id),
        "entity_version": head.entity_version,
        "idempotency_key": _text(head.idempotency_key),
        "source": _text(head.source_id or "api"),
        "provider": _text(head.provider),
        "received_at": _text(rfc3339(head.received_at)),
        "stored_at": _text(rfc3339(head.stored_at)),
        "delivery": delivery,
    }


def _object(members: dict[str, str | None]) -> str:
    present = (f'"{name}":{text}' for name, text in members.items() if text is not None)
    return "{" + ",".join(present) + "}"


def _optional(value: str | None) -> str | None:
    return None if value is None else _text(value)


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
