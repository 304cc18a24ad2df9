"""The model's small end against real sandboxes; at length it is `python -m bench.scale --check`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.scale.check import TARGET, Calibration, Point, error_row, run_round
from bench.scale.machine import Machine, Measured

# Beside the other suites; the evidence is held to TARGET.
FACTOR = 3
ONE = Measured(
    sandboxes=1, calls=1000, elapsed=1.4, mean_seconds=0.0015, p50_seconds=0.0015,
    p95_seconds=0.002, caller_seconds=0.0001, handler_seconds=0.0006, database_seconds=0.0005,
    flush_seconds=0.0002, flushes=1.0, wal_bytes=1250.0, others_cores=0.0,
)  # fmt: skip


@pytest.mark.proof
def test_sandboxes_do_what_the_model_predicts_within_a_factor() -> None:
    with Machine() as machine:
        calibration, points = run_round(machine, calls=120)
    assert len(points) == 4
    assert all(run.calls == 120 for run in calibration.busy)
    for point in points:
        assert 1 / FACTOR < point.rate_ratio < FACTOR, point


def point(predicted: float, *, name: str = "p") -> Point:
    return Point(
        name=name, predicted_per_second=predicted, measured_per_second=100,
        predicted_p50=1.0, measured_p50=1.0,
    )  # fmt: skip


def test_error_is_the_worst_points_by_the_median_of_its_rounds() -> None:
    calibration = Calibration([ONE], ONE)
    rounds = [point(110), point(120), point(900), point(95, name="q")]
    row = error_row([calibration], rounds)
    assert (row.value, row.target, row.holds) == (0.2, TARGET, True)
    assert row.raw["errors"] == {
        "p": {"rate": 0.2, "p50": 0.0},
        "q": {"rate": 0.05, "p50": 0.0},
    }
    assert row.raw["calibration"]["database_ms"] == 0.5


def test_error_above_the_target_does_not_hold() -> None:
    assert not error_row([Calibration([ONE], ONE)], [point(136)]).holds


def test_time_that_nothing_accounts_for_is_a_wait() -> None:
    path = Calibration([ONE], ONE).path(sandboxes=1)
    assert path.hop_seconds == pytest.approx(0.0015 - 0.0012 - 0.0002)
    assert path.others == ()


def test_on_a_full_machine_it_is_the_others_turn() -> None:
    full = replace(ONE, elapsed=3.0, mean_seconds=0.003, others_cores=1.6)
    path = Calibration([full], full).path(sandboxes=1)
    assert path.hop_seconds == 0
    assert sum(path.others) > 1
