"""Ours beside whatever stands beside it, as rows that are held to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.rounds import Spread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.stage import Stage
    from bench.workload import Load
    from bench.world import Name
    from ops.evidence import Row


def compared(
    stage: Stage, title: str, loads: Mapping[Name, Load], *, heavier: int = 1
) -> Iterator[Row]:
    """Measure side by side; give what ours takes, and its ratio to each of the others."""
    series = stage.side_by_side(loads, heavier=heavier)
    ours = series.pop("ours")
    raw = ours.raw()
    yield stage.context(f"{title}.wall_us", Spread.of(ours.wall_us()), {"ours": raw}, unit="us")
    yield stage.context(f"{title}.cpu_us", Spread.of(ours.cpu_us()), {"ours": raw}, unit="us")
    for name, other in series.items():
        wall = Spread.ratio(ours.wall_us(), other.wall_us())
        cpu = Spread.ratio(ours.cpu_us(), other.cpu_us())
        yield stage.context(f"{title}.{name}_wall_ratio", wall, {name: other.raw()})
        yield stage.context(f"{title}.{name}_cpu_ratio", cpu)
