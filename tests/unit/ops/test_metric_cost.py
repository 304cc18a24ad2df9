"""The price of metrics of each tenant, added up by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ops.cost import Switches
from ops.metric_cost import METRICS_OF_A_TENANT, main, per_tenant_metrics_usd
from ops.prices import price_table
from stacks.stages import choose_stage
from tillgate.entrypoints.emf import OF_EACH_TENANT


@pytest.mark.parametrize(
    ("tenants", "usd"),
    [
        ("0", "0"),
        # 7 metrics at $0.30
        ("1", "2.10"),
        ("100", "210"),
        ("500", "1050"),
    ],
)
def test_what_tenants_metrics_cost_a_month(tenants: str, usd: str) -> None:
    assert per_tenant_metrics_usd(Decimal(tenants), price_table()) == Decimal(usd)


def test_there_are_never_fewer_than_no_tenants() -> None:
    with pytest.raises(ValueError, match="below zero"):
        per_tenant_metrics_usd(Decimal(-1), price_table())


def test_every_metric_that_a_tenant_has_is_priced() -> None:
    assert len(OF_EACH_TENANT) == METRICS_OF_A_TENANT


def test_a_month_s_bill_takes_what_prod_switches_on() -> None:
    prod = choose_stage({"stage": "prod"}.get)

    assert prod.per_tenant_metrics
    assert Switches().metrics_per_tenant == METRICS_OF_A_TENANT


def test_it_is_told_for_as_many_as_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["50", "2000"]) == 0

    out = capsys.readouterr().out
    assert "50 tenants, 7 metrics each: $105.00 a month (us-east-1, prices of 2026-" in out
    assert "2,000 tenants, 7 metrics each: $4,200.00 a month" in out
