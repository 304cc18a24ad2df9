"""``tillgate key list``, and what doctor says of old secrets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

KEYS: dict[str, Any] = {
    "keys": [
        {
            "kid": "k1",
            "made_on": None,
            "is_current": False,
            "rows": {},
            "leaves_on": "2026-01-01",
            "stays_because": [],
        },
        {
            "kid": "k2-2026-11-22",
            "made_on": "2026-11-22",
            "is_current": True,
            "rows": {"app.sealed_secret": 1, "source.sealed_secret": 10_000},
            "leaves_on": None,
            "stays_because": ["it seals"],
        },
    ],
    "secrets": [
        {"name": "key-ring", "made_at": None, "age_days": None, "is_old": False},
        {"name": "operator", "made_at": "2026-11-22T04:12:09Z", "age_days": 1, "is_old": False},
    ],
    "warnings": [],
}
OLD = {**KEYS, "warnings": ["The operator secret is 91 days old, and should be 90 at most."]}


@pytest.fixture
def told(server: FakeTillgate) -> FakeTillgate:
    server.answer("GET", "/admin/api/keys", KEYS)
    return server


@pytest.mark.usefixtures("told")
def test_keys_and_secrets_are_two_tables(tillgate: TypeCommand) -> None:
    result = tillgate("key", "list")

    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines == [
        "KID MADE ON SEALS ROWS MAY LEAVE",
        "k1 - no - with the next rotation",
        "k2-2026-11-22 2026-11-22 yes app.sealed_secret 1, source.sealed_secret 10000 no: it seals",
        "SECRET MADE DAYS OLD",
        "key-ring - -",
        "operator 2026-11-22T04:12:09Z 1",
    ]
    assert result.stderr == ""


def test_a_warning_is_told_with_where_to_read_on(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", "/admin/api/keys", OLD)

    result = tillgate("key", "list")

    assert result.exit_code == 0
    assert "91 days old, and should be 90 at most. Next: runbooks/rotate.md" in result.stderr


@pytest.mark.usefixtures("told")
def test_as_json_it_is_the_server_s_answer(tillgate: TypeCommand) -> None:
    result = tillgate("key", "list", "--output", "json")

    assert json.loads(result.stdout) == KEYS
