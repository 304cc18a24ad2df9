from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tillgate.domain.errors import StoreUnavailableError
from tillgate.services.sweep import PARTITION_DAYS_AHEAD, Sweep, SweepReport

TODAY = date(2026, 12, 25)
NOTHING = SweepReport(
    partition_days_made=0,
    quarantine_discarded=0,
    is_quarantine_swept=True,
    flushes_folded=0,
    is_folded=True,
    shares_dropped=0,
    buckets_discarded=0,
    secrets_retired=0,
)
DAYS = [TODAY + timedelta(days=ahead) for ahead in range(-1, PARTITION_DAYS_AHEAD + 1)]


class InMemoryUpkeep:
    """Implements Upkeep; the first ``locked_out`` tries find a table locked."""

    def __init__(self, *, locked_out: int = 0, seconds_each: float = 0.0) -> None:
        self.days: list[date] = []
        self.expired = 0
        self.unfolded = 0
        self.nobodys = 0
        # A fold takes so long for each flush, and is given up after ten seconds; or is down.
        self.seconds_a_flush = 0.0
        self.is_down = False
        self.folds: list[int] = []
        self.old_buckets = 0
        self.secrets_over = 0
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

    def fold_metrics(self, *, at_most: int) -> tuple[int, int]:
        self.folds.append(at_most)
        if self.is_down:
            raise StoreUnavailableError("down")
        folded = min(self.unfolded, at_most)
        seconds = folded * self.seconds_a_flush
        self.now += min(seconds, 10.0)
        if seconds > 10.0:
            raise StoreUnavailableError("too long")
        self.unfolded -= folded
        dropped, self.nobodys = self.nobodys, 0
        return folded, dropped

    def discard_old_activity(self, *, at_most: int) -> int:
        discarded = min(self.old_buckets, at_most)
        self.old_buckets -= discarded
        return discarded

    def retire_previous_secrets(self, *, at_most: int) -> int:
        retired = min(self.secrets_over, at_most)
        self.secrets_over -= retired
        return retired

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

    assert sweep_of(upkeep).run(TODAY) == replace(NOTHING, partition_days_made=16)
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

    assert sweep.run(TODAY) == replace(
        NOTHING, partition_days_made=3, is_quarantine_swept=False, is_folded=False
    )
    assert upkeep.asked_for == []


def test_increments_are_folded_until_few_are_left() -> None:
    upkeep = InMemoryUpkeep()
    upkeep.unfolded = 4_001

    assert sweep_of(upkeep).run(TODAY).flushes_folded == 4_001
    assert upkeep.unfolded == 0


def test_what_was_nobodys_is_said_by_the_run_that_left_it_out() -> None:
    upkeep = InMemoryUpkeep()
    upkeep.unfolded, upkeep.nobodys = 300, 3
    sweep = sweep_of(upkeep)

    assert [sweep.run(TODAY).shares_dropped for _ in range(3)] == [3, 0, 0]


def test_a_fold_that_takes_too_long_is_tried_with_half_as_many_until_it_ends() -> None:
    """A run has time for two that are given up; the next one does not begin with as many."""
    upkeep = InMemoryUpkeep()
    upkeep.unfolded, upkeep.seconds_a_flush = 250, 0.15
    sweep = sweep_of(upkeep)

    reports = [sweep.run(TODAY) for _ in range(4)]

    assert upkeep.folds == [250, 125, 62, 62, 62, 62, 62]
    assert [report.is_folded for report in reports] == [False, False, False, True]
    assert [report.flushes_folded for report in reports] == [0, 124, 124, 2]


def test_after_a_fold_that_was_too_long_as_many_are_tried_again_in_time() -> None:
    upkeep = InMemoryUpkeep()
    upkeep.unfolded, upkeep.seconds_a_flush = 250, 0.15
    sweep = sweep_of(upkeep)
    sweep.run(TODAY)
    upkeep.unfolded, upkeep.seconds_a_flush = 5_000, 0.0

    sweep.run(TODAY)

    assert upkeep.folds[-1] == 250


def test_a_database_that_is_down_is_no_fold_that_takes_too_long() -> None:
    upkeep = InMemoryUpkeep()
    upkeep.is_down = True

    with pytest.raises(StoreUnavailableError):
        sweep_of(upkeep).run(TODAY)
    assert upkeep.folds == [250]


def test_one_flush_that_takes_too_long_is_an_error() -> None:
    upkeep = InMemoryUpkeep()
    upkeep.unfolded, upkeep.seconds_a_flush = 250, 11.0
    sweep = sweep_of(upkeep)
    for _ in range(3):
        sweep.run(TODAY)

    with pytest.raises(StoreUnavailableError):
        sweep.run(TODAY)
    assert upkeep.folds == [250, 125, 62, 31, 15, 7, 3, 1]


def test_old_buckets_are_let_go_of_to_the_last() -> None:
    upkeep = InMemoryUpkeep()
    upkeep.old_buckets = 12_345

    assert sweep_of(upkeep).run(TODAY).buckets_discarded == 12_345
    assert upkeep.old_buckets == 0


def test_previous_secrets_whose_time_is_over_are_retired() -> None:
    upkeep = InMemoryUpkeep()
    upkeep.secrets_over = 3

    assert sweep_of(upkeep).run(TODAY).secrets_retired == 3
    assert sweep_of(upkeep).run(TODAY).secrets_retired == 0


def test_no_secret_is_retired_while_it_is_not_known_who_still_signs_with_it() -> None:
    upkeep = InMemoryUpkeep()
    upkeep.secrets_over = 3
    upkeep.unfolded = 10_000
    upkeep.seconds_a_flush = 0.03

    report = sweep_of(upkeep).run(TODAY)

    assert (report.is_folded, report.secrets_retired) == (False, 0)
    assert upkeep.secrets_over == 3
