from __future__ import annotations

from datetime import date, timedelta

import pytest

from tillgate.domain.errors import StoreUnavailableError
from tillgate.services.sweep import PARTITION_DAYS_AHEAD, Sweep, SweepReport

TODAY = date(2026, 12, 25)
DAYS = [TODAY + timedelta(days=ahead) for ahead in range(-1, PARTITION_DAYS_AHEAD + 1)]


class InMemoryUpkeep:
    """Implements Upkeep; the first ``locked_out`` tries find a table locked."""

    def __init__(self, *, locked_out: int = 0, seconds_each: float = 0.0) -> None:
        self.days: list[date] = []
        self.expired = 0
        self.unfolded = 0
        self.old_buckets = 0
        self.now = 1_000.0
        self.asked_for: list[int] = []
        self._seconds_each = seconds_each
        self._locked_out = locked_out

    def make_partitions(self, day: date) -> bool:
        if self._locked_out:
            self._locked_out -= 1
            raise StoreUnavailableError("locked")
        if day in self.days:
            return False
        self.days.append(day)
        return True

    def fold_metrics(self, *, at_most: int) -> int:
        folded = min(self.unfolded, at_most)
        self.unfolded -= folded
        return folded

    def discard_old_activity(self, *, at_most: int) -> int:
        discarded = min(self.old_buckets, at_most)
        self.old_buckets -= discarded
        return discarded

    def discard_expired_quarantine(self, *, at_most: int) -> int:
        self.now += self._seconds_each
        self.asked_for.append(at_most)
        discarded = min(self.expired, at_most)
        self.expired -= discarded
        return discarded


def sweep_of(upkeep: InMemoryUpkeep) -> Sweep:
    return Sweep(upkeep, clock=lambda: upkeep.now)


def test_partitions_reach_from_yesterday_to_14_days_ahead() -> None:
    upkeep = InMemoryUpkeep()

    assert sweep_of(upkeep).run(TODAY) == SweepReport(
        16, 0, is_quarantine_swept=True, flushes_folded=0, buckets_discarded=0
    )
    assert upkeep.days == DAYS
    assert (DAYS[0], DAYS[-1]) == (date(2026, 12, 24), date(2027, 1, 8))


def test_a_second_run_makes_none() -> None:
    sweep = sweep_of(InMemoryUpkeep())
    sweep.run(TODAY)

    assert sweep.run(TODAY).partition_days_made == 0
    assert sweep.run(TODAY + timedelta(days=1)).partition_days_made == 1


def test_a_lock_that_is_not_to_be_had_is_tried_for_again() -> None:
    upkeep = InMemoryUpkeep(locked_out=2)

    assert sweep_of(upkeep).run(TODAY).partition_days_made == 16
    assert upkeep.days == DAYS


def test_after_three_tries_the_next_run_has_to_do_it() -> None:
    upkeep = InMemoryUpkeep(locked_out=3)

    with pytest.raises(StoreUnavailableError):
        sweep_of(upkeep).run(TODAY)
    assert sweep_of(upkeep).run(TODAY).partition_days_made == 16


@pytest.mark.parametrize(
    ("expired", "calls"), [(0, 1), (1, 1), (199, 1), (200, 2), (201, 2), (10_005, 51)]
)
def test_all_that_has_expired_goes_200_at_a_time(expired: int, calls: int) -> None:
    upkeep = InMemoryUpkeep()
    upkeep.expired = expired

    report = sweep_of(upkeep).run(TODAY)

    assert (report.quarantine_discarded, report.is_quarantine_swept) == (expired, True)
    assert upkeep.asked_for == [200] * calls


@pytest.mark.parametrize(("seconds_each", "calls"), [(10.0, 3), (6.0, 4), (0.5, 41)])
def test_what_there_is_no_time_for_is_left_to_the_next_run(seconds_each: float, calls: int) -> None:
    upkeep = InMemoryUpkeep(seconds_each=seconds_each)
    upkeep.expired = 200 * calls + 7

    report = sweep_of(upkeep).run(TODAY)

    assert (report.quarantine_discarded, report.is_quarantine_swept) == (200 * calls, False)
    assert upkeep.now <= 1_000 + 30
    report = sweep_of(upkeep).run(TODAY)
    assert (report.quarantine_discarded, report.is_quarantine_swept) == (7, True)


def test_at_a_stop_no_further_call_is_begun() -> None:
    upkeep = InMemoryUpkeep()
    sweep = Sweep(upkeep, clock=lambda: upkeep.now, is_stopping=lambda: len(upkeep.days) == 3)

    assert sweep.run(TODAY) == SweepReport(
        3, 0, is_quarantine_swept=False, flushes_folded=0, buckets_discarded=0
    )
    assert upkeep.asked_for == []


def test_increments_are_folded_until_few_are_left() -> None:
    upkeep = InMemoryUpkeep()
    upkeep.unfolded = 4_001

    assert sweep_of(upkeep).run(TODAY).flushes_folded == 4_001
    assert upkeep.unfolded == 0


def test_old_buckets_are_let_go_of_to_the_last() -> None:
    upkeep = InMemoryUpkeep()
    upkeep.old_buckets = 12_345

    assert sweep_of(upkeep).run(TODAY).buckets_discarded == 12_345
    assert upkeep.old_buckets == 0
