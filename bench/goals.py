"""What is held to account, and the rows that say how far it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.rounds import rounded
from ops.evidence import Row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.rounds import Spread


@dataclass(frozen=True, slots=True)
class Goal:
    """``limit`` is for `make bench` on a quiet machine, ``quick`` for `make test`.

    The quick one is about half again of what is measured there.
    """

    limit: float
    quick: float
    unit: str = ""
    at_least: bool = False

    def holds(self, value: float, *, is_quick: bool) -> bool:
        limit = self.quick if is_quick else self.limit
        return value >= limit if self.at_least else value <= limit

    def words(self, *, is_quick: bool) -> str:
        return f"{'>=' if self.at_least else '<='} {self.quick if is_quick else self.limit:g}"


GOALS = {
    "peer_differences": Goal(0, quick=0),
    "accept_wall_ratio": Goal(1.9, quick=3.7),
    "accept_cpu_ratio": Goal(3.0, quick=5.2),
    "peer_cpu_ratio": Goal(0.16, quick=0.2),
    "batch_ratio": Goal(0.8, quick=0.65, at_least=True),
    "cold_ratio": Goal(1.5, quick=1.9),
    "cold_peer_ratio": Goal(0.3, quick=0.4),
    "peak_memory_mb": Goal(80, quick=80, unit="MB"),
}


def goal_row(name: str, spread: Spread, raw: Mapping[str, object], *, is_quick: bool) -> Row:
    """Judge one of GOALS by the median of its rounds."""
    goal = GOALS[name]
    return Row(
        name,
        rounded(spread.value),
        goal.unit,
        goal.quick if is_quick else goal.limit,
        holds=goal.holds(spread.value, is_quick=is_quick),
        raw={"goal": goal.words(is_quick=is_quick), **_spread(spread), **raw},
    )


def context_row(
    name: str, spread: Spread, raw: Mapping[str, object] | None = None, *, unit: str = ""
) -> Row:
    """Tell a measure that is held to nothing."""
    return Row(
        name, rounded(spread.value), unit, None, holds=True, raw={**_spread(spread), **(raw or {})}
    )


def _spread(spread: Spread) -> dict[str, float]:
    return {"low": rounded(spread.low), "high": rounded(spread.high)}
