"""``tillgate tenant hours``, ``tillgate source quiet-after`` and ``tillgate source quiet``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.ops.cli.fake_tillgate import TENANT_ID

if TYPE_CHECKING:
    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

SOURCE_ID = "4c1d6f0e-8a57-4b1e-9d3c-2f6b7a905e18"
PATH = f"/admin/api/tenants/{TENANT_ID}/hours"
QUIET_AFTER = f"/admin/api/sources/{SOURCE_ID}/quiet-after"
HOURS = {
    "tenant_id": TENANT_ID,
    "time_zone": "Europe/Berlin",
    "opening_hours": {"mon": ["09:00-18:00"]},
    "quiet_after_minutes": 60,
}
SOURCE = {"source_id": SOURCE_ID, "provider": "square", "name": "till", "quiet_after_minutes": 0}


def test_hours_are_written_as_people_write_them(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("PUT", PATH, HOURS)

    result = tillgate(
        "tenant", "hours", "demo", "--zone", "Europe/Berlin", "--quiet-after", "60",
        "--open", "mon-tue 09:00-13:00", "--open", "Mon 14:00-18:00",
        "--open", "sat-sun,thu  18:00-02:00",
    )  # fmt: skip

    assert result.exit_code == 0
    assert server.last_body == {
        "time_zone": "Europe/Berlin",
        "opening_hours": {
            "mon": ["09:00-13:00", "14:00-18:00"],
            "tue": ["09:00-13:00"],
            "thu": ["18:00-02:00"],
            "sat": ["18:00-02:00"],
            "sun": ["18:00-02:00"],
        },
        "quiet_after_minutes": 60,
    }
    assert "09:00-18:00" in result.stdout
    assert "tillgate source quiet" in result.stderr


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("daily", ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]),
        ("fri-mon", ["fri", "sat", "sun", "mon"]),
        ("wed", ["wed"]),
    ],
)
def test_days_may_be_ranges(
    server: FakeTillgate, tillgate: TypeCommand, days: str, expected: list[str]
) -> None:
    server.answer("PUT", PATH, HOURS)

    tillgate(
        "tenant", "hours", "demo", "--zone", "UTC", "--quiet-after", "5",
        "--open", f"{days} 00:00-24:00",
    )  # fmt: skip

    assert server.last_body["opening_hours"] == {day: ["00:00-24:00"] for day in expected}


def test_hours_are_shown_when_nothing_is_said(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("GET", PATH, HOURS)

    result = tillgate("tenant", "hours", "demo")

    assert "Europe/Berlin" in result.stdout
    assert "09:00-18:00" in result.stdout


def test_hours_are_removed_when_that_is_confirmed(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("DELETE", PATH, HOURS)

    assert tillgate("tenant", "hours", "demo", "--remove").exit_code == 2
    assert tillgate("tenant", "hours", "demo", "--remove", "--yes").exit_code == 0
    assert server.requests[-1].method == "DELETE"


@pytest.mark.parametrize(
    "options",
    [
        ["--zone", "UTC"],
        ["--zone", "UTC", "--quiet-after", "5"],
        ["--open", "mon 09:00-18:00", "--remove"],
        ["--zone", "UTC", "--quiet-after", "5", "--open", "monday 09:00-18:00"],
        ["--zone", "UTC", "--quiet-after", "5", "--open", "09:00-18:00"],
    ],
)
def test_half_of_the_hours_is_wrong_usage(
    server: FakeTillgate, tillgate: TypeCommand, options: list[str]
) -> None:
    result = tillgate("tenant", "hours", "demo", *options)

    assert result.exit_code == 2
    assert "mon-fri 09:00-18:00" in result.stderr
    assert server.requests == []


def test_a_fault_is_said_in_the_servers_words(server: FakeTillgate, tillgate: TypeCommand) -> None:
    faults = [{"pointer": "/opening_hours/mon/0", "detail": "must look like 09:00-18:00"}]
    problem = {"type": "invalid-request", "title": "Does not fit", "status": 422, "errors": faults}
    server.answer("PUT", PATH, problem, status=422)

    result = tillgate(
        "tenant", "hours", "demo", "--zone", "UTC", "--quiet-after", "5", "--open", "mon 9-18"
    )

    assert result.exit_code == 1
    assert "/opening_hours/mon/0: must look like 09:00-18:00" in result.stderr


@pytest.mark.parametrize(("patience", "minutes"), [("240", 240), ("never", 0)])
def test_a_source_has_a_patience_of_its_own(
    server: FakeTillgate, tillgate: TypeCommand, patience: str, minutes: int
) -> None:
    server.answer("PUT", QUIET_AFTER, SOURCE)

    assert tillgate("source", "quiet-after", SOURCE_ID.upper(), patience).exit_code == 0
    assert server.last_body == {"minutes": minutes}


def test_a_source_is_as_its_tenant_has_it(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("DELETE", QUIET_AFTER, SOURCE)

    assert tillgate("source", "quiet-after", SOURCE_ID, "tenant").exit_code == 0


@pytest.mark.parametrize("patience", ["soon", "1.5", "²"])
def test_no_patience_is_wrong_usage(
    server: FakeTillgate, tillgate: TypeCommand, patience: str
) -> None:
    result = tillgate("source", "quiet-after", SOURCE_ID, patience)

    assert result.exit_code == 2
    assert server.requests == []


def test_who_is_quiet_is_listed(server: FakeTillgate, tillgate: TypeCommand) -> None:
    quiet = {
        "source_id": SOURCE_ID, "tenant_id": TENANT_ID, "slug": "demo", "provider": "square",
        "name": "till", "quiet_since": "2026-11-23T08:00:00Z", "last_event_at": None,
        "noticed_at": "2026-11-23T09:00:00Z",
    }  # fmt: skip
    server.answer("GET", "/admin/api/quiet-sources", {"sources": [quiet]})

    result = tillgate("source", "quiet")

    assert "2026-11-23T08:00:00Z" in result.stdout
    assert "demo" in result.stdout


def test_nobody_quiet_is_said(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("GET", "/admin/api/quiet-sources", {"sources": []})

    result = tillgate("source", "quiet")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "No source is quiet" in result.stderr
