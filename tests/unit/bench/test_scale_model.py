"""What the model says of limits, bursts and steps, and that docs/scale.md says the same."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bench.scale.burst import burst
from bench.scale.inputs import Figure, Inputs, Origin, from_evidence
from bench.scale.plan import Plan, aws_path, busy_seconds, limits, max_connections, sandboxes
from bench.scale.report import DOCS, tables, turned_on, with_tables
from bench.scale.steps import HEADROOM, RATES, SHAPES, size, steps

if TYPE_CHECKING:
    from pathlib import Path

INPUTS = Inputs()


def limit(name: str, plan: Plan, *, events: int = 1) -> float:
    found = {one.name: one.events_per_second for one in limits(INPUTS, plan, events=events)}
    return found[name]


def test_the_page_has_the_models_tables() -> None:
    """``python -m bench.scale --write-docs`` renews them."""
    page = DOCS.read_text()
    assert with_tables(page, tables(INPUTS, steps(INPUTS))) == page


def test_marks_that_are_missing_are_named() -> None:
    with pytest.raises(ValueError, match="'limits'"):
        with_tables("<!-- table: limits -->\n", {"limits": "|"})


def test_limits_come_nearest_first() -> None:
    rates = [one.events_per_second for one in limits(INPUTS, Plan(), events=1)]
    assert rates == sorted(rates)


@pytest.mark.parametrize(
    "name", ["gateway, the stage's throttle", "connections", "log, commits of one writer"]
)
def test_what_counts_calls_bears_a_hundred_times_the_events_in_batches(name: str) -> None:
    assert limit(name, Plan(), events=100) == 100 * limit(name, Plan())


def test_a_proxy_takes_the_connections_limit_away() -> None:
    assert limit("connections", Plan(is_proxied=True)) == float("inf")


def test_twice_the_capacity_bears_twice_the_events() -> None:
    assert limit("database CPU", Plan(max_acu=32)) == 2 * limit("database CPU", Plan(max_acu=16))


@pytest.mark.parametrize(
    ("min_acu", "max_acu", "connections"), [(0.5, 16, 2000), (1, 32, 5000), (1, 16, 2000)]
)
def test_connections_follow_the_range_of_capacity(
    min_acu: float, max_acu: float, connections: int
) -> None:
    plan = Plan(min_acu=min_acu, max_acu=max_acu)
    assert max_connections(INPUTS, plan) == connections


def test_short_calls_take_a_sandbox_for_each_ten_a_second() -> None:
    path = aws_path(INPUTS, Plan(), events=1)
    assert sandboxes(INPUTS, path, 1000) == 100
    slow = replace(path, hop_seconds=1.0)
    assert sandboxes(INPUTS, slow, 1000) == pytest.approx(1000 * busy_seconds(slow))


@pytest.mark.parametrize("events", SHAPES)
@pytest.mark.parametrize("rate", RATES)
def test_each_step_is_set_up_for_twice_its_load(rate: int, events: int) -> None:
    plan = size(INPUTS, rate, events)
    for one in limits(INPUTS, plan, events=events):
        # What is kept follows the mean, and needs no room for a busy hour.
        wanted = rate if one.name.startswith("storage") else HEADROOM * rate
        assert one.events_per_second * plan.deployments >= wanted * 0.999, one.name


@pytest.mark.parametrize(("rate", "is_prod"), [(10, True), (50_000, False)])
def test_nothing_is_turned_on_before_it_is_needed(rate: int, *, is_prod: bool) -> None:
    assert (turned_on(size(INPUTS, rate, 1)) == []) is is_prod


def test_a_burst_within_all_limits_leaves_nothing_behind() -> None:
    outcome = burst(INPUTS, Plan(), events=1, calls_per_second=10)
    assert (outcome.refused_share, outcome.queued_backlog) == (0, 0)
    assert outcome.drained_seconds == pytest.approx(0, abs=1)


def test_what_the_throttle_refuses_comes_again_until_it_is_stored() -> None:
    outcome = burst(INPUTS, Plan(), events=1, calls_per_second=1000)
    # 2,000 of 10,000 a second pass, and 4,000 at once.
    assert outcome.refused_share == pytest.approx(0.8, abs=0.1)
    assert outcome.refused_backlog == pytest.approx(480_000, rel=0.1)
    assert outcome.drained_seconds is not None


def test_what_a_small_database_cannot_take_waits_on_the_queue() -> None:
    small = Plan(max_acu=1)
    outcome = burst(INPUTS, small, events=100, calls_per_second=2)
    assert outcome.refused_share == 0
    # 20 calls a second came for a minute, of which it stores some 4.
    assert outcome.queued_backlog == pytest.approx(60 * 16, rel=0.2)


def test_a_backlog_that_only_grows_is_never_drained() -> None:
    assert burst(INPUTS, Plan(), events=1, calls_per_second=5000).drained_seconds is None


def test_more_accept_workers_drain_sooner() -> None:
    few, many = (
        burst(
            INPUTS, Plan(accept_concurrency=workers), events=1, calls_per_second=300
        ).queued_backlog
        for workers in (2, 50)
    )
    assert few >= many


def test_batches_cost_less_for_each_event() -> None:
    by_step = {(one.rate, one.events): one.bill for one in steps(INPUTS)}
    for rate in RATES:
        assert by_step[rate, 100].total < by_step[rate, 1].total


def test_every_figure_says_where_it_is_from() -> None:
    for name, figure in INPUTS.table():
        assert figure.source, name
        if figure.origin is Origin.DOCUMENTED and "most" not in name and "acu" not in name:
            assert figure.source.startswith("https://"), name


def test_newer_measurements_take_the_place_of_the_stated(tmp_path: Path) -> None:
    rows = [
        {"name": "accept_cpu_ratio", "raw": {"ours": {"cpu": 464.1}}},
        {"name": "scale_model_error", "raw": {"calibration": {"database_ms": 0.4}}},
    ]
    (tmp_path / "bench.json").write_text(json.dumps(rows))
    inputs = from_evidence(Inputs(), folder=tmp_path)
    assert inputs.handler_ms == Figure(
        0.4641, "ms", Origin.MEASURED, "bench.json, accept_cpu_ratio"
    )
    assert inputs.database_ms.value == 0.4
    assert inputs.handler_batch_ms == INPUTS.handler_batch_ms


def test_no_measurements_leave_the_stated(tmp_path: Path) -> None:
    assert from_evidence(Inputs(), folder=tmp_path) == INPUTS
