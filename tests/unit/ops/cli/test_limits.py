"""``tillgate tenant limit``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ops.cli.limits import findings
from tests.unit.ops.cli.fake_tillgate import TENANT_ID

if TYPE_CHECKING:
    from ops.cli.exact_json import JsonValue
    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

PATH = f"/admin/api/tenants/{TENANT_ID}/limit"
TENANT = {
    "tenant_id": TENANT_ID,
    "slug": "demo",
    "limit": {"events_per_second": 20, "burst": 500, "is_default": False},
    "limited_at": "2026-11-23T09:30:00.000000Z",
}


def test_a_limit_is_shown(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("GET", PATH, TENANT)

    lines = tillgate("tenant", "limit", "demo").stdout.splitlines()

    assert [line.split()[-1] for line in lines] == [
        "demo", "20", "500", "no", "2026-11-23T09:30:00.000000Z",
    ]  # fmt: skip


def test_a_limit_is_set(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("PUT", PATH, TENANT)

    result = tillgate("tenant", "limit", "demo", "--rate", "20", "--burst", "500")

    assert result.exit_code == 0
    assert server.last_body == {"events_per_second": 20, "burst": 500}
    assert "30 s" in result.stderr


def test_a_limit_is_taken_away(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("DELETE", PATH, TENANT)

    assert tillgate("tenant", "limit", "demo", "--default").exit_code == 0
    assert server.requests[-1].method == "DELETE"


@pytest.mark.parametrize(
    "options",
    [
        ["--rate", "20"],
        ["--burst", "500"],
        ["--default", "--rate", "20", "--burst", "500"],
        ["--rate", "0", "--burst", "500"],
    ],
)
def test_half_a_limit_is_wrong_usage(
    server: FakeTillgate, tillgate: TypeCommand, options: list[str]
) -> None:
    assert tillgate("tenant", "limit", "demo", *options).exit_code == 2
    assert not [one for one in server.requests if one.url.path == PATH]


def test_doctor_names_who_was_over_the_limit_within_the_hour() -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    tenants: list[dict[str, JsonValue]] = [
        {"slug": "never", "limited_at": None},
        {"slug": "older-server"},
        {"slug": "yesterday", "limited_at": "2026-11-22T11:59:59.000000Z"},
        {"slug": "one", "limited_at": "2026-11-23T11:00:01.000000Z"},
        {"slug": "two", "limited_at": "2026-11-23T11:59:59.000000Z"},
    ]

    [found] = findings(tenants, now=now)

    assert found.detail == "2 tenants over the limit within the last hour: one, two"
    assert found.next_step == "tillgate tenant limit one"
    assert not list(findings(tenants[:3], now=now))
