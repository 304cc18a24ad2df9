"""Where accept's time goes: a flame graph, and the stacks that it was drawn from."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from typing import TYPE_CHECKING

from bench.workload import Load
from bench.world import BENCH_PYTHON, ROOT, BenchError, World

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SECONDS = 10
STACKS = ROOT / "build/accept.stacks"
FLAMES = ROOT / "build/accept.svg"
# Samples a second; a call takes about one millisecond.
_RATE = 500
_CALL_ONCE = "HandlerSubject.call (bench/subjects/handler.py"


def record() -> list[Path]:
    """Sample an ingest process under single events, by the wall, waiting included."""
    py_spy = BENCH_PYTHON.with_name("py-spy")
    if not py_spy.exists():
        raise BenchError(f"{py_spy} is missing: run `make bench`")
    written = []
    with World() as world:
        subject = world.subject("ours")
        subject.run(Load(), 200)
        for shape, path in (("flamegraph", FLAMES), ("raw", STACKS)):
            sampler = subprocess.Popen(
                [
                    # The page's title is this command: no path of this machine in it.
                    str(py_spy.relative_to(ROOT)), "record", "--pid", str(subject.pid),
                    "--format", shape, "--output", str(path.relative_to(ROOT)),
                    "--rate", str(_RATE), "--duration", str(SECONDS), "--idle", "--native",
                ],
                cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            ends = time.monotonic() + SECONDS + 1
            while time.monotonic() < ends and sampler.poll() is None:
                subject.run(Load(), 100)
            if sampler.wait() != 0:
                raise BenchError("py-spy could not sample: it needs the right to trace processes")
            written.append(path)
    return written


def shares(stacks: Iterable[str]) -> list[tuple[str, float]]:
    """Give each Python function's share of the time of a call, what it called included.

    ``stacks`` are py-spy's: frames parted by semicolons, then how often they were seen.
    """
    inside: Counter[str] = Counter()
    total = 0
    for line in stacks:
        stack, _, samples = line.rpartition(" ")
        frames = stack.split(";")
        place = next((n for n, frame in enumerate(frames) if frame.startswith(_CALL_ONCE)), None)
        if place is None:
            continue
        total += int(samples)
        # Functions, not lines; native frames have no Python file.
        functions = {frame.partition(":")[0] for frame in frames[place + 1 :] if ".py:" in frame}
        inside.update(dict.fromkeys(functions, int(samples)))
    return [(f"{name})", count / total) for name, count in inside.most_common()]
