"""What a suite is given: the world, how much to measure, and the order of things by chance."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bench.goals import context_row, goal_row
from bench.rounds import Plan, interleave

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.rounds import Block, Series, Spread
    from bench.workload import Load
    from bench.world import Name, World
    from ops.evidence import Row

FULL = Plan(rounds=7, blocks=10, calls=25, warm_up=200)
# The peer takes so many times longer that its share of the calls is enough.
_FEWER = {"peer": 5, "peer_inline": 5}
QUICK = Plan(rounds=5, blocks=5, calls=20, warm_up=100)


@dataclass(slots=True)
class Stage:
    """A suite measures with ``side_by_side`` and yields rows."""

    world: World
    is_quick: bool
    rounds: int | None = None
    chance: random.Random = field(default_factory=random.Random)

    def plan(self, *, heavier: int = 1) -> Plan:
        """Give how much to measure of a call that weighs so many times a single event."""
        plan = QUICK if self.is_quick else FULL
        return replace(
            plan,
            rounds=self.rounds or plan.rounds,
            blocks=max(plan.blocks // heavier, 2),
            calls=max(plan.calls // heavier, 2),
            warm_up=max(plan.warm_up // heavier, 6),
        )

    def side_by_side(self, loads: Mapping[Name, Load], *, heavier: int = 1) -> dict[str, Series]:
        """Measure the subjects interleaved, each with its load."""
        runs: dict[str, Callable[[int], Block]] = {
            name: self._runner(name, load) for name, load in loads.items()
        }
        return interleave(
            runs, self.plan(heavier=heavier), chance=self.chance, settle=self.world.settle
        )

    def _runner(self, name: Name, load: Load) -> Callable[[int], Block]:
        subject = self.world.subject(name)
        return lambda calls: subject.run(load, max(calls // _FEWER.get(name, 1), 2))

    def goal(self, name: str, spread: Spread, raw: Mapping[str, object]) -> Row:
        """Judge a measure that has a goal."""
        return goal_row(name, spread, raw, is_quick=self.is_quick)

    def context(
        self,
        name: str,
        spread: Spread,
        raw: Mapping[str, object] | None = None,
        *,
        unit: str = "",
    ) -> Row:
        """Tell a measure that has none."""
        return context_row(name, spread, raw, unit=unit)
