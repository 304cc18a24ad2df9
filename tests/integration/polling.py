"""Waiting for a condition, with a deadline: what tests do instead of sleeping."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PAUSE = threading.Event()


def until(condition: Callable[[], object], *, what: str, within_seconds: float = 20) -> None:
    """Return as soon as ``condition`` holds; fail, naming ``what``, when it does not in time."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {within_seconds} s still not: {what}")
        pause(0.005)


def pause(seconds: float) -> None:
    """Let time pass, where the instant itself is what a test is about."""
    _PAUSE.wait(seconds)
