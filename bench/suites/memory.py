"""The most memory that an ingest process ever holds: small events, a batch of 500, 600 KB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.rounds import Spread
from bench.workload import Load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.stage import Stage
    from bench.world import Name
    from ops.evidence import Row

LOADS = {"small": Load(), "batch_500": Load(items=500), "600kb": Load(kilobytes=600)}
# As Lambda does, one event at a time is in memory: what is made ready counts too.
TIMES = {"small": 100, "batch_500": 3, "600kb": 20}


def run(stage: Stage) -> Iterator[Row]:
    ours = _peaks(stage, "ours")
    raw = {f"after_{name}": round(megabytes, 1) for name, megabytes in ours.items()}
    yield stage.goal("peak_memory_mb", Spread.of([max(ours.values())]), raw)
    if not stage.is_quick:
        for name in ("floor", "peer"):
            peaks = _peaks(stage, name)
            yield stage.context(
                f"memory.{name}_mb", Spread.of([max(peaks.values())]), peaks, unit="MB"
            )


def _peaks(stage: Stage, name: Name) -> dict[str, float]:
    with stage.world.fresh(name) as subject:
        return {
            title: max(subject.run(load, 1).peak_kb for _ in range(TIMES[title])) / 1024
            for title, load in LOADS.items()
        }
