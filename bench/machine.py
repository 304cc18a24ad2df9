"""How the machine is: what else runs on it, and what it takes to make bytes durable."""

from __future__ import annotations

import os
import platform
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

# So much of all processors in use by others before a run, and the run's figures are doubtful.
BUSY_PERCENT = 15.0
_LOOK_SECONDS = 1.0
_PAGE = b"\0" * 8192


@dataclass(frozen=True, slots=True)
class Machine:
    """``busy_percent`` is of all processors, while nothing of ours ran."""

    cpus: int
    python: str
    load_average: float
    busy_percent: float

    @classmethod
    def look(cls) -> Machine:
        """Look for a second; run it when nothing of ours does."""
        return cls(
            cpus=os.cpu_count() or 1,
            python=platform.python_version(),
            load_average=round(os.getloadavg()[0], 2),
            busy_percent=psutil.cpu_percent(_LOOK_SECONDS),
        )

    @property
    def is_busy(self) -> bool:
        return self.busy_percent > BUSY_PERCENT


def children_ns(parent: psutil.Process) -> dict[int, int]:
    """Give for how long each child of a process has run so far, in nanoseconds by its id.

    https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat
    """
    ran = {}
    for child in parent.children():
        # One that ends meanwhile is left out.
        with suppress(OSError):
            ran[child.pid] = int(Path(f"/proc/{child.pid}/schedstat").read_text().split()[0])
    return ran


def fsync_us(folder: Path, *, times: int = 100) -> float:
    """Write and fdatasync 8 KB so often, as Postgres does at a commit; give the median."""
    taken = []
    file = os.open(folder / "fsync", os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        for number in range(times):
            began = time.perf_counter_ns()
            os.pwrite(file, _PAGE, number % 64 * len(_PAGE))
            os.fdatasync(file)
            taken.append(time.perf_counter_ns() - began)
    finally:
        os.close(file)
    return median(taken) / 1000
