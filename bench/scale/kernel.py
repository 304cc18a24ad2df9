"""A discrete-event simulation in a few lines: a clock, servers that are waited for, a log.

Processes are generators. One that gives seconds is resumed after them; one that gives None
has been parked with whatever it waits for, which resumes it.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

    Process = Generator[float | None, None, None]

# On a machine's own cores nobody computes for longer while another waits.
SLICE_SECONDS = 0.0005


class Simulation:
    """``now`` is in seconds from the start."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Process]] = []
        self._count = 0
        self._current: Process | None = None

    @property
    def current(self) -> Process:
        """Give the process that is running, for whoever parks it."""
        if self._current is None:
            raise RuntimeError("no process is running")
        return self._current

    def start(self, process: Process, *, after: float = 0.0) -> None:
        """Begin or resume a process; those due at the same time go in the order of this call."""
        self._count += 1
        heapq.heappush(self._due, (self.now + after, self._count, process))

    def run(self) -> None:
        """Go on until nothing is due any more."""
        while self._due:
            self.now, _, process = heapq.heappop(self._due)
            self._current = process
            wait = next(process, -1.0)
            if wait is not None and wait >= 0:
                self.start(process, after=wait)
        self._current = None


class Servers:
    """So many that serve one at a time each; whoever finds none free waits in line."""

    def __init__(self, simulation: Simulation, count: int, *, is_sliced: bool = False) -> None:
        self._simulation = simulation
        self._free = count
        self._is_sliced = is_sliced
        self._waiting: deque[Process] = deque()

    def use(self, seconds: float) -> Process:
        """Take one, for so long; sliced, the line is joined again after each slice."""
        while seconds > 0:
            part = min(seconds, SLICE_SECONDS) if self._is_sliced else seconds
            yield from self.take()
            yield part
            self.give_back()
            seconds -= part

    def take(self) -> Process:
        if self._free:
            self._free -= 1
            return
        self._waiting.append(self._simulation.current)
        yield None

    def give_back(self) -> None:
        if self._waiting:
            self._simulation.start(self._waiting.popleft())
        else:
            self._free += 1


class CommitLog:
    """Makes commits durable: one flush at a time, with all that waited when it began.

    That is what Postgres' XLogFlush does with one write-ahead log: under load a flush
    serves many commits. ``flushes`` counts them.
    """

    def __init__(self, simulation: Simulation, flush_seconds: float) -> None:
        self._simulation = simulation
        self._flush_seconds = flush_seconds
        self._waiting: list[Process] = []
        self._is_flushing = False
        self.flushes = 0

    def commit(self) -> Process:
        if self._flush_seconds <= 0:
            return
        self._waiting.append(self._simulation.current)
        if not self._is_flushing:
            self._is_flushing = True
            self._simulation.start(self._flush())
        yield None

    def _flush(self) -> Process:
        while self._waiting:
            served, self._waiting = self._waiting, []
            yield self._flush_seconds
            self.flushes += 1
            for process in served:
                self._simulation.start(process)
        self._is_flushing = False
