"""``tillgate slo``."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tests.unit.ops.cli.fake_tillgate import TENANT_ID

if TYPE_CHECKING:
    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

SILENT = dict.fromkeys(("availability", "budget_left", "burn_rate", "p50_seconds", "p95_seconds"))
WINDOWS: list[dict[str, object]] = [
    {"window": "1h", "requests": 0, "server_errors": 0, **SILENT},
    {
        "window": "24h",
        "requests": 12_000,
        "server_errors": 3,
        "availability": 0.99975,
        "budget_left": 0.75,
        "burn_rate": 0.25,
        "p50_seconds": 0.00312,
        "p95_seconds": 1.75,
    },
    {
        "window": "30d",
        "requests": 50_000_000,
        "server_errors": 1,
        "availability": 0.99999998,
        "budget_left": 0.99998,
        "burn_rate": 0.00002,
        "p50_seconds": 0.001,
        "p95_seconds": 30.0,
    },
]
LEVELS = {
    "tenant_id": None,
    "objective": 0.999,
    "at": "2026-11-23T12:00:00.000000Z",
    "windows": WINDOWS,
}


def test_figures_are_a_table_and_what_they_leave_out_is_said(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", "/admin/api/slo", LEVELS)

    result = tillgate("slo")

    assert result.exit_code == 0
    assert [line.split("  ") for line in _squeezed(result.stdout)] == [
        ["WINDOW", "REQUESTS", "5XX", "AVAILABILITY", "BUDGET LEFT", "BURN RATE", "P50", "P95"],
        ["1h", "0", "0", "-", "-", "-", "-", "-"],
        ["24h", "12000", "3", "99.975 %", "75 %", "0.25", "3.1 ms", "1750.0 ms"],
        ["30d", "50000000", "1", "< 100 %", "< 100 %", "0.00", "1.0 ms", "30000.0 ms"],
    ]
    assert "99.9 %" in result.stderr
    assert "only the CloudWatch alarms" in result.stderr
    assert "sandboxes counted" in result.stderr


def test_a_tenant_is_named_by_its_slug(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("GET", f"/admin/api/tenants/{TENANT_ID}/slo", {**LEVELS, "tenant_id": TENANT_ID})

    result = tillgate("slo", "--tenant", "demo", "--output", "json")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["tenant_id"] == TENANT_ID
    assert result.stderr == ""


def test_a_tenant_that_there_is_none_of(tillgate: TypeCommand) -> None:
    result = tillgate("slo", "--tenant", "nobody")

    assert result.exit_code == 1
    assert "tillgate tenant list" in result.stderr


def test_an_untouched_budget_is_whole_and_an_overspent_one_below_none(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    whole, spent = ({**WINDOWS[1]} for _ in range(2))
    whole.update(server_errors=0, availability=1.0, budget_left=1.0, burn_rate=0.0)
    spent.update(server_errors=240, availability=0.98, budget_left=-19.0, burn_rate=20.0)
    server.answer("GET", "/admin/api/slo", {**LEVELS, "windows": [whole, spent]})

    _, one, other = _squeezed(tillgate("slo").stdout)

    assert "100 %  100 %  0.00" in one
    assert "98 %  -1900 %  20.00" in other


def _squeezed(text: str) -> list[str]:
    """Give the lines with two spaces between their cells."""
    return [re.sub(" {2,}", "  ", line).rstrip() for line in text.splitlines()]
