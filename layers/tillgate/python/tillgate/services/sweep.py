"""What has to be looked after while nobody looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tillgate.domain.errors import StoreUnavailableError

if TYPE_CHECKING:
    from datetime import date

    from tillgate.domain.ports import Upkeep

PARTITION_DAYS_AHEAD = 14
_ATTEMPTS = 3
_DISCARDED_AT_MOST = 10_000


@dataclass(frozen=True, slots=True)
class SweepReport:
    partition_days_made: int
    quarantine_discarded: int


class Sweep:
    """Idempotent: what one run missed, the next one does."""

    def __init__(self, upkeep: Upkeep) -> None:
        self._upkeep = upkeep

    def run(self, today: date) -> SweepReport:
        """Keep partitions made ahead, and let go of what has expired.

        Raises StoreUnavailableError.
        """
        return SweepReport(
            self.make_partitions(today),
            self._upkeep.discard_expired_quarantine(at_most=_DISCARDED_AT_MOST),
        )

    def make_partitions(self, today: date) -> int:
        """Make the partitions of yesterday to 14 days ahead; give how many days were missing.

        Yesterday's too: a clock that is set back must find one.
        """
        days = (today + timedelta(days=ahead) for ahead in range(-1, PARTITION_DAYS_AHEAD + 1))
        return sum(self._made(day) for day in days)

    def _made(self, day: date) -> bool:
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._upkeep.make_partitions(day)
            except StoreUnavailableError:
                # The lock was not to be had within a second; the next try queues afresh.
                continue
        return self._upkeep.make_partitions(day)
