"""Putting on the queues, each second, what is due for delivery and what is redriven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tillgate.domain.errors import QueueUnavailableError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tillgate.domain.ports import DeliveryQueue, DueDeliveries

# Claimed in one transaction, which is open until they are queued.
CLAIMED_AT_ONCE = 500
# Of the redrives together, in one look: as many as the fastest of them moves in a second.
REDRIVEN_AT_ONCE = 1_000
# What the queue takes in one call, were each of another tenant: no step is smaller.
LEAST_AT_ONCE = 10
# Twice as much as was queued in so long is queued well within what a put may take.
QUICK_SECONDS = 2.0
LOOK_EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class QueueReport:
    """How many deliveries and dead letters were queued, and how often a look at either failed."""

    queued: int
    redriven: int
    queue_failures: int
    store_failures: int


class Feed:
    """A queue, and what is to be put on it, at most ``at_most`` at once.

    A step is remembered as a whole or not at all, so each has to end in time, however slow the
    queue is: after one that failed the next is a fifth of it, and after a full one that was
    quick, double. ``clock`` gives seconds, monotonic.
    """

    def __init__(
        self,
        due: DueDeliveries,
        queue: DeliveryQueue,
        at_most: int,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._due = due
        self._queue = queue
        self._at_most = at_most
        self._size = at_most
        self._clock = clock

    def drain(self, may_begin: Callable[[], bool]) -> Iterator[int]:
        """Step until less than a full step is left; give how many each step queued.

        Raises QueueUnavailableError and StoreUnavailableError. What the queue took in the step
        that failed comes again.
        """
        while True:
            size = self._size
            count = self._step(size)
            yield count
            if count < size or not may_begin():
                return

    def _step(self, size: int) -> int:
        began = self._clock()
        try:
            with self._due.claim(at_most=size) as deliveries:
                if deliveries:
                    self._queue.put(deliveries)
        except (QueueUnavailableError, StoreUnavailableError):
            self._size = min(max(size // 5, LEAST_AT_ONCE), self._at_most)
            raise
        # Fewer tell nothing of how long a full step would take.
        if len(deliveries) >= size and self._clock() - began <= QUICK_SECONDS:
            self._size = min(size * 2, self._at_most)
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

        A look that fails is tried again in a second. Where the last one at either feed failed,
        QueueUnavailableError or StoreUnavailableError is raised at the end.
        """
        looks = _Looks(lambda: self._clock() <= until and not self._is_stopping())
        while True:
            looked_at = self._clock()
            # What is new goes before what waited for days.
            if looks.at(self._deliveries) and looks.may_begin():
                looks.at(self._redrives)
            # The last look is at the very end: nobody looks until the next run begins.
            next_look = min(looked_at + LOOK_EVERY_SECONDS, until)
            now = self._clock()
            if looked_at >= until or not looks.may_begin():
                break
            self._pause(max(next_look - now, 0))
            if self._is_stopping():
                break
        for failure in looks.failures.values():
            raise failure
        return QueueReport(
            looks.queued.get(self._deliveries, 0),
            looks.queued.get(self._redrives, 0),
            looks.queue_failures,
            looks.store_failures,
        )


class _Looks:
    """What has come of one run's looks; ``failures`` has the feeds whose last look failed."""

    def __init__(self, may_begin: Callable[[], bool]) -> None:
        self.may_begin = may_begin
        self.queued: dict[Feed, int] = {}
        self.failures: dict[Feed, QueueUnavailableError | StoreUnavailableError] = {}
        self.queue_failures = 0
        self.store_failures = 0

    def at(self, feed: Feed) -> bool:
        """Queue what a feed has now; tell whether that went well."""
        self.failures.pop(feed, None)
        try:
            for count in feed.drain(self.may_begin):
                self.queued[feed] = self.queued.get(feed, 0) + count
        except QueueUnavailableError as error:
            self.queue_failures += 1
            self.failures[feed] = error
        except StoreUnavailableError as error:
            self.store_failures += 1
            self.failures[feed] = error
        return feed not in self.failures
