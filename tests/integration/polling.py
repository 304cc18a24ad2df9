"""Waiting for a condition, with a deadline: what tests do instead of sleeping."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PAUSE = threading.Event()
_LONGEST_PAUSE = 0.5


def until(condition: Callable[[], object], *, what: str, within_seconds: float = 20) -> None:
    """Return as soon as ``condition`` holds; fail, naming ``what``, when it does not in time.

    It is looked at every 5 ms, or a quarter of the time if a look takes longer: what is waited
    for needs the processor too.
    """
    deadline = time.monotonic() + within_seconds
    while True:
        began = time.monotonic()
        if condition():
            return
        now = time.monotonic()
        if now > deadline:
            raise AssertionError(f"after {within_seconds} s still not: {what}")
        pause(min(max(0.005, 3 * (now - began)), _LONGEST_PAUSE))


def pause(seconds: float) -> None:
    """Let time pass, where the instant itself is what a test is about."""
    _PAUSE.wait(seconds)
