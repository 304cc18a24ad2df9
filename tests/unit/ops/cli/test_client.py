from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from ops.cli.client import AdminClient
from ops.cli.connection import Connection
from ops.cli.errors import UnreachableError
from tests.unit.ops.cli.fake_tillgate import OPERATOR_TOKEN, TENANT, URL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

TENANTS = "/admin/api/tenants"
CONNECTION = Connection(url=URL, token=OPERATOR_TOKEN)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (httpx.ConnectError("[Errno 111] Connection refused"), "cannot be reached ([Errno 111]"),
        (httpx.ConnectTimeout("timed out"), "took no connection within 5 s"),
        (httpx.ReadTimeout("timed out"), "gave no whole answer within 30 s"),
        (httpx.RemoteProtocolError("Server disconnected"), "broke off before it had answered"),
    ],
)
def test_no_answer_is_one_sentence_and_exit_code_3(
    server: FakeTillgate, tillgate: TypeCommand, error: httpx.HTTPError, sentence: str
) -> None:
    server.fail("GET", TENANTS, error)

    result = tillgate("tenant", "list")

    assert result.exit_code == 3
    assert result.stdout == ""
    assert sentence in result.stderr
    assert "next: tillgate doctor" in result.stderr
    assert server.requests[-1].headers["X-Request-Id"] in result.stderr
    assert OPERATOR_TOKEN not in result.stderr


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (httpx.ReadTimeout("timed out"), True),
        (httpx.RemoteProtocolError("Server disconnected"), True),
        (httpx.ConnectError("refused"), False),
        (httpx.ConnectTimeout("timed out"), False),
    ],
)
def test_a_change_that_may_have_been_made_is_said_to_be_unknown(
    server: FakeTillgate, tillgate: TypeCommand, error: httpx.HTTPError, *, said: bool
) -> None:
    server.fail("POST", TENANTS, error)

    result = tillgate("tenant", "create", "demo")

    assert ("list before you repeat" in result.stderr) is said


def test_an_answer_that_drips_past_30_s_is_given_up() -> None:
    def drip() -> Iterator[bytes]:
        while True:
            yield b" "

    seconds = iter(range(1000))
    client = AdminClient(
        CONNECTION,
        transport=httpx.MockTransport(lambda _: httpx.Response(200, content=drip())),
        clock=lambda: float(next(seconds)),
    )

    with pytest.raises(UnreachableError, match="gave no whole answer within 30 s"):
        client.get("/tenants")

    assert next(seconds) == 32


@pytest.mark.parametrize(
    ("status", "text", "content_type"),
    [
        (200, "<html>hello</html>", "text/html"),
        (200, "[]", "application/json"),
        (200, "", "application/json"),
        (502, "<html>Bad Gateway</html>", "text/html"),
        (404, "\x1b[31mno", "text/plain"),
    ],
)
def test_an_answer_that_is_not_tillgates_is_said(
    server: FakeTillgate, tillgate: TypeCommand, status: int, text: str, content_type: str
) -> None:
    headers = {"Content-Type": content_type}
    server.answer("GET", TENANTS, text, status=status, headers=headers)

    result = tillgate("tenant", "list")

    assert result.exit_code == 1
    assert f"answered {status} with {content_type}" in result.stderr
    assert "check --url or TILLGATE_URL" in result.stderr
    assert "\x1b" not in result.output


def test_a_redirect_is_not_followed(server: FakeTillgate, tillgate: TypeCommand) -> None:
    headers = {"Location": "https://elsewhere.example/"}
    server.answer("GET", TENANTS, {}, status=301, headers=headers)

    result = tillgate("tenant", "list")

    assert result.exit_code == 1
    assert len(server.requests) == 1
    assert "a redirect to https://elsewhere.example/" in result.stderr


def test_what_api_gateway_itself_answers_is_shown(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    answer = {"message": "Service Unavailable"}
    server.answer("GET", TENANTS, answer, status=503, headers={"X-Request-Id": "rid-9"})

    result = tillgate("tenant", "list")

    assert result.exit_code == 1
    assert "Service Unavailable (503)." in result.stderr
    assert "rid: rid-9" in result.stderr


def test_a_server_cannot_steer_the_terminal(server: FakeTillgate, tillgate: TypeCommand) -> None:
    evil = "\x1b]0;owned\x07"
    problem = {"type": evil, "title": evil, "detail": evil, "rid": evil}
    faults = [{"pointer": evil, "detail": evil}]
    server.answer("POST", TENANTS, problem | {"errors": faults}, status=422)
    server.answer("GET", TENANTS, {"tenants": [TENANT | {"name": evil}]})

    refused, listed = tillgate("tenant", "create", "demo"), tillgate("tenant", "list")

    assert "owned" in refused.stderr
    assert "owned" in listed.stdout
    assert "\x1b" not in refused.output + listed.output


def test_the_token_is_in_no_representation() -> None:
    assert OPERATOR_TOKEN not in repr(CONNECTION)
