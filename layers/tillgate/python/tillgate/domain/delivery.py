"""Delivery onward: an event has one, to its tenant's destination, made of attempts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tillgate.domain.enrichment import NOT_ENRICHED, Enrichment

if TYPE_CHECKING:
    from datetime import datetime

    from tillgate.domain.enrichment import PosAccess
    from tillgate.domain.tenant import EventId, SourceId, TenantId

# Of an attempt's reason, which people read: never what was sent or answered.
MAX_REASON_LENGTH = 200


class DestinationKind(StrEnum):
    SUPABASE = "supabase"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a tenant's events go. ``sealed_secret`` opens under ``seal_context``."""

    tenant_id: TenantId
    kind: DestinationKind
    url: str
    sealed_secret: bytes

    @property
    def seal_context(self) -> str:
        return destination_seal_context(self.tenant_id)


def destination_seal_context(tenant_id: str) -> str:
    """Name the row a destination's sealed secret belongs to."""
    return f"destination:{tenant_id}"


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """One that sweep puts on the delivery queue."""

    tenant_id: TenantId
    event_id: EventId


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingEvent:
    """An event as it is sent on; ``data`` is JSON text, exactly as it was accepted.

    ``since`` is when the delivery became pending, ``tried_since`` when its first attempt after
    that was made. ``enrichment`` is what was fetched for it.
    """

    event_id: EventId
    source_id: SourceId | None
    type: str
    idempotency_key: str
    data: str
    occurred_at: str | None
    entity_id: str | None
    entity_version: str | None
    received_at: datetime
    stored_at: datetime
    since: datetime
    tried_since: datetime | None = None
    enrichment: Enrichment = NOT_ENRICHED


class AttemptOutcome(StrEnum):
    DELIVERED = "delivered"
    RETRY_LATER = "retry_later"
    GAVE_UP = "gave_up"


@dataclass(frozen=True, slots=True)
class Delivered:
    """The destination has it; ``status`` is HTTP's."""

    status: int


@dataclass(frozen=True, slots=True)
class RetryLater:
    """It may work another time, not before ``after_seconds`` where the destination said so."""

    reason: str
    status: int | None = None
    after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class GaveUp:
    """It never will, as it is."""

    reason: str
    status: int | None = None


SendResult = Delivered | RetryLater | GaveUp


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request for one event. ``attempt_id`` (UUID text) is the request's: a batch shares it."""

    event_id: EventId
    attempt_id: str
    at: datetime
    outcome: AttemptOutcome
    status: int | None
    duration_ms: float
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How a delivery stands after its attempts: delivered, given up, or pending for so long.

    Without an attempt, ``since`` tells which time that it was pending is meant.
    """

    event_id: EventId
    outcome: AttemptOutcome
    reason: str | None = None
    due_seconds: float = 0.0
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that is pending ``since`` then, and was not begun; see OutgoingEvent."""

    event_id: EventId
    since: datetime
    tried_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What an attempt begins with: the events that are pending still.

    While the destination's breaker is open there are none, and ``open_until`` says till when.
    ``destination`` is None where the tenant has none any more. ``waiting`` are those that are
    pending too and were not begun: all of them where nothing may be, else those with which
    one request would have been too large. ``accesses`` are those of the events' sources that
    have a credential for their vendor's API.
    """

    destination: Destination | None
    open_until: datetime | None
    events: tuple[OutgoingEvent, ...]
    waiting: tuple[Waiting, ...] = ()
    accesses: tuple[PosAccess, ...] = ()
