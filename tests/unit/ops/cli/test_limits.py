"""``tillgate tenant limit``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.ops.cli.fake_tillgate import TENANT_ID

if TYPE_CHECKING:
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
    assert not [one for one in server.requests if one.path == PATH]
