"""What is sent again: a duplicate, a conflict, and a batch of duplicates.

The floor beside them still inserts a new row: no more can be asked of a duplicate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.suites.comparison import compared
from bench.workload import Load, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.stage import Stage
    from ops.evidence import Row


def run(stage: Stage) -> Iterator[Row]:
    for outcome in (Outcome.DUPLICATE, Outcome.CONFLICT):
        again = Load(outcome=outcome)
        yield from compared(
            stage, f"outcome.{outcome}", {"ours": again, "floor": Load(), "peer": again}, heavier=2
        )
    again = Load(items=100, outcome=Outcome.DUPLICATE)
    yield from compared(
        stage,
        "outcome.duplicate_100",
        {"ours": again, "floor": Load(items=100), "peer": again},
        heavier=8,
    )
