"""Batches of 10, 100 and 500, against one raw INSERT of unnested arrays into one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.rounds import Spread
from bench.workload import Load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.stage import Stage
    from bench.world import Name
    from ops.evidence import Row

JUDGED = 500
# How many single events a batch weighs, about.
HEAVIER = {10: 2, 100: 6, JUDGED: 12}


def run(stage: Stage) -> Iterator[Row]:
    for items in [JUDGED] if stage.is_quick else HEAVIER:
        load = Load(items=items)
        names: list[Name] = ["ours", "floor"] if stage.is_quick else ["ours", "floor", "peer"]
        series = stage.side_by_side(dict.fromkeys(names, load), heavier=HEAVIER[items])
        raw = {name: one.raw() for name, one in series.items()}
        # Rows a second by rows a second: the wall times the other way round.
        rate = Spread.ratio(series["floor"].wall_us(), series["ours"].wall_us())
        if items == JUDGED:
            yield stage.goal("batch_ratio", rate, raw)
        else:
            yield stage.context(f"batch.{items}.ratio", rate, raw)
        for name, one in series.items():
            per_second = [items * 1e6 / us for us in one.wall_us()]
            yield stage.context(
                f"batch.{items}.{name}.rows_per_s", Spread.of(per_second), unit="1/s"
            )
