"""``tillgate source credential``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.ops.cli.fake_tillgate import TENANT_ID

if TYPE_CHECKING:
    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

SOURCE_ID = "4c1d6f0e-8a57-4b1e-9d3c-2f6b7a905e18"
PATH = f"/admin/api/sources/{SOURCE_ID}/credential"
EUROPE = "https://api.eu.clover.com"
SOURCE = {
    "source_id": SOURCE_ID,
    "tenant_id": TENANT_ID,
    "provider": "clover",
    "name": "till",
    "merchant_id": "M1",
    "credential": {"api_url": EUROPE, "set_at": "2026-11-23T10:00:00Z"},
}


def test_a_token_is_piped_in_and_never_shown(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("PUT", PATH, SOURCE)

    result = tillgate(
        "source", "credential", SOURCE_ID.upper(), "--api-url", EUROPE, "--secret-stdin",
        stdin="canary\n",
    )  # fmt: skip

    assert result.exit_code == 0
    assert server.last_body == {"token": "canary", "api_url": EUROPE}
    assert EUROPE in result.stdout
    assert "ops/supabase/schema.sql" in result.stderr
    assert "canary" not in result.output


def test_a_person_is_asked_for_the_token(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("PUT", PATH, SOURCE)

    result = tillgate("source", "credential", SOURCE_ID, stdin="typed\n", is_interactive=True)

    assert server.last_body == {"token": "typed"}
    assert "API token of the merchant at the vendor (hidden)" in result.stderr
    assert "typed" not in result.output


def test_a_provider_that_needs_none_is_said_in_the_servers_words(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    faults = [{"pointer": "", "detail": "cannot be used: nothing is fetched"}]
    problem = {"type": "invalid-request", "title": "Does not fit", "status": 422, "errors": faults}
    server.answer("PUT", PATH, problem, status=422)

    result = tillgate("source", "credential", SOURCE_ID, "--secret-stdin", stdin="t")

    assert result.exit_code == 1
    assert "cannot be used: nothing is fetched" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "stdin", "is_interactive", "exit_code"),
    [
        (["--yes"], "", False, 0),
        ([], "y\n", True, 0),
        ([], "n\n", True, 1),
        ([], "", False, 2),
        (["--yes", "--api-url", EUROPE], "", False, 2),
        (["--yes", "--secret-stdin"], "t", False, 2),
    ],
)
def test_a_credential_is_removed_only_if_somebody_says_so(
    server: FakeTillgate,
    tillgate: TypeCommand,
    arguments: list[str],
    stdin: str,
    *,
    is_interactive: bool,
    exit_code: int,
) -> None:
    server.answer("DELETE", PATH, SOURCE)

    result = tillgate(
        "source", "credential", SOURCE_ID, "--remove", *arguments,
        stdin=stdin, is_interactive=is_interactive,
    )  # fmt: skip

    assert result.exit_code == exit_code
    assert ("DELETE" in [request.method for request in server.requests]) is (exit_code == 0)


@pytest.mark.parametrize("arguments", [["x"], [SOURCE_ID]])
def test_nothing_is_set_without_an_id_and_a_token(
    server: FakeTillgate, tillgate: TypeCommand, arguments: list[str]
) -> None:
    assert tillgate("source", "credential", *arguments).exit_code == 2
    assert server.requests == []


def test_the_list_says_which_source_has_one(server: FakeTillgate, tillgate: TypeCommand) -> None:
    without = SOURCE | {"source_id": TENANT_ID, "credential": None}
    server.answer("GET", f"/admin/api/tenants/{TENANT_ID}/sources", {"sources": [SOURCE, without]})

    lines = tillgate("source", "list", TENANT_ID).stdout.splitlines()

    assert "VENDOR API" in lines[0]
    assert [EUROPE in line for line in lines[1:]] == [True, False]
