"""Dead letters: deliveries that were given up, and what the operator does with them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from tillgate.domain.tenant import EventId, TenantId

MAX_PER_SECOND = 1_000
# Of the events that one call names by their ids ...
MAX_DISCARDED_IDS = 1_000
# ... and of the dead letters that it discards, so that it ends well inside a request.
MAX_DISCARDED = 10_000
# Of what a redrive has left: beyond that nobody asks how many, and each is read.
MAX_LEFT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterFilter:
    """Which dead letters; None stands for any."""

    tenant_id: TenantId | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterGroup:
    """A tenant's dead letters of one reason; ``oldest`` and ``newest`` are when they began."""

    tenant_id: TenantId
    slug: str
    reason: str | None
    count: int
    oldest: datetime
    newest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """``since`` is when its delivery became pending, for the last time.

    ``attempted_at`` and ``status`` (HTTP's) are the last attempt's, None where there was none
    or, for the status, no answer.
    """

    tenant_id: TenantId
    event_id: EventId
    reason: str | None
    since: datetime
    attempted_at: datetime | None
    status: int | None


@dataclass(frozen=True, slots=True)
class DeadLetterPage:
    """One page of a list; ``next_cursor`` is None on the last."""

    dead_letters: tuple[DeadLetter, ...]
    next_cursor: str | None


class RedriveState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrive:
    """Dead letters on their way back into delivery, ``per_second`` of them each second.

    ``moved`` counts those that are. ``left`` counts those that are not, to MAX_LEFT: of the
    dead letters that there were when it began, for one that is given up again is not moved
    again. In a list it is None: not counted.
    """

    redrive_id: str
    tenant_id: TenantId | None
    reason: str | None
    per_second: int
    state: RedriveState
    moved: int
    left: int | None
    started_at: datetime
    ended_at: datetime | None
