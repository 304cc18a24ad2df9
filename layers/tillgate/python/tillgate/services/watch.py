"""What nobody counts, measured each minute: the gauges, and which sources fell quiet."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tillgate.domain import gauges
from tillgate.domain.errors import StoreRefusedError, StoreUnavailableError
from tillgate.domain.gauges import series
from tillgate.domain.metrics import SEPARATOR
from tillgate.domain.silence import is_open, quiet_since, spells
from tillgate.domain.slo import WINDOWS, service_level
from tillgate.domain.watch import QuietNote, Watched

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tillgate.domain.tenant import SourceId
    from tillgate.domain.watch import (
        Measured,
        QueueDepths,
        TenantHours,
        WatchedSource,
        WatchStore,
    )

Answer = TypeVar("Answer")

# Events that wait for the database were received, and are not known to be: for so long nobody is
# said to have fallen quiet. A message that can never be stored must not keep that up.
_BACKLOG_SECONDS = 3_600.0


class Watch:
    """Measures, stores, and says what changed. Whatever is down is an answer, not an error.

    ``is_out_of_time`` is asked before each step that can wait for the next minute.
    """

    def __init__(
        self,
        store: WatchStore,
        queues: QueueDepths,
        *,
        is_out_of_time: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._queues = queues
        self._is_out_of_time = is_out_of_time
        # The last source that was judged, where the time was up before the last of all. A new
        # sandbox does not know it, and begins with the first.
        self._after: SourceId | None = None

    def run(self, now: datetime) -> Watched:
        queues = self._queues.depths()
        faults = [f"queue:{name}" for name in gauges.QUEUES if name not in queues]
        try:
            measured = self._store.measure()
        except StoreUnavailableError as error:
            faults.append(_fault("measure", error))
            return Watched(is_database_up=False, queues=queues, faults=faults)
        accept_age = _accept_age(queues, measured)
        budget_left = _tried("budget", faults, self._budget_left) or {}
        open_tenants = _tried("hours", faults, partial(self._open_tenants, now))
        notes: list[QuietNote] = []
        is_held = queues.get("accept", 0) > 0 and accept_age < _BACKLOG_SECONDS
        is_judged = _tried("silence", faults, partial(self._judge, now, notes, is_held=is_held))
        noted = sum(1 if note.is_quiet else -1 for note in notes)
        found = Watched(
            is_database_up=True,
            queues=queues,
            measured=measured,
            accept_age_seconds=accept_age,
            quiet_sources=None if is_judged is None else measured.quiet_sources + noted,
            open_tenants=open_tenants,
            is_silence_left=is_judged is False,
            budget_left=budget_left,
            notes=notes,
            faults=faults,
        )
        return self._kept(found)

    def _kept(self, found: Watched) -> Watched:
        """Store the gauges; a database that takes none is down, whatever it answered before."""
        try:
            self._store.put_gauges(gauge_values(found))
        except StoreUnavailableError as error:
            faults = [*found.faults, _fault("put", error)]
            return replace(found, is_database_up=False, faults=faults)
        return found

    def _budget_left(self) -> dict[str, float]:
        """Give the platform's error budget by window; none where nobody asked for anything."""
        counts = self._store.platform_counts(WINDOWS)
        levels = map(service_level, WINDOWS, counts)
        return {one.window: one.budget_left for one in levels if one.budget_left is not None}

    def _open_tenants(self, now: datetime) -> int:
        """Count those who are open; whose zone newer rules do not have may be."""
        return sum(one.tenants for one in self._store.tenant_hours() if _is_open(one, now))

    def _judge(self, now: datetime, notes: list[QuietNote], *, is_held: bool) -> bool:
        """Judge sources from where the run before stopped; False if the time is up before the last.

        Each change is added to ``notes`` once it is stored: it is said now or never, whatever
        fails after it.
        """
        # After a failure it begins anew: it may be this part that fails.
        after, self._after = self._after, None
        while not self._is_out_of_time():
            sources, after = self._store.sources(after=after)
            notes += self._judged(sources, now, is_held=is_held)
            if after is None:
                return True
        self._after = after
        return False

    def _judged(
        self, sources: list[WatchedSource], now: datetime, *, is_held: bool
    ) -> list[QuietNote]:
        """Note what changed for these, and give it."""
        quiet: dict[SourceId, tuple[WatchedSource, datetime]] = {}
        heard: dict[SourceId, tuple[WatchedSource, datetime]] = {}
        for source in sources:
            since, was = _quiet_since(source, now), source.quiet_since
            if since is None and was is not None:
                heard[source.source_id] = source, was
            elif since is not None and was is None and not is_held:
                quiet[source.source_id] = source, since
        if not quiet and not heard:
            return []
        noted = self._store.note_quiet(
            list(quiet.values()), [source for source, _ in heard.values()]
        )
        return [
            QuietNote(
                source=source,
                quiet_since=since,
                is_quiet=key in quiet,
                is_watched=source.time_zone is not None,
            )
            for key, (source, since) in {**quiet, **heard}.items()
            if key in noted
        ]


def gauge_values(found: Watched) -> dict[str, float]:
    """Give what is stored, by series; what is not known is left out."""
    values = {series(gauges.DATABASE_UP): float(found.is_database_up)}
    for queue, messages in found.queues.items():
        values[series(gauges.QUEUE_MESSAGES, queue)] = messages
    if found.accept_age_seconds is not None:
        values[series(gauges.QUEUE_OLDEST_AGE, "accept")] = found.accept_age_seconds
    if found.quiet_sources is not None:
        values[series(gauges.QUIET_SOURCES)] = found.quiet_sources
    if found.open_tenants is not None:
        values[series(gauges.OPEN_TENANTS)] = found.open_tenants
    for window, left in found.budget_left.items():
        values[series(gauges.ERROR_BUDGET_LEFT, window)] = left
    if found.measured is not None:
        values |= _measured_values(found.measured)
    return values


def _measured_values(measured: Measured) -> dict[str, float]:
    values: dict[str, float] = {
        series(gauges.PARTITIONS_AHEAD): measured.partition_days_ahead,
        series(gauges.DEAD_LETTERS): measured.dead_letters,
        series(gauges.QUEUE_OLDEST_AGE, "delivery"): measured.oldest_due_seconds,
    }
    for reason, kept in measured.quarantine.items():
        values[series(gauges.QUARANTINE_ITEMS, reason)] = kept
    if measured.secret_age_seconds is not None:
        values[series(gauges.OLDEST_SECRET_AGE)] = measured.secret_age_seconds
    for kind, at in measured.proofs.items():
        if kind == gauges.BACKUP_VERIFIED:
            values[series(gauges.BACKUP_VERIFIED_AT)] = at
        else:
            values[series(gauges.DRILL_AT, kind.removeprefix("drill_"))] = at
    return values


def _accept_age(queues: dict[str, int], measured: Measured) -> float:
    """Give the seconds since the accept queue was last seen empty: 0 if it is now."""
    if queues.get("accept") == 0:
        return 0.0
    # Not seen is not empty: the time goes on. What was never measured begins now.
    age, since = measured.gauges.get(
        SEPARATOR.join((gauges.QUEUE_OLDEST_AGE.name, "accept")), (0.0, 0.0)
    )
    return age + since


def _is_open(hours: TenantHours, now: datetime) -> bool:
    zone = _zone(hours.time_zone)
    return zone is None or is_open(spells(hours.opening_hours), zone, now)


def _zone(name: str | None) -> ZoneInfo | None:
    """Give a time zone; None where none is said, or newer rules have it no more."""
    try:
        return None if name is None else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _quiet_since(source: WatchedSource, now: datetime) -> datetime | None:
    if source.time_zone is None:
        return None
    zone = _zone(source.time_zone)
    if zone is None:
        # What was noted stays so.
        return source.quiet_since
    return quiet_since(
        spells(source.opening_hours),
        zone,
        heard_at=source.heard_at,
        now=now,
        quiet_after=timedelta(minutes=source.quiet_after_minutes),
    )


def _tried(step: str, faults: list[str], ask: Callable[[], Answer]) -> Answer | None:
    """Give the answer; None, and a fault, where the database gives none. The rest goes on."""
    try:
        return ask()
    except StoreUnavailableError as error:
        faults.append(_fault(step, error))
        return None


def _fault(step: str, error: StoreUnavailableError) -> str:
    return f"{step}:{'refused' if isinstance(error, StoreRefusedError) else 'unavailable'}"
