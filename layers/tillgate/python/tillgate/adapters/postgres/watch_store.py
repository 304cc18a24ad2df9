"""What the watch role asks the database, and what it stores there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tillgate.adapters.postgres.connection import refusals_as_unavailable
from tillgate.domain.gauges import COUNTED_TO
from tillgate.domain.quarantine import Reason
from tillgate.domain.slo import Counts
from tillgate.domain.tenant import SourceId, TenantId
from tillgate.domain.watch import Measured, TenantHours, WatchedSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.slo import Window

SOURCES_AT_ONCE = 2_000
# A thousand rows; the time is for what looks for silence.
_COUNTS_SECONDS = 5.0
# A look at each tenant.
_HOURS_SECONDS = 5.0
_FIRST = "00000000-0000-0000-0000-000000000000"


class PostgresWatchStore:
    """Implements WatchStore. ``within_seconds`` is the deadline of one call."""

    def __init__(
        self, database: Database, *, within_seconds: float, sources_at_once: int = SOURCES_AT_ONCE
    ) -> None:
        self._database = database
        self._within_seconds = within_seconds
        self._sources_at_once = sources_at_once

    def measure(self) -> Measured:
        with refusals_as_unavailable:
            [(found, platform_age)] = self._database.rows(
                "SELECT tillgate.watch_measure(%s, %s::text[]), tillgate.platform_secret_age()",
                (COUNTED_TO, list(Reason)),
                within_seconds=self._within_seconds,
            )
        ages = [float(a) for a in (found["secret_age_seconds"], platform_age) if a is not None]
        return Measured(
            connections=found["connections"],
            partition_days_ahead=found["days_ahead"],
            dead_letters=found["dead_letters"],
            quarantine=found["quarantine"],
            oldest_due_seconds=float(found["oldest_due_seconds"]),
            secret_age_seconds=max(ages, default=None),
            proofs={kind: float(at) for kind, at in found["proofs"].items()},
            gauges={name: (float(v), float(since)) for name, (v, since) in found["gauges"].items()},
            quiet_sources=found["quiet_sources"],
        )

    def platform_counts(self, windows: Sequence[Window]) -> list[Counts]:
        with refusals_as_unavailable:
            [(found,)] = self._database.rows(
                "SELECT tillgate.platform_activity(%s::text[], %s::interval[])",
                (
                    [window.width for window in windows],
                    # As the admin role reads it: the bucket that a window begins in counts whole.
                    [window.length + window.bucket for window in windows],
                ),
                within_seconds=min(self._within_seconds, _COUNTS_SECONDS),
            )
        return [Counts(int(requests), int(errors)) for requests, errors in found]

    def tenant_hours(self) -> list[TenantHours]:
        with refusals_as_unavailable:
            [(found,)] = self._database.rows(
                "SELECT tillgate.tenant_hours()",
                within_seconds=min(self._within_seconds, _HOURS_SECONDS),
            )
        return [
            TenantHours(
                time_zone=one["time_zone"],
                opening_hours=one["opening_hours"] or {},
                tenants=one["tenants"],
            )
            for one in found
        ]

    def put_gauges(self, gauges: Mapping[str, float]) -> None:
        with refusals_as_unavailable:
            self._database.rows(
                "SELECT tillgate.gauges_put(%s)",
                (json.dumps(gauges),),
                within_seconds=self._within_seconds,
            )

    def sources(self, *, after: SourceId | None) -> tuple[list[WatchedSource], SourceId | None]:
        with refusals_as_unavailable:
            [(found,)] = self._database.rows(
                "SELECT tillgate.watched_sources(%s, %s)",
                (after or _FIRST, self._sources_at_once),
                within_seconds=self._within_seconds,
            )
        following = found["next"]
        return [_source(one) for one in found["sources"]], SourceId(
            following
        ) if following else None

    def note_quiet(
        self,
        quiet: Sequence[tuple[WatchedSource, datetime]],
        heard: Sequence[WatchedSource],
    ) -> set[SourceId]:
        rows = [
            {
                "source_id": source.source_id,
                "tenant_id": source.tenant_id,
                "quiet_since": since.timestamp(),
                "last_event_at": source.last_event_at and source.last_event_at.timestamp(),
            }
            for source, since in quiet
        ]
        with refusals_as_unavailable:
            [(noted,)] = self._database.rows(
                "SELECT tillgate.note_quiet(%s, %s::uuid[])",
                (json.dumps(rows), [source.source_id for source in heard]),
                within_seconds=self._within_seconds,
            )
        return {SourceId(one) for change in noted.values() for one in change}


def _source(row: Mapping[str, Any]) -> WatchedSource:
    return WatchedSource(
        source_id=SourceId(row["source_id"]),
        tenant_id=TenantId(row["tenant_id"]),
        provider=row["provider"],
        time_zone=row["time_zone"],
        opening_hours=row["opening_hours"] or {},
        quiet_after_minutes=row["quiet_after_minutes"] or 0,
        heard_at=_instant(row["heard_at"]),
        last_event_at=_instant(row["last_event_at"]) if row["last_event_at"] else None,
        quiet_since=_instant(row["quiet_since"]) if row["quiet_since"] else None,
    )


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
