"""What every subject's process does: make calls ready, make them, say what they took.

Standard library only: the peer's process has other packages. One JSON object a line: a job
comes in, ``{"wall_ns": [...], "cpu_ns": n, "peak_kb": n}`` goes out. Making calls ready and
judging the answers is outside of what is measured. ``{"ask": call}`` gives the answer itself.
"""

from __future__ import annotations

import gc
import io
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO, TypeVar

from bench.workload import Load, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

CallT = TypeVar("CallT")


class Subject(Protocol[CallT]):
    """What is measured: ``call`` alone is timed."""

    def prepare(self, load: Load, calls: int) -> tuple[Sequence[CallT], Sequence[CallT]]:
        """Give what is sent first and not measured, and what is measured."""

    def call(self, prepared: CallT) -> Any:  # noqa: ANN401  Whatever it answers; only ``check`` reads it.
        """Do it once."""

    def check(self, load: Load, answer: Any) -> None:  # noqa: ANN401  As above.
        """Raise AssertionError where that is not what such a call is answered."""


class _Unbuffered(io.TextIOBase):
    """Standard output as Lambda's runtime sets it up: every write is flushed at once.

    https://github.com/aws/aws-lambda-python-runtime-interface-client
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        written = self._stream.write(text)
        self._stream.flush()
        return written

    def flush(self) -> None:
        self._stream.flush()


def log_to_nowhere() -> TextIO:
    """Send what is printed to the null device, each line by its own system call.

    Gives the stream that standard output was.
    """
    told = os.fdopen(os.dup(1), "w", buffering=1)
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.close(sink)
    sys.stdout = _Unbuffered(sys.stdout)
    return told


def serve(subject: Subject[CallT], told: TextIO) -> None:
    """Do jobs until there are no more."""
    for line in sys.stdin:
        job = json.loads(line)
        if "ask" in job:
            told.write(json.dumps(subject.call(job["ask"])) + "\n")
            continue
        load = Load(**{**job["load"], "outcome": Outcome(job["load"]["outcome"])})
        first, calls = subject.prepare(load, job["calls"])
        for call in first:
            subject.call(call)
        if job.get("hold"):
            told.write('{"ready": true}\n')
            sys.stdin.readline()
        measured, answers = _measure(subject, calls, seconds=job.get("seconds"))
        for answer in answers:
            subject.check(load, answer)
        told.write(json.dumps({**measured, "peak_kb": _peak_kb()}) + "\n")
        told.flush()


def _measure(
    subject: Subject[CallT], calls: Sequence[CallT], *, seconds: float | None
) -> tuple[dict[str, Any], list[Any]]:
    answers: list[Any] = []
    wall: list[int] = []
    clock, call_once = time.perf_counter_ns, subject.call
    ends = clock() + int(seconds * 1e9) if seconds is not None else None
    # What was made ready here is not the subject's to collect.
    gc.freeze()
    cpu_began = time.process_time_ns()
    for call in calls:
        began = clock()
        answer = call_once(call)
        ended = clock()
        wall.append(ended - began)
        answers.append(answer)
        if ends is not None and ended > ends:
            break
    cpu_ns = time.process_time_ns() - cpu_began
    gc.unfreeze()
    return {"wall_ns": wall, "cpu_ns": cpu_ns}, answers


def _peak_kb() -> int:
    """Give the most memory this process ever held (resident), by its own account.

    Not getrusage's, which begins with what the parent held.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise RuntimeError("this kernel does not tell VmHWM")
