"""What is left of the time that one request may take, whatever it waits for."""

from __future__ import annotations

import time


class TimeBudget:
    """Begun with every request; each wait is cut to what is left. Unlimited until begun."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends_at = float("inf")

    def begin(self, *, seconds: float | None = None) -> None:
        """Begin it anew, with another length where this request's is another."""
        self._ends_at = time.monotonic() + (self._seconds if seconds is None else seconds)

    def __call__(self) -> float:
        """Give the seconds left; none or fewer when it is used up."""
        return self._ends_at - time.monotonic()
