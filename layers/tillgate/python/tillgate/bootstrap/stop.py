"""That a sandbox is to stop, as the work that nobody waits for hears of it."""

from __future__ import annotations

from contextlib import suppress
from queue import Empty, SimpleQueue


class Stop:
    """Once it is asked for, it stays so.

    ``ask`` may be called by a signal's handler in the thread that pauses. threading.Event may
    not: its set() waits for a lock that the wait below it may hold. SimpleQueue's put() does
    not wait. https://docs.python.org/3/library/queue.html#simplequeue-objects
    """

    def __init__(self) -> None:
        self._is_asked = False
        self._told: SimpleQueue[None] = SimpleQueue()

    def ask(self) -> None:
        """End the pause that there is, and every later one at once. Idempotent."""
        self._is_asked = True
        self._told.put(None)

    def is_asked(self) -> bool:
        return self._is_asked

    def pause(self, seconds: float) -> None:
        """Let so many pass, or less."""
        if not self._is_asked:
            with suppress(Empty):
                self._told.get(timeout=seconds)
