"""What has to be looked after while nobody looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tillgate.domain.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from tillgate.domain.upkeep import Upkeep

PARTITION_DAYS_AHEAD = 14
_ATTEMPTS = 3
# A sealed delivery may be of 4 MiB: so many are deleted well within the deadline of one call.
_DISCARDED_AT_ONCE = 200
# No call is begun in the last ten, which are one call's deadline.
_DISCARDING_SECONDS = 30.0
_ONE_CALL_SECONDS = 10.0
# Well within a call's deadline also where each flush is of a hundred tenants, on a database that
# has nothing else to do.
_FOLDED_AT_ONCE = 250
# A failure after so long is the deadline's: there was too much to do, or no answer at all.
_TOO_LONG_SECONDS = 0.9 * _ONE_CALL_SECONDS
# Of which twice as many are no risk.
_QUICK_SECONDS = 0.25 * _ONE_CALL_SECONDS
_FOLDING_SECONDS = 20.0
# More than ten thousand tenants make in a minute.
_BUCKETS_AT_ONCE = 5_000
# Of each kind; what is left over waits a minute, in which it is not accepted either.
_SECRETS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class SweepReport:
    """``is_quarantine_swept`` is False when there was no time for all that has expired.

    ``is_folded`` likewise of flushes; ``shares_dropped`` are those in them that were nobody's.
    """

    partition_days_made: int
    quarantine_discarded: int
    is_quarantine_swept: bool
    flushes_folded: int
    is_folded: bool
    shares_dropped: int
    buckets_discarded: int
    secrets_retired: int


class Sweep:
    """Idempotent: what one run missed, the next one does.

    ``clock`` gives seconds, monotonic; once ``is_stopping`` says yes, no call is begun.
    """

    def __init__(
        self,
        upkeep: Upkeep,
        *,
        clock: Callable[[], float],
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._upkeep = upkeep
        self._clock = clock
        self._is_stopping = is_stopping
        # Fewer after a fold that took too long, also in the next run: it leaves no time for more.
        self._folded_at_once = _FOLDED_AT_ONCE

    def run(self, today: date) -> SweepReport:
        """Keep partitions made ahead, and let go of what has expired.

        Raises StoreUnavailableError.
        """
        days_made = self.make_partitions(today)
        discarded, is_swept = self._discard_expired()
        last_begin = self._clock() + _FOLDING_SECONDS - _ONE_CALL_SECONDS
        folded, dropped, is_folded = self._fold_metrics(last_begin)
        buckets = self._discard_old_activity(last_begin)
        return SweepReport(
            partition_days_made=days_made,
            quarantine_discarded=discarded,
            is_quarantine_swept=is_swept,
            flushes_folded=folded,
            is_folded=is_folded,
            shares_dropped=dropped,
            buckets_discarded=buckets,
            # Once it is folded, and so known, which of them are still signed with.
            secrets_retired=self._retire_secrets() if is_folded else 0,
        )

    def make_partitions(self, today: date) -> int:
        """Make the partitions of yesterday to 14 days ahead; give how many days were missing.

        Yesterday's too: a clock that is set back must find one.
        """
        days = (today + timedelta(days=ahead) for ahead in range(-1, PARTITION_DAYS_AHEAD + 1))
        return sum(self._made(day) for day in days if not self._is_stopping())

    def _discard_expired(self) -> tuple[int, bool]:
        """Delete a little at a time, each bit for good; give how much, and whether it was all."""
        last_begin = self._clock() + _DISCARDING_SECONDS - _ONE_CALL_SECONDS
        total = 0
        while self._clock() <= last_begin and not self._is_stopping():
            discarded = self._upkeep.discard_expired_quarantine(at_most=_DISCARDED_AT_ONCE)
            total += discarded
            if discarded < _DISCARDED_AT_ONCE:
                return total, True
        return total, False

    def _fold_metrics(self, last_begin: float) -> tuple[int, int, bool]:
        """Fold a little at a time; what is left over is summed by whoever reads, a bit slower.

        Give how many flushes, how many shares of theirs were left out, and whether it was all.
        """
        folded = dropped = 0
        while self._clock() <= last_begin and not self._is_stopping():
            at_most = self._folded_at_once
            part = self._fold(at_most)
            if part is None:
                continue
            folded, dropped = folded + part[0], dropped + part[1]
            if part[0] < at_most:
                return folded, dropped, True
        return folded, dropped, False

    def _fold(self, at_most: int) -> tuple[int, int] | None:
        """Fold so many; None when that took too long, and half as many are to be tried."""
        began = self._clock()
        try:
            part = self._upkeep.fold_metrics(at_most=at_most)
        except StoreUnavailableError:
            if self._clock() - began < _TOO_LONG_SECONDS or at_most == 1:
                raise
            self._folded_at_once = at_most // 2
            return None
        if self._clock() - began < _QUICK_SECONDS:
            self._folded_at_once = min(2 * at_most, _FOLDED_AT_ONCE)
        return part

    def _discard_old_activity(self, last_begin: float) -> int:
        """Delete a little at a time; what is left over nobody reads."""
        total = 0
        while self._clock() <= last_begin and not self._is_stopping():
            discarded = self._upkeep.discard_old_activity(at_most=_BUCKETS_AT_ONCE)
            total += discarded
            if discarded < _BUCKETS_AT_ONCE:
                break
        return total

    def _retire_secrets(self) -> int:
        if self._is_stopping():
            return 0
        return self._upkeep.retire_previous_secrets(at_most=_SECRETS_AT_ONCE)

    def _made(self, day: date) -> bool:
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._upkeep.make_partitions(day)
            except StoreUnavailableError:
                # The lock was not to be had within a second; the next try queues afresh.
                continue
        return self._upkeep.make_partitions(day)
