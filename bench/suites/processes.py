"""1 to 16 sandboxes at once, each a process that sends as fast as it is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.pgbench import PgBench
from bench.rounds import Spread, rounded
from bench.workload import Load
from ops.evidence import percentile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.rounds import Block
    from bench.stage import Stage
    from bench.subjects.process import SubjectProcess
    from ops.evidence import Row

COUNTS = (1, 2, 4, 8, 16)
SECONDS = 1.0
# More than one process is answered in that time.
_MOST_CALLS = 2500


def run(stage: Stage) -> Iterator[Row]:
    sandboxes = [stage.world.fresh("ours") for _ in range(max(COUNTS))]
    floors = [stage.world.fresh("floor") for _ in range(max(COUNTS))]
    pgbench = PgBench(stage.world)
    for one in (*sandboxes, *floors):
        one.run(Load(), 20)
    for count in COUNTS:
        found: dict[str, list[tuple[float, float]]] = {"ours": [], "floor": [], "pgbench": []}
        for _ in range(stage.rounds or 5):
            for name in stage.chance.sample(list(found), len(found)):
                if name == "pgbench":
                    found[name].append(pgbench.run(clients=count, seconds=SECONDS))
                else:
                    crowd = sandboxes if name == "ours" else floors
                    found[name].append(_together(crowd[:count]))
        yield from _rows(stage, count, found)
    for one in (*sandboxes, *floors):
        one.close()


def _together(crowd: Sequence[SubjectProcess]) -> tuple[float, float]:
    """Let them all begin at once; give events a second and the 95th percentile in ms."""
    for one in crowd:
        one.hold(Load(), _MOST_CALLS, seconds=SECONDS)
    for one in crowd:
        one.go()
    blocks: list[Block] = [one.finish() for one in crowd]
    wall_ns = [ns for block in blocks for ns in block.wall_ns]
    # Each by its own time: the last may have been let go a moment after the first.
    per_second = sum(len(block.wall_ns) / (sum(block.wall_ns) / 1e9) for block in blocks)
    return per_second, (percentile(wall_ns, 0.95) or 0.0) / 1e6


def _rows(stage: Stage, count: int, found: dict[str, list[tuple[float, float]]]) -> Iterator[Row]:
    title = f"processes.{count}"
    rates = {name: [rate for rate, _ in rounds] for name, rounds in found.items()}
    for name, rounds in found.items():
        yield stage.context(
            f"{title}.{name}_per_s",
            Spread.of(rates[name]),
            {"p95_ms": rounded(Spread.of([p95 for _, p95 in rounds]).value)},
            unit="1/s",
        )
    for other in ("floor", "pgbench"):
        yield stage.context(f"{title}.{other}_ratio", Spread.ratio(rates["ours"], rates[other]))
