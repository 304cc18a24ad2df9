"""``tillgate source secret`` and ``tillgate app secret``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.unit.ops.cli.fake_tillgate import TENANT_ID, URL

if TYPE_CHECKING:
    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

APP_ID = "33333333-3333-4333-8333-333333333333"
SOURCE_ID = "44444444-4444-4444-8444-444444444444"
APP: dict[str, str | None] = {
    "app_id": APP_ID,
    "provider": "square",
    "name": "square",
    "notification_url": f"{URL}/v1/hooks/square/{APP_ID}",
    "created_at": "2026-11-01T08:00:00Z",
}
SOURCE: dict[str, str | None] = {
    "source_id": SOURCE_ID,
    "tenant_id": TENANT_ID,
    "provider": "square",
    "name": "square",
    "merchant_id": None,
    "app_id": None,
    "notification_url": f"{URL}/v1/hooks/square/{SOURCE_ID}",
    "created_at": "2026-11-01T08:00:00Z",
}
ENDPOINTS = [("source", SOURCE_ID, SOURCE), ("app", APP_ID, APP)]


@pytest.mark.parametrize(("noun", "endpoint_id", "endpoint"), ENDPOINTS)
def test_a_secret_that_the_vendor_issued_later_replaces_the_first(
    server: FakeTillgate,
    tillgate: TypeCommand,
    noun: str,
    endpoint_id: str,
    endpoint: dict[str, str | None],
) -> None:
    path = f"/admin/api/{noun}s/{endpoint_id}/secret"
    server.answer("PUT", path, endpoint)

    result = tillgate(noun, "secret", endpoint_id.upper(), "--secret-stdin", stdin="issued\r\n")

    assert result.exit_code == 0
    assert server.last_body == {"secret": "issued"}
    assert endpoint_id in result.stdout
    assert "within 5 s" in result.stderr
    assert "within 30 s" in result.stderr
    assert "quarantine" in result.stderr
    assert "issued" not in result.output


def test_a_person_is_asked_for_the_secret_that_replaces_the_first(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("PUT", f"/admin/api/sources/{SOURCE_ID}/secret", SOURCE)

    result = tillgate("source", "secret", SOURCE_ID, stdin="typed\n", is_interactive=True)

    assert server.last_body == {"secret": "typed"}
    assert "Secret with which the vendor signs (hidden)" in result.stderr
    assert "typed" not in result.output


@pytest.mark.parametrize(("noun", "endpoint_id", "_"), ENDPOINTS)
@pytest.mark.parametrize(
    ("arguments", "stdin", "is_interactive", "reason"),
    [
        ([], b"", False, "There is none"),
        (["--secret-stdin"], b"\n", False, "empty"),
        (["--secret-stdin"], b"a\nb", False, "more than one line"),
        ([], b"\n", True, "empty"),
    ],
)
def test_nothing_is_replaced_without_a_secret(
    server: FakeTillgate,
    tillgate: TypeCommand,
    noun: str,
    endpoint_id: str,
    _: object,
    arguments: list[str],
    stdin: bytes,
    *,
    is_interactive: bool,
    reason: str,
) -> None:
    command = (noun, "secret", endpoint_id, *arguments)

    result = tillgate(*command, stdin=stdin, is_interactive=is_interactive)

    assert result.exit_code == 2
    assert reason in result.stderr
    assert "--secret-stdin < FILE" in result.stderr
    assert server.requests == []


@pytest.mark.parametrize("noun", ["source", "app"])
def test_a_secret_pasted_for_the_id_is_neither_sent_nor_repeated(
    server: FakeTillgate, tillgate: TypeCommand, noun: str
) -> None:
    result = tillgate(noun, "secret", "hunter2", "--secret-stdin", stdin="s")

    assert result.exit_code == 2
    assert "hunter2" not in result.output
    assert f"tillgate {noun} list" in result.stderr
    assert server.requests == []


def test_a_replacement_that_got_no_answer_may_be_repeated(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.fail("PUT", f"/admin/api/apps/{APP_ID}/secret", httpx.ReadTimeout("too late"))

    result = tillgate("app", "secret", APP_ID, "--secret-stdin", stdin="s")

    assert result.exit_code != 0
    assert "repeating it is safe" in result.stderr


def test_why_a_source_has_no_secret_to_be_replaced_is_said(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    problem = {"type": "not-found", "title": "There is no such thing here", "status": 404}
    detail = "This source is bound to an app and has no secret of its own: set the app's."
    path = f"/admin/api/sources/{SOURCE_ID}/secret"
    server.answer("PUT", path, problem | {"detail": detail}, status=404)

    result = tillgate("source", "secret", SOURCE_ID, "--secret-stdin", stdin="s")

    assert result.exit_code == 1
    assert detail in result.stderr
