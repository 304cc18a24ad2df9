from __future__ import annotations

from datetime import timedelta

import pytest

from tillgate.domain.activity import LATENCY_BOUNDS
from tillgate.domain.slo import OBJECTIVE, WINDOWS, Counts, Window, quantile, service_level

HOUR, _, MONTH = WINDOWS


def latency(**numbers: int) -> tuple[int, ...]:
    """Give a histogram; buckets are named by their place, as ``_3``."""
    given = [0] * (len(LATENCY_BOUNDS) + 1)
    for place, number in numbers.items():
        given[int(place[1:])] = number
    return tuple(given)


@pytest.mark.parametrize(
    ("requests", "errors", "burn_rate", "budget_left"),
    [
        (1, 0, 0.0, 1.0),
        (1_000, 0, 0.0, 1.0),
        # Just what is allowed, and one more or fewer.
        (1_000, 1, 1.0, 0.0),
        (1_000_000, 999, 0.999, 0.001),
        (1_000_000, 1_000, 1.0, 0.0),
        (1_000_000, 1_001, 1.001, -0.001),
        (999, 1, 1000 / 999, 1 - 1000 / 999),
        # The fast and the slow pair's thresholds.
        (10_000, 144, 14.4, -13.4),
        (1_000, 6, 6.0, -5.0),
        (1, 1, 1_000.0, -999.0),
        (7, 7, 1_000.0, -999.0),
    ],
)
def test_a_budget_burns_by_its_errors(
    requests: int, errors: int, burn_rate: float, budget_left: float
) -> None:
    level = service_level(HOUR, Counts(requests, errors))

    assert level.burn_rate == round(burn_rate, 6)
    assert level.budget_left == round(budget_left, 6)
    assert level.availability == (requests - errors) / requests
    assert (level.requests, level.server_errors) == (requests, errors)


def test_the_budget_is_used_up_where_the_objective_is_just_met() -> None:
    level = service_level(MONTH, Counts(50_000_000, 50_000))

    assert level.availability == OBJECTIVE
    assert level.budget_left == 0.0
    assert level.burn_rate == 1.0


@pytest.mark.parametrize("window", WINDOWS)
def test_of_no_traffic_nothing_is_said(window: Window) -> None:
    level = service_level(window, Counts(0, 0, latency()))

    assert (level.requests, level.server_errors) == (0, 0)
    assert {
        level.availability, level.budget_left, level.burn_rate, level.p50_seconds,
        level.p95_seconds,
    } == {None}  # fmt: skip


@pytest.mark.parametrize(
    ("portion", "numbers", "seconds"),
    [
        # All in one bucket: evenly within it.
        (0.5, {"_0": 100}, 0.0005),
        (0.95, {"_0": 100}, 0.00095),
        (0.5, {"_3": 1}, 0.0075),
        # Half of them end just at a bound.
        (0.5, {"_0": 50, "_3": 50}, 0.001),
        (0.95, {"_0": 90, "_9": 10}, 0.75),
        (0.95, {"_0": 95, "_14": 5}, 0.001),
        # Beyond the last bound nothing is known.
        (0.95, {"_0": 94, "_14": 6}, 30.0),
        (0.5, {"_14": 1}, 30.0),
    ],
)
def test_a_quantile_is_estimated_within_its_bucket(
    portion: float, numbers: dict[str, int], seconds: float
) -> None:
    assert quantile(portion, latency(**numbers)) == seconds


def test_no_bucket_at_all_has_no_quantile() -> None:
    assert quantile(0.5, ()) is None
    assert quantile(0.5, latency()) is None


def test_windows_are_an_hour_a_day_and_a_month_of_whole_buckets() -> None:
    assert [window.name for window in WINDOWS] == ["1h", "24h", "30d"]
    for window in WINDOWS:
        assert window.length % window.bucket == timedelta(0)
