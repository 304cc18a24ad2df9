from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.unit.ops.cli.fake_tillgate import LOCAL_URL, TENANT_ID, URL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

APPS = "/admin/api/apps"
SOURCES = f"/admin/api/tenants/{TENANT_ID}/sources"
APP_ID = "33333333-3333-4333-8333-333333333333"
APP: dict[str, str | None] = {
    "app_id": APP_ID,
    "provider": "clover",
    "name": "clover",
    "secret": "made-by-tillgate",
    "notification_url": f"{URL}/v1/hooks/clover/{APP_ID}",
    "created_at": "2026-11-01T08:00:00Z",
}
SOURCE_ID = "44444444-4444-4444-8444-444444444444"
SOURCE: dict[str, str | None] = {
    "source_id": SOURCE_ID,
    "tenant_id": TENANT_ID,
    "provider": "square",
    "name": "square",
    "merchant_id": None,
    "app_id": None,
    "secret": "made-by-tillgate",
    "notification_url": f"{URL}/v1/hooks/square/{SOURCE_ID}",
    "created_at": "2026-11-01T08:00:00Z",
}


def without_secret(endpoint: dict[str, str | None]) -> dict[str, str | None]:
    return {name: value for name, value in endpoint.items() if name != "secret"}


def test_a_source_is_added_under_the_address_that_was_called(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("POST", SOURCES, SOURCE, status=201)

    result = tillgate("source", "add", "demo", "square")

    assert server.last_body == {"provider": "square", "public_url": URL}
    assert f"{URL}/v1/hooks/square/{SOURCE_ID}" in result.stdout
    assert "paste" in result.stderr


def test_on_the_local_stack_the_url_is_the_local_stacks(
    server: FakeTillgate, tillgate: TypeCommand, stack_file: Path
) -> None:
    server.answer("GET", "/_aws/execute-api/abc/admin/api/tenants", {"tenants": []})
    path = f"/_aws/execute-api/abc{SOURCES}"
    server.answer("POST", path, SOURCE, status=201)

    tillgate("source", "add", TENANT_ID, "square", environ={}, folder=stack_file.parent)

    assert server.last_body["public_url"] == LOCAL_URL


def test_a_url_registered_elsewhere_is_sent_instead(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("POST", SOURCES, SOURCE, status=201)
    url = "https://hooks.example.com/square"

    tillgate("source", "add", "demo", "square", "--notification-url", url)

    assert server.last_body == {"provider": "square", "notification_url": url}


def test_a_secret_is_read_from_stdin_without_its_line_end(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("POST", SOURCES, SOURCE, status=201)

    tillgate("source", "add", "demo", "square", "--secret-stdin", stdin="vendor-secret\r\n")

    assert server.last_body["secret"] == "vendor-secret"


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_secret_that_was_given_is_not_printed(
    server: FakeTillgate, tillgate: TypeCommand, output: str
) -> None:
    server.answer("POST", SOURCES, without_secret(SOURCE), status=201)
    command = ("source", "add", "demo", "square", "--secret-stdin", "--output", output)

    result = tillgate(*command, stdin="vendor-secret")

    assert result.exit_code == 0
    assert SOURCE_ID in result.stdout
    assert "vendor-secret" not in result.output
    assert "SECRET" not in result.output
    assert "Tillgate made it" not in result.stderr


def test_a_secret_that_tillgate_made_is_shown_once(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("POST", APPS, APP, status=201)

    result = tillgate("app", "add", "clover")

    assert "made-by-tillgate" in result.stdout
    assert "does not show it again" in result.stderr
    assert f"tillgate app secret {APP_ID}" in result.stderr


def test_a_person_at_a_terminal_is_asked_for_the_secret_and_it_does_not_show(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("POST", APPS, APP, status=201)

    result = tillgate("app", "add", "clover", stdin="typed-secret\n", is_interactive=True)

    assert server.last_body["secret"] == "typed-secret"
    assert "Secret with which clover signs" in result.stderr
    assert "typed-secret" not in result.output


def test_enter_at_the_prompt_lets_tillgate_make_the_secret(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("POST", APPS, APP, status=201)

    tillgate("app", "add", "clover", stdin="\n", is_interactive=True)

    assert "secret" not in server.last_body


@pytest.mark.parametrize(
    ("stdin", "reason"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (b"one\ntwo\n", "more than one line"),
        (b"\xff\xfe", "not UTF-8"),
        (b"x" * 5000, "longer than 4096 bytes"),
    ],
)
def test_a_secret_that_cannot_be_one_is_not_sent(
    server: FakeTillgate, tillgate: TypeCommand, stdin: bytes, reason: str
) -> None:
    result = tillgate("app", "add", "clover", "--secret-stdin", stdin=stdin)

    assert result.exit_code == 2
    assert reason in result.stderr
    assert "--secret-stdin < FILE" in result.stderr
    assert server.requests == []


def test_a_secret_is_not_taken_as_an_argument_nor_repeated(tillgate: TypeCommand) -> None:
    result = tillgate("app", "add", "clover", "--secret", "hunter2")

    assert result.exit_code == 2
    assert "--secret-stdin" in result.stderr
    assert "hunter2" not in result.output


def test_a_source_of_an_app_is_bound_by_merchant_and_asks_for_no_secret(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    bound = SOURCE | {"app_id": APP_ID, "merchant_id": "M1", "secret": None}
    server.answer("POST", SOURCES, bound, status=201)
    command = ("source", "add", "demo", "clover", "--app", APP_ID, "--merchant-id", "M1")

    result = tillgate(*command, is_interactive=True)

    assert server.last_body == {"provider": "clover", "app_id": APP_ID, "merchant_id": "M1"}
    assert "nothing to paste" in result.stderr


@pytest.mark.parametrize(
    "further",
    [
        [],
        ["--merchant-id", "M1", "--secret-stdin"],
        ["--merchant-id", "M1", "--notification-url", "https://x.example"],
    ],
)
def test_a_source_of_an_app_has_a_merchant_and_no_secret_or_url_of_its_own(
    server: FakeTillgate, tillgate: TypeCommand, further: list[str]
) -> None:
    result = tillgate("source", "add", "demo", "clover", "--app", APP_ID, *further, stdin="s")

    assert result.exit_code == 2
    assert "--merchant-id ID" in result.stderr
    assert server.requests == []


def test_sources_and_apps_are_listed_without_secrets(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", SOURCES, {"sources": [SOURCE]})
    server.answer("GET", APPS, {"apps": [APP]})

    sources, apps = tillgate("source", "list", "demo"), tillgate("app", "list")

    assert SOURCE_ID in sources.stdout
    assert APP_ID in apps.stdout
    assert "made-by-tillgate" not in sources.output + apps.output


def test_lists_are_the_servers_own_text_for_scripts(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", APPS, {"apps": []})

    result = tillgate("app", "list", "--output", "json")

    assert json.loads(result.stdout) == {"apps": []}
    assert result.stderr == ""


def pending(endpoint: dict[str, str | None], provider: str = "clover") -> dict[str, str | None]:
    nothing_yet = {"state": "pending", "verification_code": None, "handshake_at": None}
    return {**without_secret(endpoint), **nothing_yet, "provider": provider}


def test_a_pending_app_says_what_to_do_next(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("POST", APPS, pending(APP), status=201)

    result = tillgate("app", "add", "clover")

    assert "pending" in result.stdout
    for step in (
        "Send Verification Code",
        "tillgate app list",
        "Clover Auth Code",
        f"tillgate app secret {APP_ID}",
    ):
        assert step in result.stderr
    assert "SECRET" not in result.stdout
    assert "Tillgate made it" not in result.stderr


def test_a_pending_source_is_found_again_in_its_tenant_s_list(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("POST", SOURCES, pending(SOURCE), status=201)

    result = tillgate("source", "add", "demo", "clover")

    assert f"tillgate source list {TENANT_ID}" in result.stderr
    assert f"tillgate source secret {SOURCE_ID}" in result.stderr


@pytest.mark.parametrize(
    ("provider", "steps"),
    [
        ("zettle", ["Create a subscription", "test message", "signingKey"]),
        ("an eleventh", ["Paste the notification URL"]),
    ],
)
def test_a_pending_source_says_what_its_own_vendor_wants(
    server: FakeTillgate, tillgate: TypeCommand, provider: str, steps: list[str]
) -> None:
    server.answer("POST", SOURCES, pending(SOURCE, provider), status=201)

    told = tillgate("source", "add", "demo", provider).stderr

    for step in (
        *steps,
        f"tillgate source list {TENANT_ID}",
        f"tillgate source secret {SOURCE_ID}",
    ):
        assert step in told
    assert "Clover" not in told


def test_lists_show_when_the_vendor_called(server: FakeTillgate, tillgate: TypeCommand) -> None:
    called = {"handshake_at": "2026-11-23T14:03:00.000000Z"}
    server.answer("GET", SOURCES, {"sources": [{**pending(SOURCE, "zettle"), **called}]})
    server.answer("GET", APPS, {"apps": [{**pending(APP), **called}]})

    for listed in (tillgate("source", "list", "demo"), tillgate("app", "list")):
        assert "HANDSHAKE" in listed.stdout
        assert "2026-11-23T14:03:00.000000Z" in listed.stdout


def test_lists_show_the_state_and_the_code_that_the_vendor_sent(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    code = {"verification_code": "ce7643c1-83ea-4218-abe6-da876c9c7a0a"}
    server.answer("GET", SOURCES, {"sources": [{**pending(SOURCE), **code}]})
    server.answer("GET", APPS, {"apps": [{**pending(APP), **code}]})

    for listed in (tillgate("source", "list", "demo"), tillgate("app", "list")):
        assert "VERIFICATION CODE" in listed.stdout
        assert "pending" in listed.stdout
        assert "ce7643c1-83ea-4218-abe6-da876c9c7a0a" in listed.stdout
