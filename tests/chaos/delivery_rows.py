"""A delivery scenario's evidence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ops.evidence import Row
from tests.chaos.rows import none_of

if TYPE_CHECKING:
    from tests.chaos.delivery_scene import DeliveryResult

_NONE_OF = ("lost", "doubled", "undelivered", "pending", "attempts_differ", "faults")


def delivery_rows(result: DeliveryResult) -> list[Row]:
    """Give one row per measure."""
    verdict = result.verdict
    name = f"chaos.{result.name}"
    raw = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), **result.raw}
    took = result.recovery_seconds
    return [
        Row(f"{name}.sent", verdict.sent, "events", None, holds=True, raw=raw),
        Row(f"{name}.acknowledged", verdict.acknowledged, "events", None, holds=True, raw=raw),
        none_of(f"{name}.lost", verdict.lost, "events"),
        none_of(f"{name}.doubled", verdict.doubled, "events"),
        none_of(f"{name}.undelivered", verdict.undelivered, "events"),
        none_of(f"{name}.pending", verdict.pending, "events"),
        none_of(f"{name}.attempts_differ", verdict.attempts_differ, "events"),
        none_of(f"{name}.faults", verdict.faults, ""),
        Row(
            f"{name}.recovery_s",
            None if took is None else round(took, 2),
            "s",
            result.recovery_target,
            holds=took is not None and took <= result.recovery_target,
            raw=raw,
        ),
        *result.more,
    ]


def failed_delivery_rows(name: str, error: BaseException) -> list[Row]:
    """Give the rows of a scenario that did not come to its end: none of them holds."""
    raw = {"error": f"{type(error).__name__}: {error}"[:1000]}
    counted = [(measure, "events", None) for measure in ("sent", "acknowledged")]
    measures = [*counted, *((measure, "events", 0) for measure in _NONE_OF)]
    return [
        Row(f"chaos.{name}.{measure}", None, unit, target, holds=False, raw=raw)
        for measure, unit, target in [*measures, ("recovery_s", "s", None)]
    ]
