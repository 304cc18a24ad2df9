from __future__ import annotations

from itertools import accumulate, pairwise, takewhile

import pytest

from stacks.constructs.accept_queue import MAX_RECEIVES
from tillgate.domain.queued import MAX_UNFORESEEN_FAILURES, retry_seconds

LONGEST = 900
HOUR = 3_600


def receives_within(seconds: int) -> int:
    """Count how often a message is received that is never stored."""
    waits = accumulate(retry_seconds(count) for count in range(1, 10_000))
    return 1 + sum(1 for _ in takewhile(lambda at: at <= seconds, waits))


def test_the_first_retries_are_soon_and_each_is_twice_as_late() -> None:
    assert [retry_seconds(count) for count in range(1, 11)] == [
        5, 10, 20, 40, 80, 160, 320, 640, 900, 900,
    ]  # fmt: skip


def test_waiting_only_grows_and_never_beyond_the_longest() -> None:
    waits = [retry_seconds(count) for count in range(1, 2_000)]

    assert all(one <= next_one for one, next_one in pairwise(waits))
    assert max(waits) == LONGEST


@pytest.mark.parametrize("count", [-1, 0])
def test_a_count_that_cannot_be_waits_as_the_first(count: int) -> None:
    assert retry_seconds(count) == retry_seconds(1)


def test_a_count_of_any_size_is_no_trouble() -> None:
    assert retry_seconds(10**9) == LONGEST


def test_an_outage_of_12_hours_is_fewer_than_60_receives() -> None:
    assert receives_within(12 * HOUR) < 60


def test_an_outage_of_a_week_does_not_lead_to_the_dead_letter_queue() -> None:
    assert receives_within(7 * 24 * HOUR) < MAX_RECEIVES


def test_what_nobody_foresaw_is_tried_for_an_hour_or_two() -> None:
    tried_for = sum(retry_seconds(count) for count in range(1, MAX_UNFORESEEN_FAILURES))

    assert HOUR < tried_for < 2 * HOUR
    assert MAX_UNFORESEEN_FAILURES < MAX_RECEIVES
