"""A scenario's evidence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ops.evidence import Row, percentile
from tests.chaos.cold_start import COLD_START_SECONDS
from tests.chaos.scenarios import COLD_START

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.chaos.run import Result

# REQUEST_TIMEOUT_MS, as the sandboxes are told.
WORST_LATENCY_SECONDS = 5.0
_SHOWN = 20


def rows_of(result: Result) -> list[Row]:
    """Give one row per measure."""
    verdict = result.verdict
    name = f"chaos.{result.name}"
    at = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds")}
    rows = [
        Row(f"{name}.sent", verdict.sent, "events", None, holds=True, raw=at),
        Row(
            f"{name}.acknowledged",
            verdict.acknowledged,
            "events",
            None,
            holds=True,
            raw={**at, "told": dict(result.told)},
        ),
        none_of(f"{name}.lost", verdict.lost, "events"),
        none_of(f"{name}.doubled", verdict.doubled, "events"),
        none_of(f"{name}.faults", verdict.faults, ""),
        Row(
            f"{name}.recovery_s",
            round(result.recovery_seconds, 2),
            "s",
            result.recovery_target,
            holds=result.recovery_seconds <= result.recovery_target,
            raw=dict(result.raw),
        ),
        _slowest(f"{name}.worst_latency_s", result.seconds, WORST_LATENCY_SECONDS),
    ]
    if result.name == COLD_START:
        rows.append(_slowest(f"{name}.cold_start_s", result.cold_seconds, COLD_START_SECONDS))
    return rows


def failed_rows(name: str, error: BaseException) -> list[Row]:
    """Give the rows of a scenario that did not come to its end: none of them holds."""
    raw = {"error": f"{type(error).__name__}: {error}"[:1000]}
    measures = [
        ("sent", "events", None),
        ("acknowledged", "events", None),
        ("lost", "events", 0),
        ("doubled", "events", 0),
        ("faults", "", 0),
        ("recovery_s", "s", None),
        ("worst_latency_s", "s", WORST_LATENCY_SECONDS),
        *([("cold_start_s", "s", COLD_START_SECONDS)] if name == COLD_START else []),
    ]
    return [
        Row(f"chaos.{name}.{measure}", None, unit, target, holds=False, raw=raw)
        for measure, unit, target in measures
    ]


def none_of(name: str, found: Sequence[str], unit: str) -> Row:
    """Give the row of something of which there may be none, and the first that there are."""
    return Row(name, len(found), unit, 0, holds=not found, raw={"first": list(found[:_SHOWN])})


def _slowest(name: str, seconds: Sequence[float], target: float) -> Row:
    slowest = max(seconds, default=None)
    raw = {"n": len(seconds), "p50": percentile(seconds, 0.5), "p95": percentile(seconds, 0.95)}
    holds = slowest is not None and slowest <= target
    return Row(name, slowest, "s", target, holds=holds, raw=raw)
