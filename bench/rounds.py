"""Measuring side by side: what a busy machine does to one subject it does to the others.

A round is made of short blocks, in each of which every subject has its turn, in an order
drawn anew. A ratio is taken within a round; its median over the rounds is the verdict, and
the least and the largest are its spread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from ops.evidence import percentile

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Block:
    """Some calls in a row: the wall time of each, the CPU time of all, in nanoseconds."""

    wall_ns: Sequence[int]
    cpu_ns: int
    peak_kb: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured: ``blocks`` of ``calls`` a round, and ``warm_up`` calls before."""

    rounds: int
    blocks: int
    calls: int
    warm_up: int


@dataclass(slots=True)
class Series:
    """One subject's rounds, each the blocks that it was made of."""

    rounds: list[list[Block]] = field(default_factory=list)

    def wall_us(self) -> list[float]:
        """Give each round's median call in microseconds."""
        return [
            median(ns for block in blocks for ns in block.wall_ns) / 1000 for blocks in self.rounds
        ]

    def cpu_us(self) -> list[float]:
        """Give each round's CPU time of a call in microseconds."""
        return [
            sum(block.cpu_ns for block in blocks)
            / sum(len(block.wall_ns) for block in blocks)
            / 1000
            for blocks in self.rounds
        ]

    def raw(self) -> dict[str, Any]:
        """Give the figures from which a verdict can be made again; times in microseconds."""
        wall = [ns / 1000 for blocks in self.rounds for block in blocks for ns in block.wall_ns]
        return {
            "n": len(wall),
            "p50": rounded(median(wall)),
            "p95": rounded(percentile(wall, 0.95) or 0.0),
            "cpu": rounded(median(self.cpu_us())),
            "p50_by_round": [rounded(one) for one in self.wall_us()],
            "cpu_by_round": [rounded(one) for one in self.cpu_us()],
        }


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some rounds, with the least and the largest."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(median(values), min(values), max(values))

    @classmethod
    def ratio(cls, above: Sequence[float], below: Sequence[float]) -> Spread:
        """Divide round by round: what was measured together is compared."""
        return cls.of([a / b for a, b in zip(above, below, strict=True)])


def interleave(
    runs: Mapping[str, Callable[[int], Block]],
    plan: Plan,
    *,
    chance: random.Random,
    settle: Callable[[], None] = lambda: None,
) -> dict[str, Series]:
    """Run the subjects in turns; ``runs`` makes so many calls of a subject at once.

    ``settle`` is called between two halves of the warm-up: what it changes is warm, too.
    """
    for run in runs.values():
        run(plan.warm_up // 2)
    settle()
    for run in runs.values():
        run(plan.warm_up // 2)
    series = {name: Series() for name in runs}
    for _ in range(plan.rounds):
        for one in series.values():
            one.rounds.append([])
        for _ in range(plan.blocks):
            for name in chance.sample(list(runs), len(runs)):
                series[name].rounds[-1].append(runs[name](plan.calls))
    return series


def rounded(value: float) -> float:
    """Round to four digits: more would say more than was measured."""
    return float(f"{value:.4g}")
