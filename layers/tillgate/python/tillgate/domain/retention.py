"""How long what was taken in is kept, and what goes with a tenant that is erased."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import date, datetime

    from tillgate.domain.tenant import EventId, TenantId

# How much longer an undelivered event is kept: one that waits, or a dead letter that nobody has
# decided on.
HELD_DAYS = 30


class Dropped(StrEnum):
    """What became of a day's partition: ``busy`` when its lock was not to be had at once."""

    DROPPED = "dropped"
    GONE = "gone"
    KEPT = "kept"
    BUSY = "busy"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRecord:
    """For how many whole days a tenant's events are kept; ``is_default``: as the stage has it."""

    tenant_id: TenantId
    days: int
    is_default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionStatus:
    """``default_days`` is the stage's.

    ``held_events`` are undelivered and past their retention, counted to a bound; the first of them
    go on ``first_go_on`` (a date as RFC 3339 has it), None where there are none.
    """

    default_days: int
    held_events: int
    first_go_on: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """How much there is to be removed, or was; ``credentials`` are of sources, for vendors' APIs.

    ``quarantine`` counts deliveries. Keys, usage and the tenant's id are not among them: they stay.
    """

    events: int
    deliveries: int
    attempts: int
    quarantine: int
    sources: int
    tokens: int
    destinations: int
    credentials: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRecord:
    """``done_at`` is None until nothing was left, and nothing could come any more."""

    tenant_id: TenantId
    asked_at: datetime
    done_at: datetime | None
    removed: Erased


class Retirement(Protocol):
    """What goes by its age, and erasures under way. Raises StoreUnavailableError.

    ``default_days`` is for tenants that have no retention of their own. Everything may be repeated.
    """

    def days_over(self, *, default_days: int) -> list[date]:
        """Give the days whose partitions may go, the oldest first."""
        ...

    def drop_partition(self, parent: str, day: date, *, default_days: int) -> Dropped:
        """Drop a day's partition of ``delivery``, ``attempt`` or ``event``, in this order."""
        ...

    def retire_events(self, *, default_days: int, at_most: int) -> tuple[int, bool]:
        """Delete so much of what is over in partitions that stay; how much, and if it was all."""
        ...

    def retire_keys(self, *, default_days: int) -> tuple[int, bool]:
        """Delete the old keys in the next stretch of their table; how many, and if all is seen."""
        ...

    def discard_old_redrives(self) -> int:
        """Delete redrives that ended long ago; give how many."""
        ...

    def drop_old_audit(self) -> int:
        """Drop the audit trail's years that are over; give how many. 0 where one is being read."""
        ...

    def erase(self, *, at_most: int) -> tuple[int, int, bool]:
        """Take an erasure's next step: how many events, how much quarantine, if nothing is left."""
        ...


class RetentionStore(Protocol):
    """What the operator decides about keeping. Raises StoreUnavailableError."""

    def retention(self, tenant_id: TenantId, *, default_days: int) -> RetentionRecord | None:
        """None when there is no such tenant."""
        ...

    def status(self, *, default_days: int) -> RetentionStatus: ...

    def set_retention(self, tenant_id: TenantId, days: int | None) -> bool:
        """None: as the stage has it. Idempotent; False when there is no such tenant."""
        ...

    def plan_erasure(
        self, tenant_id: TenantId, *, after: EventId | None
    ) -> tuple[Erased, EventId | None]:
        """Count what would go: of the events after this one so many, and the next to begin at.

        What is not of an event is counted only where ``after`` is None.
        """
        ...

    def erase(self, tenant_id: TenantId, *, slug: str) -> ErasureRecord:
        """Begin it, for good; idempotent.

        Raises NotFoundError, TenantNotSuspendedError, and InvalidRequestError when the slug is
        another's.
        """
        ...

    def erasure(self, tenant_id: TenantId) -> ErasureRecord | None: ...
