"""In-memory stand-ins for what the watcher asks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.gauges import QUEUES
from tillgate.domain.slo import Counts
from tillgate.domain.tenant import SourceId, TenantId
from tillgate.domain.watch import Measured, TenantHours, WatchedSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tillgate.domain.slo import Window

# A Monday.
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TENANT_ID = TenantId("11111111-1111-4111-8111-111111111111")
ALWAYS = {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


def measured(**told: object) -> Measured:
    fields: dict[str, object] = {
        "connections": {"ingest": 3, "watch": 1},
        "partition_days_ahead": 14,
        "dead_letters": 0,
        "quarantine": {"unreadable": 2, "key-conflict": 0},
        "oldest_due_seconds": 0.0,
        "secret_age_seconds": None,
        "proofs": {},
        "gauges": {},
        "quiet_sources": 0,
    }
    return Measured(**{**fields, **told})  # type: ignore[arg-type]  # By name.


def source(n: int, **told: object) -> WatchedSource:
    """Make a source that has been silent for two hours, of which it may be for one."""
    fields: dict[str, object] = {
        "source_id": SourceId(f"00000000-0000-4000-8000-{n:012}"),
        "tenant_id": TENANT_ID,
        "provider": "square",
        "time_zone": "UTC",
        "opening_hours": ALWAYS,
        "quiet_after_minutes": 60,
        "heard_at": NOW.replace(hour=10),
        "last_event_at": NOW.replace(hour=10),
        "quiet_since": None,
    }
    return WatchedSource(**{**fields, **told})  # type: ignore[arg-type]  # By name.


class InMemoryWatchStore:
    """Implements WatchStore; gives ``all_sources`` two at a time. ``is_down`` names methods."""

    def __init__(self) -> None:
        self.measured = measured()
        # By window; one that is not here had no requests.
        self.counts: dict[str, Counts] = {}
        self.all_sources: dict[SourceId, WatchedSource] = {}
        self.hours: list[TenantHours] = []
        self.gauges: dict[str, float] = {}
        self.is_down: set[str] = set()
        self.asked = 0

    def measure(self) -> Measured:
        self._check("measure")
        quiet = sum(one.quiet_since is not None for one in self.all_sources.values())
        return replace(self.measured, quiet_sources=quiet)

    def platform_counts(self, windows: Sequence[Window]) -> list[Counts]:
        self._check("platform_counts")
        return [self.counts.get(window.name, Counts(0, 0)) for window in windows]

    def tenant_hours(self) -> list[TenantHours]:
        self._check("tenant_hours")
        return self.hours

    def put_gauges(self, gauges: Mapping[str, float]) -> None:
        self._check("put_gauges")
        self.gauges |= gauges

    def sources(self, *, after: SourceId | None) -> tuple[list[WatchedSource], SourceId | None]:
        self._check("sources")
        self.asked += 1
        left = sorted(one for one in self.all_sources if after is None or one > after)
        part = left[:2]
        following = part[-1] if len(part) < len(left) else None
        return [self.all_sources[one] for one in part], following

    def note_quiet(
        self,
        quiet: Sequence[tuple[WatchedSource, datetime]],
        heard: Sequence[WatchedSource],
    ) -> set[SourceId]:
        self._check("note_quiet")
        changed = set()
        changes = [*quiet, *((source, None) for source in heard)]
        for one, since in changes:
            known = self.all_sources[one.source_id]
            if (known.quiet_since is None) is not (since is None):
                self.all_sources[one.source_id] = replace(known, quiet_since=since)
                changed.add(one.source_id)
        return changed

    def add(self, *sources: WatchedSource) -> None:
        self.all_sources |= {one.source_id: one for one in sources}

    def _check(self, method: str) -> None:
        if method in self.is_down:
            raise StoreUnavailableError("down")


class InMemoryQueueDepths:
    """Implements QueueDepths."""

    def __init__(self) -> None:
        self.found = dict.fromkeys(QUEUES, 0)

    def depths(self) -> dict[str, int]:
        return dict(self.found)
