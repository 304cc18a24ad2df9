"""How the stand-in for Supabase misbehaves when it is told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeAlias

# A dripped byte comes often enough for any time-out of a single read.
DRIP_SECONDS = 0.2
# The longest that a connection is held that nobody closes.
HOLD_SECONDS = 120.0
GARBAGE = b"\x16\x03\x01\x00\xff not HTTP at all \r\n\r\n\x00"
PAGE = b"<!doctype html><title>One moment</title><p>We are back soon.</p>"

Write: TypeAlias = Callable[[bytes], None]


class FaultKind(StrEnum):
    STATUS = "status"  # an answer of PostgREST's shape, with a status of choice
    PAGE = "page"  # 200, and a page for people
    HANG = "hang"  # no answer
    GARBAGE = "garbage"  # an answer that is not HTTP
    DRIP = "drip"  # the right answer, a byte at a time
    CUT = "cut"  # half of the right answer, and the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """``stores``: what was sent is stored nevertheless, so that a repeat meets it.

    It is over after ``seconds``, or ``requests``; with neither, when it is lifted.
    """

    kind: FaultKind
    status: int = 500
    retry_after: str | None = None
    stores: bool = False
    seconds: float | None = None
    requests: int | None = None


@dataclass(slots=True)
class Faults:
    """Which project misbehaves at the moment, and how. For several threads."""

    _faults: dict[str, tuple[Fault, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def set(self, project: str, fault: Fault | None) -> None:
        with self._lock:
            self._faults.pop(project, None)
            if fault is not None:
                self._faults[project] = (fault, time.monotonic())

    def take(self, project: str) -> Fault | None:
        """Give the fault that the next request meets, and count it."""
        with self._lock:
            fault, since = self._faults.get(project, (None, 0.0))
            if fault is None:
                return None
            is_late = fault.seconds is not None and time.monotonic() - since >= fault.seconds
            if is_late or fault.requests == 0:
                del self._faults[project]
                return None
            if fault.requests is not None:
                self._faults[project] = (replace(fault, requests=fault.requests - 1), since)
            return fault


def misbehave(fault: Fault, answer: bytes, write: Write, *, stopped: threading.Event) -> None:
    """Give, in place of ``answer``, what the fault says; the connection is closed after that.

    Raises OSError when the other side has gone.
    """
    match fault.kind:
        case FaultKind.HANG:
            stopped.wait(HOLD_SECONDS)
        case FaultKind.GARBAGE:
            write(GARBAGE)
        case FaultKind.CUT:
            write(answer[: len(answer) // 2])
        case FaultKind.DRIP:
            for byte in answer:
                write(bytes([byte]))
                if stopped.wait(DRIP_SECONDS):
                    return
        case FaultKind.STATUS | FaultKind.PAGE:
            write(answer)
