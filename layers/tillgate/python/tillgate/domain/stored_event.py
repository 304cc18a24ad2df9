"""Events as they are read back: what to look for, and what is found."""

from __future__ import annotations

import base64
import re
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tillgate.domain.tenant import EventId

if TYPE_CHECKING:
    from datetime import datetime

    from tillgate.domain.delivery import AttemptOutcome
    from tillgate.domain.tenant import SourceId

# Sixteen bytes in base64url are 22 characters, the last of which carries two bits only.
CURSOR_PATTERN = r"e1_[A-Za-z0-9_-]{21}[AQgw]"
_CURSOR = re.compile(CURSOR_PATTERN)
_CURSOR_PREFIX = "e1_"

# Of an event that is read. Lambda takes 6 MB of answer, and years of replays would fill it.
MAX_ATTEMPTS = 1_000


class DeliveryState(StrEnum):
    """How far an event's delivery has come; ``none`` when there is nowhere to deliver to."""

    PENDING = "pending"
    DELIVERED = "delivered"
    GAVE_UP = "gave_up"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """Which of a tenant's events to list, newest first, ``limit`` at most.

    ``since`` (inclusive) and ``until`` (exclusive) compare with ``stored_at``;
    ``idempotency_key`` is without its namespace; ``before`` is the last event of the
    page before this one.
    """

    limit: int
    type: str | None = None
    status: DeliveryState | None = None
    since: datetime | None = None
    until: datetime | None = None
    idempotency_key: str | None = None
    before: EventId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHead:
    """An event without its data.

    ``source_id`` is None and ``provider`` "api" for what came through ``/v1/events``;
    ``occurred_at`` and ``entity_version`` (digits) are as they were sent.
    """

    event_id: EventId
    type: str
    occurred_at: str | None
    entity_id: str | None
    entity_version: str | None
    idempotency_key: str
    source_id: SourceId | None
    provider: str
    received_at: datetime
    stored_at: datetime
    delivery_state: DeliveryState


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAttempt:
    """An attempt as it was written down.

    ``outcome`` and ``duration_ms`` are None while it goes on, and for good where whoever made
    it died: then nobody knows what the destination has.
    """

    at: datetime
    outcome: AttemptOutcome | None
    status: int | None
    duration_ms: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event; ``data`` is JSON text, exactly as it was accepted. The oldest attempt first."""

    head: EventHead
    data: str
    attempts: tuple[PastAttempt, ...] = ()


@dataclass(frozen=True, slots=True)
class EventPage:
    """One page of a list; ``next_cursor`` is None on the last."""

    events: tuple[EventHead, ...]
    next_cursor: str | None


def cursor_after(event_id: EventId) -> str:
    """Name the place after an event in a list: URL-safe, and good with any filters."""
    return _CURSOR_PREFIX + base64.urlsafe_b64encode(uuid.UUID(event_id).bytes).decode()[:22]


def event_before(cursor: str) -> EventId | None:
    """Read a cursor back, or give None when it is none of ours."""
    if not _CURSOR.fullmatch(cursor):
        return None
    raw = base64.urlsafe_b64decode(cursor.removeprefix(_CURSOR_PREFIX) + "==")
    return EventId(str(uuid.UUID(bytes=raw)))
