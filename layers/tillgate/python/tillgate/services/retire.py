"""What goes by its age, and tenants that are erased: a little at a time, while nobody looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.retention import Dropped

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from tillgate.domain.retention import Retirement

Step = TypeVar("Step")

# Nobody finds an event without its delivery, so that goes first.
PARENTS = ("delivery", "attempt", "event")
_TRIES = 3
# Some tens of milliseconds each, where they are of the usual size.
_EVENTS_AT_ONCE = 1_000
_LEAST_AT_ONCE = 2
# A step's own deadline; none is begun in a run's last ten seconds.
_ONE_STEP_SECONDS = 10.0
# A failure after so long is the deadline's: there was too much to do.
_TOO_LONG_SECONDS = 0.9 * _ONE_STEP_SECONDS
_RUN_SECONDS = 25.0
# Keys have weeks, and are read from the disk: they take no more of a minute than this.
_KEYS_SECONDS = 5.0
# Days end once a day; asking each minute would ask for nothing.
_LOOK_AGAIN_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class RetireReport:
    """``partitions_busy``: whose lock was not to be had; the next run tries again.

    ``is_retired`` is False when there was no time for all whose time is over, ``is_erased``
    likewise of tenants that are erased.
    """

    partitions_dropped: int = 0
    partitions_busy: int = 0
    events_retired: int = 0
    is_retired: bool = True
    keys_retired: int = 0
    redrives_discarded: int = 0
    audit_years_dropped: int = 0
    events_erased: int = 0
    quarantine_erased: int = 0
    is_erased: bool = True


class Retire:
    """Idempotent, each step for good: what one run missed, the next one does.

    ``default_days`` is the stage's retention; ``clock`` gives seconds, monotonic; once
    ``is_stopping`` says yes, no step is begun.
    """

    def __init__(
        self,
        store: Retirement,
        *,
        default_days: int,
        clock: Callable[[], float],
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._default_days = default_days
        self._clock = clock
        self._is_stopping = is_stopping
        self._look_at = clock()
        self._at_once = _EVENTS_AT_ONCE
        self._last_begin = 0.0

    def run(self) -> RetireReport:
        """Erase first, which somebody waits for. Raises StoreUnavailableError."""
        began = self._clock()
        self._last_begin = began + _RUN_SECONDS - _ONE_STEP_SECONDS
        erased, set_aside, is_erased = self._erase()
        if began < self._look_at:
            return RetireReport(
                events_erased=erased, quarantine_erased=set_aside, is_erased=is_erased
            )
        dropped, busy, is_looked_through = self._drop_days()
        retired, is_retired = self._retire_events()
        keys, are_keys_seen = self._retire_keys()
        if is_looked_through and is_retired and are_keys_seen and not busy:
            self._look_at = self._clock() + _LOOK_AGAIN_SECONDS
        return RetireReport(
            partitions_dropped=dropped,
            partitions_busy=busy,
            events_retired=retired,
            is_retired=is_looked_through and is_retired,
            keys_retired=keys,
            redrives_discarded=self._store.discard_old_redrives() if self._may_begin() else 0,
            audit_years_dropped=self._store.drop_old_audit() if self._may_begin() else 0,
            events_erased=erased,
            quarantine_erased=set_aside,
            is_erased=is_erased,
        )

    def _may_begin(self, last_begin: float | None = None) -> bool:
        before = self._last_begin if last_begin is None else min(last_begin, self._last_begin)
        return self._clock() <= before and not self._is_stopping()

    def _erase(self) -> tuple[int, int, bool]:
        events = set_aside = 0
        while self._may_begin():
            step = self._in_time(lambda: self._store.erase(at_most=self._at_once))
            if step is None:
                continue
            events, set_aside = events + step[0], set_aside + step[1]
            if step[2]:
                return events, set_aside, True
        return events, set_aside, False

    def _drop_days(self) -> tuple[int, int, bool]:
        """Give how many were dropped, how many could not be, and whether there was time for all."""
        dropped = busy = 0
        if not self._may_begin():
            return 0, 0, False
        for day in self._store.days_over(default_days=self._default_days):
            for parent in PARENTS:
                if not self._may_begin():
                    return dropped, busy, False
                outcome = self._dropped(parent, day)
                dropped += outcome is Dropped.DROPPED
                busy += outcome is Dropped.BUSY
                if outcome in {Dropped.BUSY, Dropped.KEPT}:
                    break
        return dropped, busy, True

    def _dropped(self, parent: str, day: date) -> Dropped:
        """Queue for the lock afresh each time, so that who waits behind us gets on between."""
        outcome = Dropped.BUSY
        for _ in range(_TRIES):
            outcome = self._store.drop_partition(parent, day, default_days=self._default_days)
            if outcome is not Dropped.BUSY:
                break
        return outcome

    def _retire_events(self) -> tuple[int, bool]:
        total = 0
        while self._may_begin():
            step = self._in_time(
                lambda: self._store.retire_events(
                    default_days=self._default_days, at_most=self._at_once
                )
            )
            if step is None:
                continue
            total += step[0]
            if step[1]:
                return total, True
        return total, False

    def _retire_keys(self) -> tuple[int, bool]:
        total, last_begin = 0, self._clock() + _KEYS_SECONDS
        while self._may_begin(last_begin):
            keys, is_done = self._store.retire_keys(default_days=self._default_days)
            total += keys
            if is_done:
                return total, True
        return total, False

    def _in_time(self, take: Callable[[], Step]) -> Step | None:
        """Take a step; None when that took too long, and half as much is to be tried."""
        began = self._clock()
        try:
            return take()
        except StoreUnavailableError:
            if self._clock() - began < _TOO_LONG_SECONDS or self._at_once <= _LEAST_AT_ONCE:
                raise
            self._at_once = max(self._at_once // 2, _LEAST_AT_ONCE)
            return None
