"""``tillgate event replay``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.unit.ops.cli.fake_tillgate import TENANT_ID

if TYPE_CHECKING:
    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

REPLAY = f"/admin/api/tenants/{TENANT_ID}/replay"
EVENT_ID = "0190f5e2-7a5b-7c31-9d2e-6f1a2b3c4d5e"
NEXT = {None: "c1", "c1": "c2", "c2": None}


def step(request: httpx.Request) -> httpx.Response:
    body = json.loads(request.content)
    following = NEXT[body.get("cursor")]
    return httpx.Response(
        200, json={"count": 400, "dry_run": body["dry_run"], "next_cursor": following}
    )


def bodies(server: FakeTillgate) -> list[dict[str, object]]:
    return [json.loads(r.content) for r in server.requests if r.method == "POST"]


def test_one_event_is_replayed(server: FakeTillgate, tillgate: TypeCommand) -> None:
    path = f"/admin/api/tenants/{TENANT_ID}/events/{EVENT_ID}/replay"
    server.answer("POST", path, {"event_id": EVENT_ID, "rid": "r"}, status=202)

    result = tillgate("event", "replay", EVENT_ID.upper(), "--tenant", "demo")

    assert result.exit_code == 0
    assert EVENT_ID in result.stdout
    assert f"tillgate event get demo {EVENT_ID}" in result.stderr


@pytest.mark.parametrize("dry_run", [True, False])
def test_every_step_is_driven_to_the_end_with_the_same_filters(
    server: FakeTillgate, tillgate: TypeCommand, *, dry_run: bool
) -> None:
    server.answer_by("POST", REPLAY, step)
    options = ["--since", "2h", "--until", "1h", "--type", "a/b", "--status", "gave_up"]

    result = tillgate(
        "event", "replay", "--tenant", "demo", *options, *(["--dry-run"] if dry_run else []),
        "--output", "json",
    )  # fmt: skip

    filters = {
        "since": "2026-11-23T10:00:00.000Z",
        "until": "2026-11-23T11:00:00.000Z",
        "type": "a/b",
        "status": "gave_up",
        "dry_run": dry_run,
    }
    if not dry_run:
        filters["limit"] = 200
    assert bodies(server) == [filters, filters | {"cursor": "c1"}, filters | {"cursor": "c2"}]
    assert json.loads(result.stdout) == {"count": 1200, "dry_run": dry_run}


def test_a_run_that_breaks_off_says_where_to_go_on(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    def break_later(request: httpx.Request) -> httpx.Response:
        if b"c1" in request.content:
            raise httpx.ReadError("connection reset")
        return step(request)

    server.answer_by("POST", REPLAY, break_later)

    result = tillgate("event", "replay", "--tenant", "demo", "--since", "2h")

    assert result.exit_code == 3
    assert "400 events until it broke off" in result.stderr
    # As it was read: 2h ago is another time by then.
    assert "--since 2026-11-23T10:00:00.000Z --cursor c1" in result.stderr


def test_a_run_that_never_got_anywhere_is_begun_again(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.fail("POST", REPLAY, httpx.ReadError("connection reset"))

    result = tillgate("event", "replay", "--tenant", "demo", "--since", "2h")

    assert result.exit_code == 3
    assert "0 events until it broke off. Begin again" in result.stderr


@pytest.mark.parametrize(
    ("options", "limit", "paused"),
    [([], 200, [2.0, 2.0]), (["--per-second", "1000"], 1000, [0.4, 0.4])],
)
def test_so_many_a_second_are_replayed(
    server: FakeTillgate,
    tillgate: TypeCommand,
    options: list[str],
    limit: int,
    paused: list[float],
) -> None:
    server.answer_by("POST", REPLAY, step)

    result = tillgate("event", "replay", "--tenant", "demo", "--since", "2h", *options)

    assert result.exit_code == 0
    assert {body["limit"] for body in bodies(server)} == {limit}
    # Each step's 400, and none after the last.
    assert server.paused == paused


def test_counting_takes_its_time_from_nobody(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer_by("POST", REPLAY, step)

    tillgate("event", "replay", "--tenant", "demo", "--since", "2h", "--dry-run")

    assert server.paused == []


def test_ctrl_c_ends_a_replay_with_how_far_it_came_and_how_to_go_on(
    server: FakeTillgate, tillgate: TypeCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    server.answer_by("POST", REPLAY, step)
    monkeypatch.setattr(server, "pause", interrupt)

    result = tillgate("event", "replay", "--tenant", "demo", "--since", "2h", "--until", "1h")

    assert result.exit_code == 130
    assert "400 events until it broke off." in result.stderr
    assert (
        "--since 2026-11-23T10:00:00.000Z --until 2026-11-23T11:00:00.000Z --cursor c1"
        in result.stderr
    )


@pytest.mark.parametrize("per_second", ["0", "1001"])
def test_a_pace_beyond_one_step_is_refused(
    server: FakeTillgate, tillgate: TypeCommand, per_second: str
) -> None:
    result = tillgate(
        "event", "replay", "--tenant", "demo", "--since", "2h", "--per-second", per_second
    )

    assert result.exit_code == 2
    assert server.requests == []


def test_a_run_goes_on_from_a_cursor(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer_by("POST", REPLAY, step)

    result = tillgate("event", "replay", "--tenant", "demo", "--since", "2h", "--cursor", "c2")

    assert [body["cursor"] for body in bodies(server)] == ["c2"]
    assert result.stdout.splitlines()[0].split() == ["COUNT", "400"]


def test_a_tenant_without_a_destination_is_told_what_to_do(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    problem = {"type": "no-destination", "title": "The tenant has no destination", "status": 409}
    server.answer("POST", REPLAY, problem, status=409)

    result = tillgate("event", "replay", "--tenant", "demo", "--since", "2h")

    assert result.exit_code == 1
    assert "next: tillgate destination set TENANT URL" in result.stderr


@pytest.mark.parametrize(
    "which", [[], [EVENT_ID, "--since", "2h"], [EVENT_ID, "--dry-run"], ["--type", "a"], ["k-1"]]
)
def test_which_events_has_to_be_said_in_one_way(
    server: FakeTillgate, tillgate: TypeCommand, which: list[str]
) -> None:
    result = tillgate("event", "replay", *which, "--tenant", "demo")

    assert result.exit_code == 2
    assert server.requests == []
