"""What a run measured, as rows that anyone can judge again: ``build/evidence/<name>.json``.

One row per measure: its value, the target it is held to (None: it is told for context
only), whether it holds, and the raw figures it was made from.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EVIDENCE = Path(__file__).parents[1] / "build/evidence"


@dataclass(frozen=True, slots=True)
class Row:
    """``value`` is None for what could not be measured; such a row never holds.

    ``unit`` is s, ms, events and the like, '' for a ratio. ``raw``: n, p50, p95 and so on.
    """

    name: str
    value: float | None
    unit: str
    target: float | None
    holds: bool
    raw: Mapping[str, Any] = field(default_factory=dict)


def write_evidence(
    name: str, rows: Sequence[Row], *, keep_others: bool = False, folder: Path = EVIDENCE
) -> Path:
    """Write ``<name>.json``, whole or not at all; give its path.

    ``keep_others`` is for a run of a part: rows of other names stay as an earlier run
    left them, and those of the same name are replaced. Else the file holds these rows alone.
    """
    path = folder / f"{name}.json"
    written = {row.name: asdict(row) for row in rows}
    if keep_others and path.exists():
        written = {row["name"]: row for row in json.loads(path.read_text())} | written
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f"{path.name}.new")
    scratch.write_text(json.dumps(list(written.values()), indent=1, sort_keys=True) + "\n")
    scratch.replace(path)
    return path


def evidence_table(rows: Sequence[Row]) -> str:
    """Lay rows out for people: name, value, target, and what does not hold."""
    width = max((len(row.name) for row in rows), default=0)
    return "\n".join(
        f"{row.name:<{width}}  {_figure(row.value):>10} {row.unit:<7}"
        f" {'' if row.target is None else f'<= {_figure(row.target)}':<10}"
        f" {'' if row.holds else 'DOES NOT HOLD'}".rstrip()
        for row in rows
    )


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def percentile(values: Sequence[float], share: float) -> float | None:
    """Give the least of them that ``share`` of them do not exceed (nearest rank); None of none."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * share) - 1, 0)] if ordered else None
