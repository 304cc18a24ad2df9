"""What every operation takes with 5 million events behind it, over what it takes with 50,000.

The databases are on one server and have the same tenants, and as many events a day: more of
them means a longer history. Calls go through the adapters, under the functions' own roles.
"""

from __future__ import annotations

import gc
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.growing import OPERATIONS
from bench.rounds import Block, Spread, interleave
from bench.seeded import seeded_databases, settings
from bench.seeding import Seed
from bench.suites.judged import judged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.growing import Calls, Operation
    from bench.rounds import Plan
    from bench.seeded import SeededDatabase
    from bench.stage import Stage
    from ops.evidence import Row

# The smallest first, the largest last: their ratio is judged.
SEEDS = {
    "50k": Seed(events=50_000, days=1),
    "500k": Seed(events=500_000, days=10),
    "5m": Seed(events=5_000_000, days=100),
}
QUICK_SEEDS = {
    "10k": Seed(events=10_000, days=1),
    "100k": Seed(events=100_000, days=10),
}


def run(stage: Stage) -> Iterator[Row]:
    plans = QUICK_SEEDS if stage.is_quick else SEEDS
    with (
        TemporaryDirectory(prefix="tillgate-growth-", dir="/tmp") as folder,
        seeded_databases(Path(folder), plans, say=print) as made,
    ):
        yield from rows(stage, made)


def rows(stage: Stage, made: Mapping[str, SeededDatabase]) -> Iterator[Row]:
    """Measure each operation on all the databases in turns."""
    told = {name: settings(one) for name, one in made.items()}
    for name, one in made.items():
        rate = Spread.of([one.seeded.per_second])
        yield stage.context(f"growth.seeding.{name}.rows_per_s", rate, unit="1/s")
    titles = list(made)
    for name, operation in OPERATIONS.items():
        if stage.is_quick and operation.goal is None:
            continue
        runs = {title: Caller(operation.calls(one)) for title, one in made.items()}
        series = interleave(runs, _plan(stage, operation), chance=stage.chance)
        ratio = Spread.ratio(series[titles[-1]].wall_us(), series[titles[0]].wall_us())
        raw = {title: {**told[title], **one.raw()} for title, one in series.items()}
        yield judged(f"growth_{name}", ratio, raw, goal=operation.goal, is_quick=stage.is_quick)
        for title, one_series in series.items():
            wall = Spread.of(one_series.wall_us())
            yield stage.context(f"growth.{name}.{title}.wall_us", wall, unit="us")


def _plan(stage: Stage, operation: Operation) -> Plan:
    plan = stage.plan(heavier=operation.heavier or 1)
    if stage.is_quick:
        # Half of the time goes into seeding as it is.
        plan = replace(plan, rounds=min(plan.rounds, 3))
    return plan if operation.heavier else replace(plan, blocks=1, calls=1, warm_up=2)


class Caller:
    """Makes an operation's calls in turn, and times them alone."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._next = next(calls)

    def __call__(self, times: int) -> Block:
        wall_ns, cpu_ns = [], 0
        # What was read long ago is not this call's to collect.
        gc.freeze()
        for _ in range(times):
            cpu_began, began = time.process_time_ns(), time.perf_counter_ns()
            answer = self._next()
            wall_ns.append(time.perf_counter_ns() - began)
            cpu_ns += time.process_time_ns() - cpu_began
            self._next = self._calls.send(answer)
        gc.unfreeze()
        return Block(wall_ns, cpu_ns)
