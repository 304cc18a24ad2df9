from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.unit.ops.cli.fake_tillgate import OPERATOR_TOKEN, TENANT, TENANT_ID, URL

if TYPE_CHECKING:
    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

PATH = "/admin/api/audit"
ENTRY = {
    "entry_id": "01a207d9-2607-7716-9e0b-6a4f1d2c8b35",
    "at": "2026-11-23T09:30:00Z",
    "actor": {"kind": "operator", "id": "sha256:5f2c90ab", "claimed_name": "alice"},
    "action": "token.revoked",
    "tenant_id": TENANT_ID,
    "target": {"kind": "token", "id": "0b9a8c7d-6e5f-4a3b-8c1d-0e9f8a7b6c5d"},
    "rid": "rid-1",
    "source_address": "192.0.2.1",
    "details": {"hint": "tg_live_4f9Q"},
}
CREATED = {**ENTRY, "action": "app.created", "tenant_id": None, "details": {}}
KNOWN = {"TILLGATE_URL": URL, "TILLGATE_OPERATOR_TOKEN": OPERATOR_TOKEN}


def test_list_tells_who_did_what(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("GET", PATH, {"entries": [ENTRY, CREATED], "next_cursor": "a1_x"})

    result = tillgate("audit", "list")

    assert result.exit_code == 0
    for told in ("token.revoked", "sha256:5f2c90ab", "alice", TENANT_ID, "192.0.2.1", "rid-1"):
        assert told in result.stdout
    assert "tg_live_4f9Q" in result.stdout
    assert "--cursor a1_x" in result.stderr


def test_list_is_the_servers_own_json_when_asked_for(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", PATH, {"entries": [ENTRY], "next_cursor": None})

    result = tillgate("audit", "list", "-o", "json")

    assert json.loads(result.stdout)["entries"] == [ENTRY]


def test_filters_go_to_the_server(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("GET", "/admin/api/tenants", {"tenants": [TENANT]})
    server.answer("GET", PATH, {"entries": [], "next_cursor": None})

    result = tillgate(
        "audit", "list", "--tenant", "demo", "--action", "token.revoked", "--actor", "alice",
        "--since", "2026-11-01T00:00:00Z", "--until", "2026-11-02T00:00:00Z", "--limit", "7",
        "--cursor", "a1_x",
    )  # fmt: skip

    assert dict(server.requests[-1].url.params) == {
        "tenant_id": TENANT_ID, "action": "token.revoked", "actor": "alice",
        "since": "2026-11-01T00:00:00Z", "until": "2026-11-02T00:00:00Z", "limit": "7",
        "cursor": "a1_x",
    }  # fmt: skip
    assert "Nothing was done." in result.stderr


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"TILLGATE_OPERATOR": "alice@example.com", "USER": "root"}, "alice@example.com"),
        ({"LOGNAME": "bob", "USER": "root"}, "bob"),
        ({"TILLGATE_OPERATOR": "", "USER": "carol"}, "carol"),
        ({"USERNAME": "dave"}, "dave"),
        ({"TILLGATE_OPERATOR": " José O'Neill\n"}, "Jos__O_Neill"),
        ({"TILLGATE_OPERATOR": "x" * 99}, "x" * 64),
        ({}, None),
    ],
)
def test_each_call_says_who_types(
    server: FakeTillgate, tillgate: TypeCommand, environ: dict[str, str], name: str | None
) -> None:
    server.answer("GET", PATH, {"entries": [], "next_cursor": None})

    tillgate("audit", "list", environ={**KNOWN, **environ})

    assert server.requests[-1].headers.get("X-Operator") == name
