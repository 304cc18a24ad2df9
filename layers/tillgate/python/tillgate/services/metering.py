"""When what was counted is stored: with the requests themselves, since nothing else runs.

There is no background thread: Lambda freezes a sandbox between its requests. Where nobody freezes
it, what a burst left behind is flushed in the pause after it (``idle``).
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from tillgate.domain.answered import count_all
from tillgate.domain.errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.domain.answered import Answered
    from tillgate.domain.metrics import Recorder
    from tillgate.domain.ports import MetricsStore
    from tillgate.services.limits import TenantLimits

FLUSH_SECONDS = 2.0
# So many requests are kept as they were until they are counted, one after the other.
KEPT_REQUESTS = 64
# After a pause in which the database gave no answer; HTTP.md promises counts within 60 s.
IDLE_RETRY_SECONDS = 30.0


class Meter:
    """A sandbox's counters, and the way that they take to the database.

    ``clock`` gives seconds, by the wall clock: a frozen sandbox's monotonic one may stand.
    What tenants used of their ``limits`` goes the same way, and what the others used comes back.
    """

    def __init__(
        self,
        recorder: Recorder,
        store: MetricsStore,
        *,
        clock: Callable[[], float],
        limits: TenantLimits | None = None,
    ) -> None:
        self.recorder = recorder
        self._limits = limits
        self._store = store
        self._clock = clock
        # Made at the first flush: sandboxes that came out of one snapshot would share it.
        self._sandbox_id = ""
        self._tried_at: float | None = None
        self._answered: list[Answered] = []

    def answered(self, request: Answered, *, may_store: bool = True) -> bool:
        """Count one request, and flush as ``flush_if_due`` does where it may.

        Raises what counting raises, be it of a request before; no request is counted twice.
        """
        self._answered.append(request)
        if len(self._answered) >= KEPT_REQUESTS:
            self._count()
        return not may_store or self.flush_if_due()

    def flush_if_due(self) -> bool:
        """Flush when the last flush is two seconds old; False when that failed.

        The first request of a sandbox does not, but for one that brought events: it has waited
        for a cold start already, and is counted by the next one. A sender of few events meets a
        new sandbox each time, and would seem to be quiet.
        """
        now = self._clock()
        if self._tried_at is None:
            self._count()
            if self.recorder.activity.has_heard:
                return self.flush()
            self._tried_at = now
        # An age below zero means that the clock was set back.
        if 0 <= now - self._tried_at < FLUSH_SECONDS:
            return True
        return self.flush()

    def idle(self) -> float | None:
        """Flush, between two requests, what the last of them left behind.

        Give in how many seconds to come again; None when nothing is left.
        """
        self._count()
        if not self.recorder.has_counted:
            return None
        age = self._clock() - self._tried_at if self._tried_at is not None else FLUSH_SECONDS
        if 0 <= age < FLUSH_SECONDS:
            return FLUSH_SECONDS - age
        # It puts off no request's flush, which takes along that request itself: a sandbox that is
        # thawed for one may find a pause before it.
        return None if self._store_all() else IDLE_RETRY_SECONDS

    def flush(self) -> bool:
        """Store what is not known to be stored; False when it has to be kept for the next time.

        Never raises for a store that is down. What a call before left unknown goes first, under
        its own number, and what was counted since under the next.
        """
        # A flush that fails is tried again in two seconds, not by every request.
        self._tried_at = self._clock()
        return self._store_all()

    def _store_all(self) -> bool:
        self._count()
        recorder = self.recorder
        for _ in range(2 if recorder.is_repeating else 1):
            increment = (
                recorder.unflushed(self._limits.report) if self._limits else recorder.unflushed()
            )
            if increment is None:
                return True
            if not self._sandbox_id:
                self._sandbox_id = str(uuid.uuid4())
            try:
                answer = self._store.add(self._sandbox_id, increment)
            except UpstreamError:
                return False
            recorder.stored(increment)
            if self._limits is not None and increment.used is not None:
                self._limits.learn(increment.used, answer)
        return True

    def _count(self) -> None:
        """Count the requests that were only kept until now."""
        if self._answered:
            count_all(self.recorder, self._answered)
