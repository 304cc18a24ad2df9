from __future__ import annotations

from datetime import date

import pytest

from tests.retention_fakes import InMemoryRetirement
from tillgate.domain.errors import StoreUnavailableError
from tillgate.services.retire import Retire, RetireReport

MONDAY, TUESDAY = date(2026, 10, 5), date(2026, 10, 6)


def retire_of(store: InMemoryRetirement) -> Retire:
    return Retire(store, default_days=30, clock=lambda: store.now)


def test_nothing_to_do_is_nothing_done() -> None:
    assert retire_of(InMemoryRetirement()).run() == RetireReport()


def test_a_day_goes_its_delivery_first_the_oldest_day_before_others() -> None:
    store = InMemoryRetirement()
    store.days = [TUESDAY, MONDAY]

    report = retire_of(store).run()

    assert report == RetireReport(partitions_dropped=6)
    assert store.drops == [
        (parent, day) for day in (MONDAY, TUESDAY) for parent in ("delivery", "attempt", "event")
    ]


def test_everything_is_done_a_little_at_a_time_to_the_end() -> None:
    store = InMemoryRetirement()
    store.events, store.keys, store.redrives = 2_500, 250, 7
    store.erasing, store.set_aside = 3_000, 5

    assert retire_of(store).run() == RetireReport(
        events_retired=2_500,
        keys_retired=250,
        redrives_discarded=7,
        events_erased=3_000,
        quarantine_erased=5,
    )


def test_a_lock_is_queued_for_three_times_a_run() -> None:
    store = InMemoryRetirement()
    store.days, store.busy = [MONDAY], 2
    assert retire_of(store).run() == RetireReport(partitions_dropped=3)

    store = InMemoryRetirement()
    store.days, store.busy = [MONDAY, TUESDAY], 3
    retire = retire_of(store)
    assert retire.run() == RetireReport(partitions_dropped=3, partitions_busy=1)
    assert store.days == [MONDAY], "the next day's may be to be had"
    assert retire.run() == RetireReport(partitions_dropped=3)


def test_a_day_that_somebody_began_to_need_meanwhile_stays() -> None:
    store = InMemoryRetirement()
    store.days, store.kept = [MONDAY, TUESDAY], {MONDAY}

    assert retire_of(store).run() == RetireReport(partitions_dropped=3)


def test_what_there_was_no_time_for_is_said_and_done_by_the_next_run() -> None:
    store = InMemoryRetirement()
    store.seconds_each, store.events = 4.0, 10_000
    retire = retire_of(store)

    first = retire.run()
    assert (first.is_erased, first.is_retired) == (True, False)
    assert 0 < first.events_retired < 10_000
    runs = [retire.run() for _ in range(8)]
    assert first.events_retired + sum(run.events_retired for run in runs) == 10_000


def test_no_step_is_begun_in_a_runs_last_ten_seconds() -> None:
    store = InMemoryRetirement()
    store.seconds_each, store.erasing = 5.0, 10**9

    assert retire_of(store).run() == RetireReport(
        events_erased=4_000, is_erased=False, is_retired=False
    )
    assert store.now == 1_020.0


def test_keys_take_no_more_than_their_share_of_a_minute() -> None:
    store = InMemoryRetirement()
    store.seconds_each, store.keys = 2.0, 10**6

    assert retire_of(store).run().keys_retired == 300


def test_days_are_looked_at_each_quarter_of_an_hour_and_erasures_each_time() -> None:
    store = InMemoryRetirement()
    retire = retire_of(store)
    retire.run()
    store.days, store.erasing = [MONDAY], 3

    assert retire.run() == RetireReport(events_erased=3)
    store.now += 899
    assert retire.run() == RetireReport()
    store.now += 1
    assert retire.run() == RetireReport(partitions_dropped=3)
    assert store.looked == 2


def test_a_step_that_takes_too_long_is_halved() -> None:
    store = InMemoryRetirement()
    store.events, store.at_most = 600, 500
    retire = retire_of(store)

    assert retire.run() == RetireReport(events_retired=600)
    assert store.now == 1_010.0


def test_a_database_that_is_down_is_no_step_that_is_too_long() -> None:
    store = InMemoryRetirement()
    store.events, store.at_most, store.now = 600, 1, 1_000.0

    class Down(InMemoryRetirement):
        def erase(self, *, at_most: int) -> tuple[int, int, bool]:
            raise StoreUnavailableError(str(at_most))

    with pytest.raises(StoreUnavailableError):
        retire_of(Down()).run()


def test_a_sandbox_that_stops_begins_nothing_more() -> None:
    store = InMemoryRetirement()
    store.days, store.events = [MONDAY], 5

    report = Retire(store, default_days=30, clock=lambda: store.now, is_stopping=lambda: True).run()

    assert report == RetireReport(is_erased=False, is_retired=False)
    assert (store.drops, store.events) == ([], 5)
