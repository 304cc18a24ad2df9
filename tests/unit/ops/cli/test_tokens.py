from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.unit.ops.cli.fake_tillgate import TENANT_ID

if TYPE_CHECKING:
    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

TOKENS = f"/admin/api/tenants/{TENANT_ID}/tokens"
TOKEN_ID = "22222222-2222-4222-8222-222222222222"
TOKEN = {
    "token_id": TOKEN_ID,
    "name": "till",
    "token": "tg_live_made-up",
    "hint": "tg_live_made",
    "created_at": "2026-11-01T08:00:00Z",
    "revoked_at": None,
}
LISTED = {name: value for name, value in TOKEN.items() if name != "token"}


def test_a_new_token_is_on_stdout_with_a_note_that_it_is_shown_once(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("POST", TOKENS, TOKEN, status=201)

    result = tillgate("token", "create", "demo", "--name", "till")

    assert server.last_body == {"name": "till"}
    assert "tg_live_made-up" in result.stdout
    assert "not shown again" in result.stderr
    assert "tg_live_made-up" not in result.stderr


def test_a_new_token_can_be_read_by_a_script(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("POST", TOKENS, TOKEN, status=201)

    result = tillgate("token", "create", "demo", "--name", "till", "-o", "json")

    assert json.loads(result.stdout)["token"] == "tg_live_made-up"


def test_tokens_are_listed_by_their_hint(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("GET", TOKENS, {"tokens": [LISTED]})

    result = tillgate("token", "list", "demo")

    assert result.stdout.splitlines()[1].split()[:3] == [TOKEN_ID, "till", "tg_live_made"]


def test_a_token_is_revoked_by_its_id(server: FakeTillgate, tillgate: TypeCommand) -> None:
    revoked = LISTED | {"revoked_at": "2026-11-23T12:00:00Z"}
    server.answer("DELETE", f"/admin/api/tokens/{TOKEN_ID}", revoked)

    result = tillgate("token", "revoke", TOKEN_ID)

    assert result.exit_code == 0
    assert "2026-11-23T12:00:00Z" in result.stdout
    assert "30 s" in result.stderr


def test_a_token_pasted_for_its_id_is_neither_sent_nor_repeated(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    result = tillgate("token", "revoke", "tg_live_made-up")

    assert result.exit_code == 2
    assert server.requests == []
    assert "tg_live_made-up" not in result.output
    assert "tillgate token list" in result.stderr
