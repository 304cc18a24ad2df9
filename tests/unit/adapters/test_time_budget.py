from __future__ import annotations

import math
import time

from tillgate.adapters.time_budget import TimeBudget


def test_until_a_request_begins_nothing_is_limited() -> None:
    assert TimeBudget(0.001)() == math.inf


def test_what_is_left_only_shrinks() -> None:
    budget = TimeBudget(10)
    before = time.monotonic()
    budget.begin()
    first, second = budget(), budget()

    assert 10 - (time.monotonic() - before) <= second <= first <= 10


def test_what_is_used_up_is_none_or_fewer() -> None:
    budget = TimeBudget(0)
    budget.begin()

    assert budget() <= 0


def test_one_request_may_have_another_length() -> None:
    budget = TimeBudget(0)
    budget.begin(seconds=60)
    assert budget() > 50

    budget.begin()

    assert budget() <= 0


def test_each_request_has_the_whole_of_it() -> None:
    budget = TimeBudget(0)
    budget.begin()
    assert budget() <= 0
    budget._seconds = 60
    budget.begin()

    assert budget() > 50
