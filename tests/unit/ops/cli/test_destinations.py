"""``tillgate destination``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.unit.ops.cli.fake_tillgate import TENANT_ID

if TYPE_CHECKING:
    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

PATH = f"/admin/api/tenants/{TENANT_ID}/destination"
ADDRESS = "https://abc.supabase.co"
DESTINATION = {
    "tenant_id": TENANT_ID,
    "kind": "supabase",
    "url": ADDRESS,
    "set_at": "2026-11-23T10:00:00Z",
    "breaker": {"state": "closed", "failures": 0, "open_until": None},
}
WELL = {"outcome": "delivered", "status": 201, "duration_ms": 84.2, "reason": None}
REFUSED = {"outcome": "gave_up", "status": 401, "duration_ms": 61.7, "reason": "http-401"}


def test_a_destination_is_set_with_a_secret_that_is_never_shown(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("PUT", PATH, DESTINATION, status=201)

    result = tillgate("destination", "set", "demo", ADDRESS, "--secret-stdin", stdin="sb_key\n")

    assert result.exit_code == 0
    assert server.last_body == {"kind": "supabase", "url": ADDRESS, "secret": "sb_key"}
    assert ADDRESS in result.stdout
    assert "tillgate destination test demo" in result.stderr
    assert "--status none" in result.stderr
    assert "sb_key" not in result.output


def test_a_person_is_asked_for_the_secret(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("PUT", PATH, DESTINATION)

    result = tillgate("destination", "set", "demo", ADDRESS, stdin="typed\n", is_interactive=True)

    assert server.last_body["secret"] == "typed"
    assert "Secret that lets Tillgate write there (hidden)" in result.stderr
    assert "typed" not in result.output


def test_nothing_is_set_without_a_secret(server: FakeTillgate, tillgate: TypeCommand) -> None:
    result = tillgate("destination", "set", "demo", ADDRESS)

    assert result.exit_code == 2
    assert [request.method for request in server.requests] == ["GET"]


def test_an_address_that_is_refused_is_said_in_the_servers_words(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    faults = [{"pointer": "/url", "detail": "must begin with https://"}]
    problem = {"type": "invalid-request", "title": "Does not fit", "status": 422, "errors": faults}
    server.answer("PUT", PATH, problem, status=422)

    result = tillgate("destination", "set", "demo", "http://x", "--secret-stdin", stdin="s")

    assert result.exit_code == 1
    assert "/url: must begin with https://" in result.stderr


def test_a_destination_that_is_spared_is_shown_so(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    breaker = {"state": "open", "failures": 5, "open_until": "2026-11-23T10:00:30Z"}
    server.answer("GET", PATH, DESTINATION | {"breaker": breaker})

    result = tillgate("destination", "show", "demo")

    lines = {line.partition("  ")[0].strip(): line for line in result.stdout.splitlines()}
    assert lines["BREAKER"].endswith(" open")
    assert lines["FAILURES"].endswith(" 5")
    assert lines["OPEN UNTIL"].endswith("2026-11-23T10:00:30Z")


@pytest.mark.parametrize(
    ("answer", "exit_code", "words"),
    [(WELL, 0, "Nothing was stored there"), (REFUSED, 1, "tillgate destination set demo URL")],
)
def test_the_test_says_whether_a_delivery_would_be_taken(
    server: FakeTillgate,
    tillgate: TypeCommand,
    answer: dict[str, object],
    exit_code: int,
    words: str,
) -> None:
    server.answer("POST", f"{PATH}/test", answer)

    result = tillgate("destination", "test", "demo")

    assert result.exit_code == exit_code
    assert str(answer["outcome"]) in result.stdout
    assert words in result.stderr


def test_the_test_is_json_for_scripts(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("POST", f"{PATH}/test", REFUSED)

    result = tillgate("destination", "test", "demo", "--output", "json")

    assert (result.exit_code, json.loads(result.stdout)) == (1, REFUSED)


@pytest.mark.parametrize(
    ("arguments", "stdin", "is_interactive", "exit_code"),
    [
        (["--yes"], "", False, 0),
        ([], "y\n", True, 0),
        ([], "n\n", True, 1),
        ([], "", False, 2),
    ],
)
def test_a_destination_is_removed_only_if_somebody_says_so(
    server: FakeTillgate,
    tillgate: TypeCommand,
    arguments: list[str],
    stdin: str,
    *,
    is_interactive: bool,
    exit_code: int,
) -> None:
    server.answer("DELETE", PATH, DESTINATION)

    result = tillgate(
        "destination", "remove", "demo", *arguments, stdin=stdin, is_interactive=is_interactive
    )

    assert result.exit_code == exit_code
    assert ("DELETE" in [request.method for request in server.requests]) is (exit_code == 0)
