"""``tillgate quarantine``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.unit.ops.cli.fake_tillgate import TENANT_ID

if TYPE_CHECKING:
    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

QUARANTINE = "/admin/api/quarantine"
ID = "5e1b7c90-2d4f-5a68-9b3e-7f0c1d2e3f4a"
OTHER_ID = "8a2d6e41-7b9c-5f03-a1d8-3c4e5f607182"
DELIVERY = {
    "quarantine_id": ID,
    "reason": "signature-refused",
    "provider": "square",
    "tenant_id": TENANT_ID,
    "endpoint_id": OTHER_ID,
    "events": 1,
    "sealed_bytes": 900,
    "rid": "rid-1",
    "received_at": "2026-11-23T10:00:00Z",
    "expires_at": "2026-12-23T10:00:00Z",
}


def group(reason: str, count: int) -> dict[str, object]:
    return {
        "reason": reason,
        "provider": "square",
        "tenant_id": TENANT_ID,
        "slug": "demo",
        "endpoint_id": OTHER_ID,
        "count": count,
        "events": count,
        "oldest": "2026-11-22T10:00:00Z",
        "newest": "2026-11-23T10:00:00Z",
    }


def plan(**counts: int) -> dict[str, object]:
    groups = [group(reason.replace("_", "-"), count) for reason, count in counts.items()]
    return {"count": sum(counts.values()), "events": 0, "by_reason": {}, "groups": groups}


def retried(*outcomes: str, stored: int = 0, cursor: str | None = None) -> dict[str, object]:
    remaining = {"quarantine_id": ID, "reason": "merchant-unknown", "tenant_id": None, "events": 2}
    return {
        "stored": stored,
        "duplicates": 0,
        "still_refused": 0,
        "deliveries": [
            {
                "quarantine_id": ID,
                "outcome": outcome,
                "stored": 0,
                "duplicates": 0,
                "remaining": [remaining] if outcome == "still-refused" else [],
            }
            for outcome in outcomes
        ],
        "next_cursor": cursor,
    }


def answer_in_turn(server: FakeTillgate, path: str, *answers: dict[str, object]) -> None:
    left = iter(answers)
    server.answer_by("POST", f"{QUARANTINE}/{path}", lambda _: httpx.Response(200, json=next(left)))


def posted(server: FakeTillgate) -> list[dict[str, object]]:
    return [json.loads(r.content) for r in server.requests if r.method == "POST"]


def test_what_was_set_aside_is_listed_with_the_next_page_named(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", QUARANTINE, {"deliveries": [DELIVERY], "next_cursor": "q1_x"})

    result = tillgate(
        "quarantine", "list", "--tenant", "demo", "--endpoint", OTHER_ID.upper(), "--provider",
        "square", "--reason", "unreadable", "--since", "2026-11-23T10:00:00Z", "--limit", "1",
    )  # fmt: skip

    assert dict(server.requests[-1].url.params) == {
        "tenant_id": TENANT_ID, "endpoint_id": OTHER_ID, "provider": "square",
        "reason": "unreadable", "since": "2026-11-23T10:00:00Z", "limit": "1",
    }  # fmt: skip
    assert ID in result.stdout
    assert "--cursor q1_x" in result.stderr


def test_content_is_asked_for_only_when_it_is_wanted(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", f"{QUARANTINE}/{ID}", DELIVERY | {"is_content_shown": False})
    closed = tillgate("quarantine", "show", ID)
    assert dict(server.requests[-1].url.params) == {}
    content = {"body": "the body\x1b[2J", "encoding": "text", "headers": {"a": "b"}}
    server.answer("GET", f"{QUARANTINE}/{ID}", DELIVERY | {"content": content})

    opened = tillgate("quarantine", "show", ID, "--content")

    assert dict(server.requests[-1].url.params) == {"content": "true"}
    assert "BODY" not in closed.stdout
    assert opened.stdout.splitlines()[-1].startswith("the body")
    assert "\x1b" not in opened.stdout


def test_a_dry_run_says_what_to_mend_first(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer(
        "GET", f"{QUARANTINE}/plan", plan(signature_refused=3, tenant_suspended=2, token_revoked=1)
    )

    result = tillgate("quarantine", "retry", "--all", "--dry-run")

    assert result.exit_code == 0
    assert "signature-refused: set the secret" in result.stderr
    assert "tenant-suspended: tillgate tenant resume" in result.stderr
    assert "token-revoked: look at them" in result.stderr
    assert posted(server) == []


def test_a_bulk_retry_is_asked_for_paced_and_driven_to_its_end(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", f"{QUARANTINE}/plan", plan(signature_refused=3, token_revoked=9))
    answer_in_turn(
        server,
        "retry",
        retried("stored", "stored", stored=2, cursor="q1_a"),
        retried("still-refused", "cut"),
    )

    result = tillgate(
        "quarantine", "retry", "--tenant", "demo", "--per-second", "2",
        stdin="y\n", is_interactive=True,
    )  # fmt: skip

    assert result.exit_code == 0, result.stderr
    assert "Try 3 deliveries again?" in result.stderr, "what a revoked token brought is not"
    assert posted(server) == [
        {"tenant_id": TENANT_ID, "limit": 2},
        {"tenant_id": TENANT_ID, "limit": 2, "cursor": "q1_a"},
    ]
    assert server.paused == [1.0]
    assert "STORED         2" in result.stdout
    assert "Still merchant-unknown, 2 events: bind the merchant" in result.stderr
    assert "1 not kept whole" in result.stderr


def test_a_script_reads_one_json_document(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("GET", f"{QUARANTINE}/plan", plan(signature_refused=1))
    answer_in_turn(server, "retry", retried("stored", stored=1))

    result = tillgate("quarantine", "retry", "--all", "--yes", "--output", "json")

    assert json.loads(result.stdout) == {
        "tried": 1, "stored": 1, "duplicates": 0, "still_refused": 0,
        "outcomes": {"stored": 1}, "remaining": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stdin", "is_interactive", "exit_code"), [("n\n", True, 1), ("y\n", False, 2)]
)
@pytest.mark.parametrize("command", [["retry", "--all"], ["discard", "--reason", "unreadable"]])
def test_nothing_is_done_unless_somebody_says_so(
    server: FakeTillgate,
    tillgate: TypeCommand,
    command: list[str],
    stdin: str,
    *,
    is_interactive: bool,
    exit_code: int,
) -> None:
    server.answer("GET", f"{QUARANTINE}/plan", plan(unreadable=1))

    result = tillgate("quarantine", *command, stdin=stdin, is_interactive=is_interactive)

    assert result.exit_code == exit_code
    assert posted(server) == []


def test_ids_are_tried_without_asking_and_again_where_the_time_was_used_up(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    answer_in_turn(server, "retry", retried("stored", "untried", stored=1), retried("gone"))

    result = tillgate("quarantine", "retry", ID, OTHER_ID.upper())

    assert posted(server) == [{"ids": [ID, OTHER_ID]}, {"ids": [OTHER_ID]}]
    assert "TRIED          2" in result.stdout
    assert "1 not there any more" in result.stderr


def test_a_retry_that_breaks_off_says_where_to_go_on(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", f"{QUARANTINE}/plan", plan(unreadable=2))
    steps = iter([httpx.Response(200, json=retried("stored", stored=1, cursor="q1_a"))])

    def answer(_: httpx.Request) -> httpx.Response:
        try:
            return next(steps)
        except StopIteration:
            raise httpx.ReadTimeout("no answer") from None

    server.answer_by("POST", f"{QUARANTINE}/retry", answer)

    result = tillgate("quarantine", "retry", "--all", "--yes")

    assert result.exit_code == 3
    assert "1 delivery tried, and 1 event stored" in result.stderr
    assert "--cursor q1_a" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [], [ID, "--all"], [ID, "--reason", "unreadable"], ["--all", "--reason", "unreadable"],
        [ID, "--dry-run"], ["x"],
    ],
)  # fmt: skip
def test_which_to_retry_has_to_be_said_in_one_way(
    server: FakeTillgate, tillgate: TypeCommand, arguments: list[str]
) -> None:
    assert tillgate("quarantine", "retry", *arguments, "--yes").exit_code == 2
    assert server.requests == []


def test_a_reason_is_discarded_step_by_step_with_the_plans_count(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", f"{QUARANTINE}/plan", plan(unreadable=12))
    answer_in_turn(server, "discard", {"discarded": 10, "left": 2}, {"discarded": 2, "left": 0})

    result = tillgate("quarantine", "discard", "--reason", "unreadable", "--yes")

    assert posted(server) == [
        {"reason": "unreadable", "count": 12}, {"reason": "unreadable", "count": 2},
    ]  # fmt: skip
    assert result.stdout.splitlines()[-1].split() == ["DISCARDED", "12"]


def test_deliveries_are_discarded_by_their_ids(server: FakeTillgate, tillgate: TypeCommand) -> None:
    answer_in_turn(server, "discard", {"discarded": 1, "left": 0})

    result = tillgate("quarantine", "discard", ID, ID.upper(), stdin="y\n", is_interactive=True)

    assert "Remove 1 delivery for good?" in result.stderr
    assert posted(server) == [{"ids": [ID], "count": 1}]


@pytest.mark.parametrize("which", [[], [ID, "--reason", "unreadable"], ["--tenant", TENANT_ID]])
def test_what_to_discard_has_to_be_said_by_ids_or_a_reason(
    server: FakeTillgate, tillgate: TypeCommand, which: list[str]
) -> None:
    assert tillgate("quarantine", "discard", *which, "--yes").exit_code == 2
    assert posted(server) == []


def test_nothing_in_quarantine_is_nothing_to_do(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", f"{QUARANTINE}/plan", plan())

    for command in (["retry", "--all"], ["discard", "--reason", "unreadable"]):
        result = tillgate("quarantine", *command, "--yes")
        assert (result.exit_code, "nothing" in result.stderr) == (0, True)
    assert posted(server) == []


@pytest.mark.parametrize(
    ("found", "state", "words"),
    [
        (plan(), "ok", "none"),
        (plan(unknown_endpoint=37), "ok", "37 samples of unknown endpoints"),
        (
            plan(signature_refused=2, merchant_unknown=3, unknown_endpoint=1),
            "warn",
            "5 deliveries were set aside: merchant-unknown 3, signature-refused 2.",
        ),
        (plan(unreadable=1), "warn", "1 delivery was set aside"),
    ],
)
def test_doctor_says_what_was_set_aside(
    server: FakeTillgate,
    tillgate: TypeCommand,
    found: dict[str, object],
    state: str,
    words: str,
) -> None:
    server.answer("GET", "/livez", {"status": "ok", "version": "0"})
    server.answer("GET", "/startupz", {"status": "ready", "checks": {}})
    server.answer("GET", "/admin/api/status", {"version": "0", "database": {"ok": True}})
    server.answer("GET", f"{QUARANTINE}/plan", found)

    report = json.loads(tillgate("doctor", "--output", "json").stdout)

    [check] = [check for check in report["checks"] if check["name"] == "quarantine"]
    assert check["state"] == state
    assert words in check["detail"]


def test_doctor_blames_no_server_that_does_not_tell_yet(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", "/livez", {"status": "ok", "version": "0"})
    server.answer("GET", "/startupz", {"status": "ready", "checks": {}})
    server.answer("GET", "/admin/api/status", {"version": "0", "database": {"ok": True}})

    report = json.loads(tillgate("doctor", "--output", "json").stdout)

    assert "quarantine" not in {check["name"] for check in report["checks"]}
