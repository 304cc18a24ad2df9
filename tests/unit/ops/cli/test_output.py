from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.ops.cli.fake_tillgate import TENANT

if TYPE_CHECKING:
    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

TENANTS = "/admin/api/tenants"


def test_columns_stand_under_each_other_whatever_the_width_of_a_character(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    bakeries = [
        TENANT | {"slug": "a", "name": "面包店"},
        TENANT | {"slug": "b", "name": "Boulangerie"},
    ]
    server.answer("GET", TENANTS, {"tenants": bakeries})

    heading, wide, narrow = tillgate("tenant", "list").stdout.splitlines()

    assert heading.index("CREATED") == narrow.index("2026-")
    # Each of the three characters takes two columns.
    assert wide.index("2026-") == narrow.index("2026-") - 3


def test_a_row_is_one_whole_line_however_long(server: FakeTillgate, tillgate: TypeCommand) -> None:
    name = "very " * 100
    server.answer("GET", TENANTS, {"tenants": [TENANT | {"name": name}]})

    lines = tillgate("tenant", "list").stdout.splitlines()

    assert len(lines) == 2
    assert name in lines[1]
    assert lines == [line.rstrip() for line in lines]


def test_what_rich_would_take_for_markup_is_shown(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", TENANTS, {"tenants": [TENANT | {"name": "[bold]Demo[/bold]"}]})

    assert "[bold]Demo[/bold]" in tillgate("tenant", "list").stdout


def test_a_field_that_a_newer_server_leaves_out_is_a_dash(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", TENANTS, {"tenants": [{"slug": "demo"}]})

    assert tillgate("tenant", "list").stdout.splitlines()[1].split() == ["demo", *6 * ["-"]]


def test_json_is_the_servers_bytes_with_one_line_end(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    text = '{ "tenants" : [ ],  "new": 1.50, "text": "ä\\u00e4" }'
    server.answer("GET", TENANTS, text)

    assert tillgate("tenant", "list", "-o", "json").stdout_bytes == text.encode() + b"\n"
