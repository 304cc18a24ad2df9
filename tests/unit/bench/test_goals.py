"""A goal holds or it does not, whichever way it points."""

from __future__ import annotations

import pytest

from bench.goals import GOALS, Goal, context_row, goal_row
from bench.rounds import Spread


@pytest.mark.parametrize(("value", "holds"), [(1.9, True), (1.91, False)])
def test_most_goals_are_upper_bounds(value: float, holds: bool) -> None:  # noqa: FBT001  A test's parameter.
    assert Goal(1.9, quick=3).holds(value, is_quick=False) is holds


@pytest.mark.parametrize(("value", "holds"), [(0.8, True), (0.79, False)])
def test_some_goals_are_lower_bounds(value: float, holds: bool) -> None:  # noqa: FBT001  As above.
    assert Goal(0.8, quick=0.5, at_least=True).holds(value, is_quick=False) is holds


def test_a_quick_run_is_held_to_the_looser_limit() -> None:
    goal = Goal(1.9, quick=3)

    assert goal.holds(2.5, is_quick=True)
    assert not goal.holds(3.1, is_quick=True)
    assert goal.words(is_quick=True) == "<= 3"


@pytest.mark.parametrize("name", GOALS)
def test_no_quick_limit_is_stricter_than_the_goal(name: str) -> None:
    goal = GOALS[name]

    assert (goal.quick <= goal.limit) if goal.at_least else (goal.quick >= goal.limit)


# What `python -m bench --quick` found, the median of four runs, two of them within `make test`.
LAST = {
    "accept_wall_ratio": 2.5,
    "accept_cpu_ratio": 3.5,
    "batch_ratio": 0.926,
    "cold_ratio": 1.41,
    "peak_memory_mb": 58,
}


@pytest.mark.parametrize("name", LAST)
def test_a_quick_run_breaks_on_a_regression_of_half_again(name: str) -> None:
    goal = GOALS[name]
    regressed = LAST[name] / 1.5 if goal.at_least else LAST[name] * 1.5

    assert goal.holds(LAST[name], is_quick=True)
    assert not goal.holds(regressed, is_quick=True)


def test_the_median_is_judged_and_not_the_extremes() -> None:
    row = goal_row("accept_wall_ratio", Spread(1.8, 1.2, 9.0), {"n": 5}, is_quick=False)

    assert row.holds
    assert row.value == 1.8
    assert row.target == 1.9
    assert row.raw == {"goal": "<= 1.9", "low": 1.2, "high": 9.0, "n": 5}


def test_a_missed_goal_does_not_hold() -> None:
    assert not goal_row("batch_ratio", Spread(0.79, 0.7, 0.9), {}, is_quick=False).holds


def test_what_has_no_goal_always_holds() -> None:
    row = context_row("accept.ours.wall_us", Spread(900, 800, 1000), unit="us")

    assert (row.holds, row.target, row.unit) == (True, None, "us")
