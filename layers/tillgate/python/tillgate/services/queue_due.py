"""Putting on the queues, each second, what is due for delivery and what is redriven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tillgate.domain.errors import QueueUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tillgate.domain.ports import DeliveryQueue, DueDeliveries

# Claimed in one transaction, which is open until they are queued.
CLAIMED_AT_ONCE = 500
# Of the redrives together, in one look: as many as the fastest of them moves in a second.
REDRIVEN_AT_ONCE = 1_000
LOOK_EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class QueueReport:
    """How many deliveries and dead letters were queued, and how often the queue took none."""

    queued: int
    redriven: int
    queue_failures: int


@dataclass(frozen=True, slots=True)
class Feed:
    """A queue, and what is to be put on it, ``at_most`` so many at once."""

    due: DueDeliveries
    queue: DeliveryQueue
    at_most: int

    def step(self) -> int:
        """Queue what is due, and give how many. Raises what its parts do, and then queued none.

        None that is remembered, that is: what the queue took before it failed comes again.
        """
        with self.due.claim(at_most=self.at_most) as deliveries:
            if deliveries:
                self.queue.put(deliveries)
        return len(deliveries)


class QueueDue:
    """Looks each second. Two that do so at once share what there is.

    ``clock`` gives seconds, monotonic; ``pause`` lets so many pass, or less where
    ``is_stopping`` says yes meanwhile: then nothing more is begun.
    """

    def __init__(
        self,
        *,
        deliveries: Feed,
        redrives: Feed,
        clock: Callable[[], float],
        pause: Callable[[float], None],
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._deliveries = deliveries
        self._redrives = redrives
        self._clock = clock
        self._pause = pause
        self._is_stopping = is_stopping

    def run(self, *, until: float) -> QueueReport:
        """Look at least once, and begin nothing after ``until`` (of the clock), or at a stop.

        Raises StoreUnavailableError at once. A queue that fails is tried again in a second;
        QueueUnavailableError is raised where it failed to the end.
        """
        queued = redriven = failures = 0
        while True:
            looked_at = self._clock()
            failed: QueueUnavailableError | None = None
            try:
                for count in self._drain(self._deliveries, until):
                    queued += count
                # What is new goes before what waited for days.
                if self._may_begin(until):
                    for count in self._drain(self._redrives, until):
                        redriven += count
            except QueueUnavailableError as error:
                failed = error
                failures += 1
            # The last look is at the very end: nobody looks until the next run begins.
            next_look = min(looked_at + LOOK_EVERY_SECONDS, until)
            now = self._clock()
            if looked_at >= until or not self._may_begin(until):
                break
            self._pause(max(next_look - now, 0))
            if self._is_stopping():
                break
        if failed is not None:
            raise failed
        return QueueReport(queued, redriven, failures)

    def _drain(self, feed: Feed, until: float) -> Iterator[int]:
        """Step until less than a full step is left; give how many each step queued."""
        while True:
            count = feed.step()
            yield count
            if count < feed.at_most or not self._may_begin(until):
                return

    def _may_begin(self, until: float) -> bool:
        return self._clock() <= until and not self._is_stopping()
