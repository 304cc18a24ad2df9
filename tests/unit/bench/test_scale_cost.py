from __future__ import annotations

from decimal import Decimal

import pytest

from bench.cost import EVENTS_PER_SECOND, Measured, cost_rows
from bench.scale.inputs import Inputs

ONE = Measured(events=1, cpu_ms=0.464, wall_ms=0.98)
HUNDRED = Measured(events=100, cpu_ms=6.0, wall_ms=10.0)


def test_row_holds_the_lines_that_it_sums() -> None:
    (row,) = cost_rows([ONE], Inputs())
    lines = row.raw["lines"]
    assert (row.name, row.unit, row.target) == ("cost_per_million_usd", "USD", None)
    assert sum(line["usd_per_million"] for line in lines) == pytest.approx(row.value, rel=0.01)
    month = sum(line["usd_month"] for line in lines)
    events = Decimal(EVENTS_PER_SECOND * 730 * 3600)
    assert month / float(events) * 10**6 == pytest.approx(row.value, rel=0.01)


def test_billed_time_is_the_measured_cpu_and_the_stated_assumptions() -> None:
    """0.464 ms x 1.5 / (1024 / 1769 vCPU), 1 ms of network, 0.5 x 1.5 of Postgres, 4 of commit."""
    (row,) = cost_rows([ONE], Inputs())
    by_hand = 0.464 * 1.5 / (1024 / 1769) + 1 + 0.5 * 1.5 + 4
    assert row.raw["billed_ms_on_aws"] == pytest.approx(by_hand, rel=0.001)
    assert row.raw["memory_mb"] == 1024
    assert row.raw["assumed"]["core_ratio"].startswith("1.5 ")
    assert row.raw["measured_here"] == {"cpu_ms": 0.464, "wall_ms": 0.98}


def test_slower_calls_cost_more() -> None:
    slow = Measured(events=1, cpu_ms=20.0, wall_ms=30.0)
    quick, dear = (cost_rows([one], Inputs())[0].value for one in (ONE, slow))
    assert quick is not None
    assert dear is not None
    assert quick < dear


def test_batches_have_a_row_of_their_own() -> None:
    one, hundred = cost_rows([ONE, HUNDRED], Inputs())
    assert hundred.name == "cost_per_million_usd.batch_100"
    assert one.value is not None
    assert hundred.value is not None
    assert hundred.value < one.value


def test_other_sizes_are_not_priced() -> None:
    with pytest.raises(ValueError, match="not of 7"):
        cost_rows([Measured(events=7, cpu_ms=1, wall_ms=1)], Inputs())
