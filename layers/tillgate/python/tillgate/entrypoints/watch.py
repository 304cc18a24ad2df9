"""The watcher's lines: what it measured, as CloudWatch reads it, and who fell quiet.

A line has one value for each dimension, so what is measured by role, by reason, by queue, by
drill and by window has a short line for each value, after the one line of the run.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from tillgate.domain import gauges
from tillgate.domain.timestamps import rfc3339
from tillgate.entrypoints.emf import NAMESPACE, directive
from tillgate.entrypoints.http import compact_json
from tillgate.entrypoints.observability import log_task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tillgate.domain.watch import Measured, QuietNote, Watched
    from tillgate.services.watch import Watch

_HOUR, _DAY = 3_600.0, 86_400.0
_MS = 1_000
_UNITS = {"oldest_pending_seconds": "Seconds", "accept_age_seconds": "Seconds"}
_COUNT, _NONE = "Count", "None"
_WITHOUT_UNIT = frozenset(
    {"secret_age_days", "backup_verified_age_hours", "drill_age_days", "error_budget_left_ratio"}
)
_STAGE = (("stage",),)


class WatchTask:
    """Runs once for each call, and never fails for what is down: it says so.

    ``begin`` is called first: the run's time goes from then.
    """

    def __init__(
        self,
        watch: Watch,
        *,
        stage: str,
        version: str,
        clock: Callable[[], datetime],
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        self._watch = watch
        self._stage = stage
        self._version = version
        self._clock = clock
        self._begin = begin

    def __call__(self) -> Mapping[str, Any]:
        self._begin()
        now = self._clock()
        notes: list[QuietNote] = []
        measured: list[tuple[str, Mapping[str, float], str]] = []

        def run() -> Mapping[str, Any]:
            found = self._watch.run(now)
            notes.extend(found.notes)
            measured.extend(_by_label(found, now))
            return self._line(found, now)

        line = log_task("watch", run, version=self._version)
        at = rfc3339(now)
        for label, values, name in measured:
            for value, number in values.items():
                self._write_metric(now, at, name, number, label, value)
        for note in notes:
            _write({"at": at, "task": "watch", "stage": self._stage, **_said(note)})
        return line

    def _line(self, found: Watched, now: datetime) -> dict[str, Any]:
        metrics = _platform(found, now)
        units = [(name, _unit(name)) for name in metrics]
        return {
            "stage": self._stage,
            # In the place of log_task's own word, where it is another.
            "outcome": "done" if found.is_database_up else "database-down",
            **metrics,
            "queues": dict(found.queues),
            **({"faults": list(found.faults)} if found.faults else {}),
            **({"is_silence_left": True} if found.is_silence_left else {}),
            "_aws": directive(NAMESPACE, [(_STAGE, units)], _milliseconds(now)),
        }

    def _write_metric(
        self, now: datetime, at: str, name: str, number: float, label: str, value: str
    ) -> None:
        dimensions = (("stage", label),)
        _write(
            {
                "at": at,
                "task": "watch",
                "stage": self._stage,
                label: value,
                name: number,
                "_aws": directive(
                    NAMESPACE, [(dimensions, [(name, _unit(name))])], _milliseconds(now)
                ),
            }
        )


def _platform(found: Watched, now: datetime) -> dict[str, float]:
    """Give what has no dimension but the stage; what is not known is left out."""
    metrics: dict[str, float] = {"database_up": int(found.is_database_up)}
    if found.quiet_sources is not None:
        metrics["quiet_sources"] = found.quiet_sources
    if found.open_tenants is not None:
        metrics["open_tenants"] = found.open_tenants
    if found.accept_age_seconds is not None:
        metrics["accept_age_seconds"] = round(found.accept_age_seconds, 3)
    if found.measured is None:
        return metrics
    measured = found.measured
    metrics["partitions_days_ahead"] = measured.partition_days_ahead
    metrics["dead_letters"] = measured.dead_letters
    metrics["oldest_pending_seconds"] = round(measured.oldest_due_seconds, 3)
    if measured.secret_age_seconds is not None:
        metrics["secret_age_days"] = round(measured.secret_age_seconds / _DAY, 3)
    if gauges.BACKUP_VERIFIED in measured.proofs:
        seconds = now.timestamp() - measured.proofs[gauges.BACKUP_VERIFIED]
        metrics["backup_verified_age_hours"] = round(seconds / _HOUR, 3)
    drills = _drills(measured, now)
    if drills:
        metrics["drill_age_days"] = max(drills.values())
    return metrics


def _by_label(found: Watched, now: datetime) -> list[tuple[str, Mapping[str, float], str]]:
    """Give (dimension, number by value, metric) of what has a second dimension."""
    by_label: list[tuple[str, Mapping[str, float], str]] = [
        ("queue", found.queues, "queue_messages"),
        ("window", found.budget_left, "error_budget_left_ratio"),
    ]
    if found.measured is not None:
        by_label += [
            ("role", found.measured.connections, "database_connections"),
            ("reason", found.measured.quarantine, "quarantine_items"),
            ("drill", _drills(found.measured, now), "drill_age_days"),
        ]
    return by_label


def _drills(measured: Measured, now: datetime) -> dict[str, float]:
    """Give each known drill's age in days."""
    return {
        drill: round((now.timestamp() - measured.proofs[f"drill_{drill}"]) / _DAY, 3)
        for drill in gauges.DRILLS
        if f"drill_{drill}" in measured.proofs
    }


def _said(note: QuietNote) -> dict[str, Any]:
    """Say of one source what changed; ``outcome`` is quiet, heard or unwatched."""
    source = note.source
    heard = "heard" if note.is_watched else "unwatched"
    return {
        "outcome": "quiet" if note.is_quiet else heard,
        "tenantId": source.tenant_id,
        "source": source.source_id,
        "provider": source.provider,
        "quiet_since": rfc3339(note.quiet_since),
        "last_event_at": source.last_event_at and rfc3339(source.last_event_at),
    }


def _unit(name: str) -> str:
    return _UNITS.get(name, _NONE if name in _WITHOUT_UNIT else _COUNT)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * _MS)


def _write(line: Mapping[str, Any]) -> None:
    sys.stdout.write(compact_json(line) + "\n")
