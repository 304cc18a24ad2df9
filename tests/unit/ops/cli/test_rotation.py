"""``rotate`` and ``retire-secret``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ops.cli.rotation import overlap_seconds
from tests.unit.ops.cli.fake_tillgate import TENANT_ID, URL

if TYPE_CHECKING:
    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

APP_ID = "33333333-3333-4333-8333-333333333333"
SOURCE_ID = "44444444-4444-4444-8444-444444444444"
TOKEN_ID = "22222222-2222-4222-8222-222222222222"
UNTIL = "2026-12-03T10:00:00.000000Z"
PREVIOUS: dict[str, object] = {"good_until": UNTIL, "last_matched_at": None}
COMMON: dict[str, object] = {
    "provider": "square",
    "name": "square",
    "notification_url": f"{URL}/v1/hooks/square/x",
    "secret_age_days": 0,
    "previous_secret": PREVIOUS,
    "warnings": [],
}
APP: dict[str, object] = {"app_id": APP_ID, **COMMON}
SOURCE: dict[str, object] = {
    "source_id": SOURCE_ID, "tenant_id": TENANT_ID, "app_id": None, **COMMON,
}  # fmt: skip
ENDPOINTS = [("source", SOURCE_ID, SOURCE), ("app", APP_ID, APP)]
each_endpoint = pytest.mark.parametrize(("noun", "endpoint_id", "endpoint"), ENDPOINTS)


@each_endpoint
def test_the_vendors_new_secret_is_piped_in_and_the_old_one_stays_for_a_week(
    server: FakeTillgate, tillgate: TypeCommand, noun: str, endpoint_id: str,
    endpoint: dict[str, object],
) -> None:  # fmt: skip
    server.answer("POST", f"/admin/api/{noun}s/{endpoint_id}/secret/rotate", endpoint)

    result = tillgate(noun, "rotate", endpoint_id.upper(), "--secret-stdin", stdin="issued\n")

    assert result.exit_code == 0
    assert server.last_body == {"overlap_seconds": 604_800, "secret": "issued"}
    assert "issued" not in result.output
    assert f"Both secrets are good until {UNTIL}" in result.stderr
    assert f"tillgate {noun} retire-secret {endpoint_id}" in result.stderr


@each_endpoint
def test_a_secret_that_tillgate_made_is_shown_once(
    server: FakeTillgate, tillgate: TypeCommand, noun: str, endpoint_id: str,
    endpoint: dict[str, object],
) -> None:  # fmt: skip
    path = f"/admin/api/{noun}s/{endpoint_id}/secret/rotate"
    server.answer("POST", path, {**endpoint, "secret": "whsec_made"})

    result = tillgate(noun, "rotate", endpoint_id, "--overlap", "12h", "--replace-previous")

    assert server.last_body == {"overlap_seconds": 43_200, "replace_previous": True}
    assert "whsec_made" in result.stdout
    assert "whsec_made" not in result.stderr
    assert "does not show it again" in result.stderr


def test_a_person_is_asked_for_the_new_secret(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("POST", f"/admin/api/sources/{SOURCE_ID}/secret/rotate", SOURCE)

    result = tillgate("source", "rotate", SOURCE_ID, stdin="typed\n", is_interactive=True)

    assert server.last_body == {"overlap_seconds": 604_800, "secret": "typed"}
    assert "typed" not in result.output


def test_after_a_leak_the_old_secret_ends_at_once(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    alone = {**SOURCE, "previous_secret": None}
    server.answer("POST", f"/admin/api/sources/{SOURCE_ID}/secret/rotate", alone)

    result = tillgate(
        "source", "rotate", SOURCE_ID, "--overlap", "0", "--secret-stdin", stdin="new"
    )

    assert server.last_body == {"overlap_seconds": 0, "secret": "new"}
    assert "within 30 s" in result.stderr
    assert "tillgate quarantine list --reason signature-refused" in result.stderr


@each_endpoint
def test_a_previous_secret_is_ended_when_the_person_says_so(
    server: FakeTillgate, tillgate: TypeCommand, noun: str, endpoint_id: str,
    endpoint: dict[str, object],
) -> None:  # fmt: skip
    path = f"/admin/api/{noun}s/{endpoint_id}/secret/previous"
    server.answer("DELETE", path, {**endpoint, "previous_secret": None})

    refused = tillgate(noun, "retire-secret", endpoint_id)
    assert (refused.exit_code, server.requests) == (2, [])
    assert tillgate(noun, "retire-secret", endpoint_id, "--yes").exit_code == 0
    assert [request.method for request in server.requests] == ["DELETE"]


def test_a_second_rotation_says_what_to_do_first(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    problem = {"type": "rotation-conflict", "title": "This cannot be rotated", "status": 409}
    server.answer("POST", f"/admin/api/apps/{APP_ID}/secret/rotate", problem, status=409)

    result = tillgate("app", "rotate", APP_ID, "--secret-stdin", stdin="x")

    assert result.exit_code == 1
    assert "--replace-previous" in result.stderr


def test_setting_a_secret_says_that_an_older_one_is_still_good(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("PUT", f"/admin/api/sources/{SOURCE_ID}/secret", SOURCE)

    result = tillgate("source", "secret", SOURCE_ID, "--secret-stdin", stdin="right")

    assert f"good until {UNTIL}" in result.stderr
    assert f"tillgate source retire-secret {SOURCE_ID}" in result.stderr


def test_a_token_is_rotated_and_the_new_one_shown_once(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    made = {
        "token_id": "55555555-5555-4555-8555-555555555555",
        "tenant_id": TENANT_ID,
        "name": "till",
        "token": "tg_live_made-up",
        "revoked_at": None,
        "replaced": {"token_id": TOKEN_ID, "revoked_at": UNTIL},
    }
    server.answer("POST", f"/admin/api/tokens/{TOKEN_ID}/rotate", made, status=201)

    result = tillgate("token", "rotate", TOKEN_ID, "--overlap", "30m")

    assert server.last_body == {"overlap_seconds": 1_800}
    assert "tg_live_made-up" in result.stdout
    assert "tg_live_made-up" not in result.stderr
    assert f"good until {UNTIL}" in result.stderr
    assert f"tillgate token list {TENANT_ID}" in result.stderr


@pytest.mark.parametrize("overlap", ["7", "-1d", "1w", "soon", "", "d", "1.5h", "00"])
def test_what_is_no_overlap_is_not_sent(
    server: FakeTillgate, tillgate: TypeCommand, overlap: str
) -> None:
    result = tillgate("token", "rotate", TOKEN_ID, f"--overlap={overlap}")

    assert (result.exit_code, server.requests) == (2, [])
    assert "30m, 12h, 7d" in result.stderr


def test_an_overlap_is_read_in_each_unit() -> None:
    read = [overlap_seconds(text) for text in ("0", "90s", "30m", "12h", "7d", "0d")]

    assert read == [0, 90, 1_800, 43_200, 604_800, 0]


def test_lists_show_the_age_what_is_previous_and_what_to_see_to(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    warned = {"secret_age_days": 91, "warnings": ["older-than-90-days"]}
    server.answer("GET", "/admin/api/apps", {"apps": [{**APP, **warned}]})
    server.answer("GET", f"/admin/api/tenants/{TENANT_ID}/tokens", {"tokens": [
        {"token_id": TOKEN_ID, "name": "till", "age_days": 91, "last_used_at": UNTIL,
         "revoked_at": None, "warnings": ["older-than-90-days"]},
    ]})  # fmt: skip

    apps, tokens = tillgate("app", "list").stdout, tillgate("token", "list", "demo").stdout

    for listed in (apps, tokens):
        assert "91" in listed.split()
        assert "older-than-90-days" in listed
        assert UNTIL in listed
