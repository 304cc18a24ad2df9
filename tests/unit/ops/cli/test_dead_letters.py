"""``tillgate deadletter``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.unit.ops.cli.fake_tillgate import TENANT_ID

if TYPE_CHECKING:
    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

LETTERS = "/admin/api/dead-letters"
REDRIVE_ID = "55555555-5555-4555-8555-555555555555"
EVENT_ID = "0190f5e2-7a5b-7c31-9d2e-6f1a2b3c4d5e"
GROUP = {
    "tenant_id": TENANT_ID,
    "slug": "demo",
    "reason": "http-401",
    "count": 12,
    "oldest": "2026-11-22T10:00:00Z",
    "newest": "2026-11-23T10:00:00Z",
}
PLAN = {"count": 12, "groups": [GROUP]}
REDRIVE = {
    "redrive_id": REDRIVE_ID,
    "tenant_id": None,
    "reason": None,
    "per_second": 10,
    "state": "running",
    "moved": 0,
    "left": 12,
    "started_at": "2026-11-23T10:00:00Z",
    "ended_at": None,
}


@pytest.fixture
def planned(server: FakeTillgate) -> FakeTillgate:
    """Twelve dead letters, and a redrive of them that is done at the third look."""
    server.answer("GET", f"{LETTERS}/plan", PLAN)
    server.answer("POST", f"{LETTERS}/redrives", REDRIVE, status=201)
    looks = iter([REDRIVE, REDRIVE | {"moved": 7, "left": 5}])
    done = REDRIVE | {"state": "done", "moved": 12, "left": 0}
    server.answer_by(
        "GET",
        f"{LETTERS}/redrives/{REDRIVE_ID}",
        lambda _: httpx.Response(200, json=next(looks, done)),
    )
    return server


def posted(server: FakeTillgate) -> list[dict[str, object]]:
    return [json.loads(r.content) for r in server.requests if r.method == "POST"]


def test_dead_letters_are_listed_with_the_next_page_named(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    letter = {"event_id": EVENT_ID, "tenant_id": TENANT_ID, "reason": "http-401", "status": 401}
    server.answer("GET", LETTERS, {"dead_letters": [letter], "next_cursor": "e1_x"})

    result = tillgate("deadletter", "list", "--tenant", "demo", "--reason", "a b", "--limit", "1")

    params = dict(server.requests[-1].url.params)
    assert params == {"tenant_id": TENANT_ID, "reason": "a b", "limit": "1"}
    assert EVENT_ID in result.stdout
    assert "--cursor e1_x" in result.stderr


@pytest.mark.usefixtures("planned")
def test_the_plan_counts_by_merchant_reason_and_age(tillgate: TypeCommand) -> None:
    result = tillgate("deadletter", "plan")

    heading, row = result.stdout.splitlines()
    assert heading.split() == ["TENANT", "REASON", "COUNT", "OLDEST", "NEWEST"]
    assert row.split()[:3] == ["demo", "http-401", "12"]
    assert "12 dead letters" in result.stderr


def test_a_redrive_is_planned_asked_for_and_watched_to_its_end(
    planned: FakeTillgate, tillgate: TypeCommand
) -> None:
    result = tillgate(
        "deadletter", "redrive", "--tenant", "demo", "--per-second", "50",
        stdin="y\n", is_interactive=True,
    )  # fmt: skip

    assert result.exit_code == 0
    assert posted(planned) == [{"tenant_id": TENANT_ID, "per_second": 50}]
    assert result.stdout.index("http-401") < result.stdout.index(REDRIVE_ID)
    assert "Send 12 dead letters on again, 50 a second?" in result.stderr
    assert "done" in result.stdout
    assert planned.paused == [1.0, 1.0]


@pytest.mark.parametrize(
    ("stdin", "is_interactive", "exit_code"), [("n\n", True, 1), ("y\n", False, 2)]
)
def test_nothing_moves_unless_somebody_says_so(
    planned: FakeTillgate,
    tillgate: TypeCommand,
    stdin: str,
    *,
    is_interactive: bool,
    exit_code: int,
) -> None:
    result = tillgate("deadletter", "redrive", stdin=stdin, is_interactive=is_interactive)

    assert result.exit_code == exit_code
    assert "Nothing was done" in result.stderr
    assert posted(planned) == []


def test_a_script_says_yes_and_reads_json(planned: FakeTillgate, tillgate: TypeCommand) -> None:
    result = tillgate("deadletter", "redrive", "--yes", "--output", "json")

    assert json.loads(result.stdout)["state"] == "done"
    assert posted(planned) == [{"per_second": 10}]


def test_ctrl_c_ends_the_watching_and_says_how_to_stop_the_redrive(
    planned: FakeTillgate, tillgate: TypeCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(planned, "pause", interrupt)

    result = tillgate("deadletter", "redrive", "--yes")

    assert result.exit_code == 130
    assert "The redrive goes on" in result.stderr
    assert f"--cancel {REDRIVE_ID}" in result.stderr
    assert not [r for r in planned.requests if r.url.path.endswith("/cancel")]


def test_a_redrive_is_watched_again_and_stopped_by_its_id(
    planned: FakeTillgate, tillgate: TypeCommand
) -> None:
    cancelled = REDRIVE | {"state": "cancelled", "moved": 7, "left": 5}
    planned.answer("POST", f"{LETTERS}/redrives/{REDRIVE_ID}/cancel", cancelled)

    watched = tillgate("deadletter", "redrive", "--follow", REDRIVE_ID)
    stopped = tillgate("deadletter", "redrive", "--cancel", REDRIVE_ID.upper())

    assert "done" in watched.stdout
    assert (stopped.exit_code, "cancelled" in stopped.stdout) == (0, True)


def test_redrives_are_listed_without_what_they_have_left(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", f"{LETTERS}/redrives", {"redrives": [REDRIVE | {"left": None}]})

    result = tillgate("deadletter", "redrives", "--state", "running", "--limit", "5")

    assert dict(server.requests[-1].url.params) == {"state": "running", "limit": "5"}
    assert REDRIVE_ID in result.stdout
    assert "LEFT" not in result.stdout


def test_no_redrive_is_said(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("GET", f"{LETTERS}/redrives", {"redrives": []})

    assert "There is no such redrive" in tillgate("deadletter", "redrives").stderr


def test_a_redrive_whose_answer_is_lost_is_looked_for_in_the_list(
    planned: FakeTillgate, tillgate: TypeCommand
) -> None:
    planned.fail("POST", f"{LETTERS}/redrives", httpx.ReadTimeout("no answer"))

    result = tillgate("deadletter", "redrive", "--yes")

    assert result.exit_code == 3
    assert "tillgate deadletter redrives" in result.stderr


def test_no_dead_letter_is_no_redrive(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("GET", f"{LETTERS}/plan", {"count": 0, "groups": []})

    result = tillgate("deadletter", "redrive", "--yes")

    assert result.exit_code == 0
    assert "no such dead letter" in result.stderr
    assert posted(server) == []


def test_a_reason_is_discarded_step_by_step_with_the_plans_count(
    planned: FakeTillgate, tillgate: TypeCommand
) -> None:
    steps = iter([{"discarded": 10, "left": 2}, {"discarded": 2, "left": 0}])
    planned.answer_by("POST", f"{LETTERS}/discard", lambda _: httpx.Response(200, json=next(steps)))

    result = tillgate("deadletter", "discard", "--tenant", "demo", "--reason", "http-401", "--yes")

    chosen = {"tenant_id": TENANT_ID, "reason": "http-401"}
    assert posted(planned) == [chosen | {"count": 12}, chosen | {"count": 2}]
    assert result.stdout.splitlines()[-1].split() == ["DISCARDED", "12"]


def test_events_are_discarded_by_their_ids(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("POST", f"{LETTERS}/discard", {"discarded": 1, "left": 0})

    result = tillgate(
        "deadletter", "discard", EVENT_ID, EVENT_ID.upper(), "--tenant", "demo",
        stdin="y\n", is_interactive=True,
    )  # fmt: skip

    assert "Discard 1 dead letter?" in result.stderr
    assert posted(server) == [{"tenant_id": TENANT_ID, "event_ids": [EVENT_ID], "count": 1}]


def test_a_plan_that_has_changed_is_said(planned: FakeTillgate, tillgate: TypeCommand) -> None:
    problem = {"type": "dead-letters-changed", "title": "Not those", "status": 409}
    planned.answer("POST", f"{LETTERS}/discard", problem, status=409)

    result = tillgate("deadletter", "discard", "--tenant", "demo", "--reason", "a", "--yes")

    assert result.exit_code == 1
    assert "next: tillgate deadletter plan" in result.stderr


@pytest.mark.parametrize("which", [[], [EVENT_ID, "--reason", "a"], ["k-1"]])
def test_what_to_discard_has_to_be_said_in_one_way(
    planned: FakeTillgate, tillgate: TypeCommand, which: list[str]
) -> None:
    result = tillgate("deadletter", "discard", *which, "--tenant", "demo", "--yes")

    assert result.exit_code == 2
    assert planned.requests == []
