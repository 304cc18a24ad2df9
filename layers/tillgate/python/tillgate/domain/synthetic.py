"""Events that the operator sends to see whether all is well, and that are taken away again.

Such an event says of itself that it is one: a marker stands in its data, MARKER and a UUID.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tillgate.domain.tenant import EventId

MARKER = "tillgate-synthetic-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A synthetic event that nobody begins to deliver any more.

    ``is_under_way``: an attempt has begun and not ended, so the destination may get it yet.
    ``was_tried``: the destination may have it.
    """

    is_under_way: bool
    was_tried: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRemoval:
    """What became of a copy at the destination.

    ``status`` is HTTP's, None where no answer came; ``reason`` is None when it is removed.
    """

    is_removed: bool
    status: int | None
    duration_ms: float
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticDiscarded:
    """``destination`` is None where the event was never sent to one."""

    event_id: EventId
    destination: CopyRemoval | None
