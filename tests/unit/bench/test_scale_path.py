"""The simulation against what can be worked out without one."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bench.scale.path import Path, closed, offered

# No chance: each call takes 1 + 2 + 3 ms.
STEADY = Path(
    handler_seconds=0.001,
    handler_cores=None,
    database_seconds=0.002,
    database_cores=1,
    commit_seconds=0.003,
    spread=0.001,
)
NO_LOG = replace(STEADY, commit_seconds=0.0)
CALLS = 3000


def test_one_sandbox_takes_the_sum_of_its_stations() -> None:
    outcome = closed(STEADY, sandboxes=1, calls=CALLS)
    assert outcome.p50_seconds == pytest.approx(0.006, rel=0.01)
    assert outcome.per_second == pytest.approx(1 / 0.006, rel=0.01)
    assert outcome.flushes_per_call == 1


def test_many_sandboxes_are_as_fast_as_the_narrowest_station() -> None:
    assert closed(NO_LOG, sandboxes=50, calls=CALLS).per_second == pytest.approx(500, rel=0.02)
    wide = replace(NO_LOG, database_cores=4)
    assert closed(wide, sandboxes=50, calls=CALLS).per_second == pytest.approx(2000, rel=0.02)


def test_a_flush_serves_all_that_wait_for_it() -> None:
    wide = replace(STEADY, database_cores=64)
    outcome = closed(wide, sandboxes=40, calls=CALLS)
    assert outcome.flushes_per_call < 0.1
    assert outcome.per_second > 10 / STEADY.commit_seconds


def test_commits_that_wait_for_themselves_share_no_flush() -> None:
    alone = replace(STEADY, is_log_shared=False, database_cores=64)
    outcome = closed(alone, sandboxes=40, calls=CALLS)
    assert outcome.flushes_per_call == 0
    assert outcome.per_second == pytest.approx(40 / 0.006, rel=0.03)


def test_a_pool_of_connections_holds_back_what_has_none() -> None:
    pooled = replace(STEADY, connections=2, database_cores=64, is_log_shared=False)
    # Two at a time, each for 2 + 3 ms.
    assert closed(pooled, sandboxes=50, calls=CALLS).per_second == pytest.approx(400, rel=0.02)


def test_handlers_and_database_share_one_machine() -> None:
    shared = replace(NO_LOG, handler_cores=2, database_cores=2)
    assert closed(shared, sandboxes=8, calls=CALLS).per_second == pytest.approx(2 / 0.003, rel=0.02)


def test_other_programs_take_their_share() -> None:
    beside = replace(NO_LOG, handler_cores=2, database_cores=2, others=(1.0, 1.0))
    # One of three in line for two processors.
    alone = closed(beside, sandboxes=1, calls=CALLS).per_second
    assert alone == pytest.approx(2 / 3 / 0.003, rel=0.1)


def test_random_calls_wait_as_in_the_textbook() -> None:
    """M/D/1: the wait is rho / (2 (1 - rho)) service times, at 0.5 half of one."""
    path = replace(NO_LOG, handler_seconds=0.0)
    outcome = offered(path, sandboxes=10_000, per_second=250, calls=20_000)
    assert outcome.per_second == pytest.approx(250, rel=0.03)
    half_wait_nothing = 0.002
    assert half_wait_nothing <= outcome.p50_seconds < 0.003
    assert outcome.p95_seconds < 0.002 * (1 + 1 / (2 * 0.5)) * math.log(20)


def test_the_same_dice_fall_each_time() -> None:
    rolled = replace(STEADY, spread=0.7)
    first, second = (offered(rolled, sandboxes=9, per_second=99, calls=999) for _ in range(2))
    assert first == second
