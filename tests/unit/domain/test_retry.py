"""Waits: decorrelated jitter within its bounds, and what a destination asks for."""

from __future__ import annotations

import statistics
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt

from tillgate.domain.retry import (
    MAX_RETRY_AFTER_SECONDS,
    retry_after_seconds,
    wait_decorrelated_jitter,
)

NOW = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)


def state(*, upcoming_sleep: float = 0.0) -> RetryCallState:
    made = RetryCallState(Retrying(), None, (), {})
    made.upcoming_sleep = upcoming_sleep
    return made


def waits(count: int, *, base: float, cap: float) -> list[float]:
    """Give the waits that tenacity itself makes with the strategy."""
    slept: list[float] = []
    Retrying(
        wait=wait_decorrelated_jitter(base, cap),
        retry=retry_if_result(lambda _result: True),
        stop=stop_after_attempt(count + 1),
        sleep=slept.append,
        retry_error_callback=lambda _state: None,
    )(lambda: None)
    return slept


@given(
    base=st.floats(0.001, 10),
    factor=st.floats(1, 1000),
    previous=st.floats(0, 100_000),
)
def test_a_wait_is_drawn_from_base_to_three_times_the_last_and_capped(
    base: float, factor: float, previous: float
) -> None:
    cap = base * factor
    drawn: list[tuple[float, float]] = []

    def highest(low: float, high: float) -> float:
        drawn.append((low, high))
        return high

    wait = wait_decorrelated_jitter(base, cap, draw=highest)(state(upcoming_sleep=previous))

    assert drawn == [(base, max(base, previous) * 3)]
    assert wait == min(cap, drawn[0][1])


def test_tenacity_s_own_state_carries_the_last_wait() -> None:
    for previous, following in zip(slept := waits(2_000, base=0.1, cap=2), slept[1:], strict=False):
        assert 0.1 <= following <= min(2, previous * 3)
    assert 0.1 <= slept[0] <= 0.3


def test_waits_are_spread_as_the_source_says() -> None:
    firsts = [waits(1, base=1, cap=100)[0] for _ in range(2_000)]

    # Uniform from 1 to 3: mean 2, standard deviation 2 / sqrt(12).
    assert statistics.fmean(firsts) == pytest.approx(2, abs=0.1)
    assert statistics.stdev(firsts) == pytest.approx(0.577, abs=0.05)
    assert len(set(firsts)) == len(firsts)


def test_one_strategy_serves_two_calls_at_once() -> None:
    wait = wait_decorrelated_jitter(1, 100, draw=lambda _low, high: high)

    assert (wait(state(upcoming_sleep=20)), wait(state())) == (60, 3)
    assert (wait(state(upcoming_sleep=20)), wait(state())) == (60, 3)


@pytest.mark.parametrize(("base", "cap"), [(0, 1), (-1, 1), (2, 1)])
def test_bounds_that_make_no_sense_are_refused(base: float, cap: float) -> None:
    with pytest.raises(ValueError, match="base_seconds"):
        wait_decorrelated_jitter(base, cap)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7\t", 7),
        ("9" * 18, MAX_RETRY_AFTER_SECONDS),
        ("Mon, 23 Nov 2026 10:01:30 GMT", 90),
        ("Monday, 23-Nov-26 10:01:30 GMT", 90),
        ("Mon Nov 23 10:01:30 2026", 90),
        ("Sun Nov  1 10:01:30 2026", 0),
        ("Mon, 23 Nov 2026 09:00:00 GMT", 0),
        ("Tue, 24 Nov 2026 10:00:00 GMT", MAX_RETRY_AFTER_SECONDS),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER_SECONDS),
    ],
)
def test_retry_after_is_read_in_each_of_its_forms(value: str, seconds: float) -> None:
    assert retry_after_seconds(value, now=NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "", "-1", "1.5", "+3", "soon", "1e3", "٣", "9" * 19, "10 s", "nan",
        "2026-11-23T10:00:00Z", "Mon, 99 Nov 2026 10:00:00 GMT", "Mon, 23 Nov 2026 25:00:00 GMT",
        "Mon, 23 Nov 2026 10:00:00 CET", "Mon, 00 Nov 0000 10:00:00 GMT",
    ],
)  # fmt: skip
def test_garbage_asks_for_nothing(value: str) -> None:
    assert retry_after_seconds(value, now=NOW) is None


@given(st.text(max_size=60))
def test_whatever_is_sent_gives_a_bounded_wait_or_none(value: str) -> None:
    seconds: Any = retry_after_seconds(value, now=NOW)

    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER_SECONDS


@given(st.integers(-10_000, 10_000))
def test_a_date_is_as_far_off_as_it_says(seconds: int) -> None:
    value = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)

    assert retry_after_seconds(value, now=NOW) == min(max(seconds, 0), MAX_RETRY_AFTER_SECONDS)
