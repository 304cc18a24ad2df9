"""What the watcher looks at, and what it needs for that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tillgate.domain.slo import Counts, Window
    from tillgate.domain.tenant import SourceId, TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one look at the database told.

    ``dead_letters`` and ``quarantine`` (by reason) are counted to ``gauges.COUNTED_TO``,
    ``partition_days_ahead`` to 60. ``oldest_due_seconds`` is of the delivery that is due longest,
    0 when none is; ``secret_age_seconds`` is None while there is no secret. ``proofs`` are
    instants in seconds since 1970, by kind. ``gauges`` are those that were put last, each with the
    seconds since. ``quiet_sources`` are those that are noted, from the runs before.
    """

    connections: Mapping[str, int]
    partition_days_ahead: int
    dead_letters: int
    quarantine: Mapping[str, int]
    oldest_due_seconds: float
    secret_age_seconds: float | None
    proofs: Mapping[str, float]
    gauges: Mapping[str, tuple[float, float]]
    quiet_sources: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantHours:
    """How many tenants are open by the same hours; without a time zone they never close."""

    time_zone: str | None
    opening_hours: Mapping[str, Sequence[str]]
    tenants: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedSource:
    """A source that may be quiet: silent by the clock for long enough, or quiet already.

    ``time_zone`` is None where its silence is not to be judged: its tenant is suspended, or no
    longer says when it is open. ``heard_at`` is its last event, or since when there was anything
    to be heard. ``quiet_since`` is what was noted of it.
    """

    source_id: SourceId
    tenant_id: TenantId
    provider: str
    time_zone: str | None
    opening_hours: Mapping[str, Sequence[str]]
    quiet_after_minutes: int
    heard_at: datetime
    last_event_at: datetime | None
    quiet_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietNote:
    """A source that fell quiet or is quiet no more; ``is_watched`` is False where nobody asks."""

    source: WatchedSource
    quiet_since: datetime
    is_quiet: bool
    is_watched: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What one run found.

    ``queues`` are messages by queue, without those that gave no answer. ``measured`` is None when
    the database gave none, ``quiet_sources`` and ``open_tenants`` when their look at it failed.
    ``budget_left`` is the platform's, by window, without those in which nobody asked for anything.
    ``is_silence_left``: the time was up before every source was judged, and the next run goes on.
    """

    is_database_up: bool
    queues: Mapping[str, int]
    measured: Measured | None = None
    accept_age_seconds: float | None = None
    quiet_sources: int | None = None
    open_tenants: int | None = None
    is_silence_left: bool = False
    budget_left: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[QuietNote] = ()
    # What failed, each as a word for the log.
    faults: Sequence[str] = field(default_factory=tuple)


class WatchStore(Protocol):
    """The database, as the watcher sees it. Every method raises StoreUnavailableError."""

    def measure(self) -> Measured: ...

    def platform_counts(self, windows: Sequence[Window]) -> list[Counts]:
        """Give what the platform answered in each window, of all tenants; without latency."""
        ...

    def tenant_hours(self) -> list[TenantHours]:
        """Give when those tenants are open that are active and can send, each in one place."""
        ...

    def put_gauges(self, gauges: Mapping[str, float]) -> None:
        """Keep them in the place of those before, all or none."""
        ...

    def sources(self, *, after: SourceId | None) -> tuple[list[WatchedSource], SourceId | None]:
        """Give a part of those that may be quiet, and after which the next part begins."""
        ...

    def note_quiet(
        self,
        quiet: Sequence[tuple[WatchedSource, datetime]],
        heard: Sequence[WatchedSource],
    ) -> set[SourceId]:
        """Note who is quiet, since when, and who no more; give those of whom it was not noted.

        Each change is given once, however many watchers there are.
        """
        ...


class QueueDepths(Protocol):
    """How many messages our queues hold."""

    def depths(self) -> dict[str, int]:
        """Give messages by queue; one that gives no answer is left out."""
        ...
