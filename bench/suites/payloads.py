"""Single new events whose data is of 4, 64 and 600 KB; half a kilobyte is accept's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.suites.comparison import compared
from bench.workload import Load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.stage import Stage
    from ops.evidence import Row

# Kilobytes, and how many small events one of them weighs, about.
HEAVIER = {4: 1, 64: 3, 600: 12}


def run(stage: Stage) -> Iterator[Row]:
    for kilobytes, heavier in HEAVIER.items():
        load = Load(kilobytes=kilobytes)
        yield from compared(
            stage,
            f"payload.{kilobytes}kb",
            {"ours": load, "floor": load, "peer": load},
            heavier=heavier,
        )
