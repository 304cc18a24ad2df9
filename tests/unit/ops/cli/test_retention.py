"""``tillgate tenant retention`` and ``tillgate tenant erase``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.unit.ops.cli.fake_tillgate import TENANT, TENANT_ID

if TYPE_CHECKING:
    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

RETENTION = f"/admin/api/tenants/{TENANT_ID}/retention"
ERASURE = f"/admin/api/tenants/{TENANT_ID}/erasure"
COUNTS = {
    "events": 5, "deliveries": 5, "attempts": 6, "quarantine": 1, "sources": 1, "tokens": 2,
    "destinations": 1, "credentials": 0,
}  # fmt: skip
ASKED = {"tenant_id": TENANT_ID, "asked_at": "2026-11-23T12:00:00Z", "done_at": None}


def kept(days: int, *, is_default: bool = False) -> dict[str, object]:
    return {"tenant_id": TENANT_ID, "days": days, "is_default": is_default}


def test_without_an_option_it_is_shown(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("GET", RETENTION, kept(400, is_default=True))

    result = tillgate("tenant", "retention", "demo")

    assert (result.exit_code, "400" in result.stdout, "yes" in result.stdout) == (0, True, True)


@pytest.mark.parametrize("arguments", [["--days", "30"], ["--default"]])
def test_a_shorter_one_is_asked_about_and_a_longer_one_is_not(
    server: FakeTillgate, tillgate: TypeCommand, arguments: list[str]
) -> None:
    server.answer("GET", RETENTION, kept(90))
    server.answer("PUT", RETENTION, kept(30))
    server.answer("DELETE", RETENTION, kept(400, is_default=True))

    silent = tillgate("tenant", "retention", "demo", *arguments)
    said_no = tillgate("tenant", "retention", "demo", *arguments, stdin="n\n", is_interactive=True)
    assert [silent.exit_code, said_no.exit_code] == [2, 1]
    assert {request.method for request in server.requests} == {"GET"}

    assert tillgate("tenant", "retention", "demo", *arguments, "--yes").exit_code == 0
    assert tillgate("tenant", "retention", "demo", "--days", "100").exit_code == 0
    assert server.last_body == {"days": 100}


def test_days_and_default_exclude_each_other(tillgate: TypeCommand) -> None:
    assert tillgate("tenant", "retention", "demo", "--days", "9", "--default").exit_code == 2


@pytest.fixture
def suspended(server: FakeTillgate) -> FakeTillgate:
    server.answer("GET", "/admin/api/tenants", {"tenants": [{**TENANT, "state": "suspended"}]})
    server.answer("GET", f"{ERASURE}/plan", {**COUNTS, "next_cursor": None})
    server.answer("POST", ERASURE, {**ASKED, "removed": COUNTS}, status=202)
    done = {**ASKED, "done_at": "2026-11-23T12:01:30Z", "removed": COUNTS}
    server.answer("GET", ERASURE, done)
    return server


def posts(server: FakeTillgate) -> int:
    return sum(request.method == "POST" for request in server.requests)


def test_a_dry_run_only_counts(suspended: FakeTillgate, tillgate: TypeCommand) -> None:
    result = tillgate("tenant", "erase", "demo", "--dry-run", "--output", "json")

    assert (result.exit_code, posts(suspended)) == (0, 0)
    assert json.loads(result.stdout) == COUNTS


def test_pages_of_a_plan_are_added_up(suspended: FakeTillgate, tillgate: TypeCommand) -> None:
    def page(request: httpx.Request) -> httpx.Response:
        is_last = request.url.params.get("cursor") == "c1"
        return httpx.Response(200, json={**COUNTS, "next_cursor": None if is_last else "c1"})

    suspended.answer_by("GET", f"{ERASURE}/plan", page)

    result = tillgate("tenant", "erase", "demo", "--dry-run", "--output", "json")

    assert json.loads(result.stdout)["events"] == 10


def test_an_active_merchant_is_refused_in_clear_words(
    suspended: FakeTillgate, tillgate: TypeCommand
) -> None:
    suspended.answer("GET", "/admin/api/tenants", {"tenants": [TENANT]})

    result = tillgate("tenant", "erase", "demo", "--confirm", "demo")

    assert (result.exit_code, posts(suspended)) == (1, 0)
    assert "only a suspended merchant is erased" in result.stderr
    assert "tillgate tenant suspend demo" in result.stderr


@pytest.mark.parametrize(
    ("typed", "arguments", "exit_code"),
    [
        ("y\n", [], 1),
        ("demo2\n", [], 1),
        ("", ["--confirm", "other"], 1),
        ("demo\n", [], 0),
        ("", ["--confirm", "demo"], 0),
    ],
)
def test_its_slug_has_to_be_typed(
    suspended: FakeTillgate, tillgate: TypeCommand, typed: str, arguments: list[str], exit_code: int
) -> None:
    result = tillgate("tenant", "erase", "demo", *arguments, stdin=typed, is_interactive=True)

    assert (result.exit_code, posts(suspended)) == (exit_code, int(exit_code == 0))
    if exit_code == 0:
        assert json.loads(next(r for r in suspended.requests if r.method == "POST").content) == {
            "slug": "demo"
        }
        assert "2026-11-23T12:01:30Z" in result.stdout


def test_where_nobody_can_be_asked_nothing_is_done(
    suspended: FakeTillgate, tillgate: TypeCommand
) -> None:
    result = tillgate("tenant", "erase", "demo")

    assert (result.exit_code, posts(suspended)) == (2, 0)
    assert "--confirm demo" in result.stderr


def test_it_is_watched_for_five_minutes_at_most(
    suspended: FakeTillgate, tillgate: TypeCommand
) -> None:
    suspended.answer("GET", ERASURE, {**ASKED, "removed": COUNTS})

    result = tillgate("tenant", "erase", "demo", "--confirm", "demo")

    assert result.exit_code == 0
    assert sum(suspended.paused) == 300
    assert "goes on by itself" in result.stderr


def test_again_it_shows_how_far_it_is(suspended: FakeTillgate, tillgate: TypeCommand) -> None:
    erased = {**TENANT, "state": "erased", "slug": "erased-1111"}
    suspended.answer("GET", "/admin/api/tenants", {"tenants": [erased]})

    result = tillgate("tenant", "erase", TENANT_ID, "--no-wait")

    assert (result.exit_code, posts(suspended), suspended.paused) == (0, 0, [])
    assert "2026-11-23T12:01:30Z" in result.stdout
