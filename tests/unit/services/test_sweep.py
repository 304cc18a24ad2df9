from __future__ import annotations

from datetime import date, timedelta

import pytest

from tillgate.domain.errors import StoreUnavailableError
from tillgate.services.sweep import PARTITION_DAYS_AHEAD, Sweep, SweepReport

TODAY = date(2026, 12, 25)
DAYS = [TODAY + timedelta(days=ahead) for ahead in range(-1, PARTITION_DAYS_AHEAD + 1)]


class InMemoryUpkeep:
    """Implements Upkeep; the first ``locked_out`` tries find a table locked."""

    def __init__(self, *, locked_out: int = 0) -> None:
        self.days: list[date] = []
        self.expired = 0
        self._locked_out = locked_out

    def make_partitions(self, day: date) -> bool:
        if self._locked_out:
            self._locked_out -= 1
            raise StoreUnavailableError("locked")
        if day in self.days:
            return False
        self.days.append(day)
        return True

    def discard_expired_quarantine(self, *, at_most: int) -> int:
        discarded = min(self.expired, at_most)
        self.expired -= discarded
        return discarded


def test_partitions_reach_from_yesterday_to_14_days_ahead() -> None:
    upkeep = InMemoryUpkeep()

    assert Sweep(upkeep).run(TODAY) == SweepReport(16, 0)
    assert upkeep.days == DAYS
    assert (DAYS[0], DAYS[-1]) == (date(2026, 12, 24), date(2027, 1, 8))


def test_a_second_run_makes_none() -> None:
    sweep = Sweep(InMemoryUpkeep())
    sweep.run(TODAY)

    assert sweep.run(TODAY).partition_days_made == 0
    assert sweep.run(TODAY + timedelta(days=1)).partition_days_made == 1


def test_a_lock_that_is_not_to_be_had_is_tried_for_again() -> None:
    upkeep = InMemoryUpkeep(locked_out=2)

    assert Sweep(upkeep).run(TODAY).partition_days_made == 16
    assert upkeep.days == DAYS


def test_after_three_tries_the_next_run_has_to_do_it() -> None:
    upkeep = InMemoryUpkeep(locked_out=3)

    with pytest.raises(StoreUnavailableError):
        Sweep(upkeep).run(TODAY)
    assert Sweep(upkeep).run(TODAY).partition_days_made == 16


def test_what_has_expired_goes_in_bounded_numbers() -> None:
    upkeep = InMemoryUpkeep()
    upkeep.expired = 10_005

    assert Sweep(upkeep).run(TODAY).quarantine_discarded == 10_000
    assert Sweep(upkeep).run(TODAY).quarantine_discarded == 5
