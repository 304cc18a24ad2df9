"""``python -m bench [--quick] [--only accept,cold] [--rounds 9]``: measure, judge, tell.

Ends with 1 when a goal does not hold. ``python -m bench flames`` draws where the time goes.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from bench import flames, report
from bench.machine import Machine
from bench.stage import Stage
from bench.suites import QUICK, SUITES
from bench.world import BenchError, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.evidence import Row


def measure(names: Sequence[str], *, is_quick: bool, rounds: int | None) -> list[Row]:
    """Run these suites in one world; give all their rows."""
    rows: list[Row] = []
    with World() as world:
        stage = Stage(world, is_quick=is_quick, rounds=rounds)
        for name in names:
            began = time.monotonic()
            found = list(SUITES[name](stage))
            if is_quick and not all(row.holds for row in found):
                # Noise passes, and a regression does not.
                found = list(SUITES[name](stage))
            rows += found
            print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    return rows


def draw_flames() -> int:
    """Sample ingest under single events; print the functions that take the most."""
    try:
        written = flames.record()
    except BenchError as error:
        print(error, file=sys.stderr)
        return 2
    for name, share in flames.shares(flames.STACKS.read_text().splitlines())[:40]:
        print(f"{share:6.1%}  {name}")
    print("\n".join(map(str, written)))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "what", nargs="?", choices=["measure", "flames"], default="measure",
        help="flames: draw where a single event's time goes",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="less of it, beside other work")
    parser.add_argument("--only", help=f"of {', '.join(SUITES)}")
    parser.add_argument("--rounds", type=int, help="measure so many")
    options = parser.parse_args(arguments)
    if options.what == "flames":
        return draw_flames()
    everything = QUICK if options.quick else tuple(SUITES)
    names = options.only.split(",") if options.only else everything
    if unknown := set(names) - set(SUITES):
        parser.error(f"no suite is called {', '.join(sorted(unknown))}")
    before = Machine.look()
    try:
        rows = measure(names, is_quick=options.quick, rounds=options.rounds)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 2
    machine = report.machine_row(before, Machine.look())
    code = report.conclude(rows, machine, name="bench_quick" if options.quick else "bench")
    if not options.quick and (drawn := report.plot()):
        print(drawn)
    return code


if __name__ == "__main__":
    sys.exit(main())
