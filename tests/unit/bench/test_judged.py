from __future__ import annotations

from bench.goals import Goal
from bench.rounds import Spread
from bench.suites.judged import judged

GOAL = Goal(1.25, quick=2.0)


def test_a_goal_is_judged_by_its_limit_and_leniently_in_a_quick_run() -> None:
    spread = Spread(1.5, 1.0, 2.0)
    full = judged("growth_x", spread, {"n": 7}, goal=GOAL, is_quick=False)
    quick = judged("growth_x", spread, {"n": 7}, goal=GOAL, is_quick=True)
    assert (full.value, full.target, full.holds) == (1.5, 1.25, False)
    assert (quick.target, quick.holds) == (2.0, True)
    assert full.raw == {"goal": "<= 1.25", "low": 1.0, "high": 2.0, "n": 7}


def test_without_a_goal_any_measure_holds() -> None:
    row = judged("growth_x", Spread(9.0, 9.0, 9.0), {}, goal=None, is_quick=False)
    assert (row.target, row.holds) == (None, True)
