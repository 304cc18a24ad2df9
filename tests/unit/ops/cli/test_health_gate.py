from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.unit.ops.cli.fake_tillgate import LOCAL_URL, URL, startup
from tillgate import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from typer.testing import Result

    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

LIVE = {"status": "ok", "version": __version__}
HTML = {"Content-Type": "text/html"}


@pytest.fixture
def ready(server: FakeTillgate) -> FakeTillgate:
    server.answer("GET", "/livez", LIVE)
    server.answer("GET", "/startupz", startup())
    return server


def answer_in_turn(
    server: FakeTillgate, path: str, answers: Iterable[httpx.Response | httpx.HTTPError]
) -> None:
    """Give one answer after the other, and the last one for ever."""
    left = list(answers)

    def next_answer(_: httpx.Request) -> httpx.Response:
        given = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(given, httpx.HTTPError):
            raise given
        return given

    server.answer_by("GET", path, next_answer)


def not_ready(**checks: object) -> httpx.Response:
    return httpx.Response(503, json={**startup(**checks), "status": "not_ready"})


def waits(result: Result) -> list[str]:
    """Give what was waited for, in order."""
    said = [line.partition("waiting for ") for line in result.stderr.splitlines()]
    return [words for before, found, words in said if found and not before]


@pytest.mark.usefixtures("ready")
def test_what_is_ready_is_not_waited_for(server: FakeTillgate, tillgate: TypeCommand) -> None:
    result = tillgate("health-gate")

    assert result.exit_code == 0
    assert result.stdout == f"ready: version {__version__}, after 0.0 s\n"
    assert (server.paused, waits(result)) == ([], [])


@pytest.mark.usefixtures("ready")
def test_it_needs_neither_token_nor_stack_file(
    server: FakeTillgate, tillgate: TypeCommand, tmp_path: Path
) -> None:
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local/stack.json").write_text("no JSON")

    result = tillgate("health-gate", "--url", LOCAL_URL.split("/_aws")[0], environ={})

    assert result.exit_code == 0
    assert all("Authorization" not in request.headers for request in server.requests)


@pytest.mark.usefixtures("ready")
def test_a_load_balancer_inside_may_be_called_without_tls(tillgate: TypeCommand) -> None:
    assert tillgate("health-gate", "--url", "http://internal.example", environ={}).exit_code == 0


@pytest.mark.usefixtures("ready")
def test_the_local_stack_is_found_by_its_file(
    server: FakeTillgate, tillgate: TypeCommand, stack_file: Path
) -> None:
    for path, content in (("/livez", LIVE), ("/startupz", startup())):
        server.answer("GET", f"/_aws/execute-api/abc{path}", content)

    assert stack_file.exists()
    assert tillgate("health-gate", environ={}).exit_code == 0


def test_each_change_of_what_is_missing_is_said_once(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    refused = httpx.ConnectError("[Errno 111] Connection refused")
    gateway = httpx.Response(502, text="<html>Bad Gateway</html>", headers=HTML)
    answer_in_turn(
        server, "/livez", [refused, refused, gateway, gateway, httpx.Response(200, json=LIVE)]
    )
    down = {"database": {"ok": False}, "migrations": {"ok": False, "current": None}}
    behind = {"migrations": {"ok": False, "current": 12, "expected": 16}, "queue": {"ok": False}}
    answer_in_turn(
        server,
        "/startupz",
        [
            not_ready(**down),
            not_ready(**down),
            not_ready(**behind),
            httpx.Response(200, json=startup()),
        ],
    )

    result = tillgate("health-gate", "--interval", "2", "--timeout", "60")

    assert result.exit_code == 0
    assert waits(result) == [
        "/livez: [Errno 111] Connection refused",
        "/livez: 502, and not Tillgate's JSON",
        "database: not reachable",
        "migrations: at 12 of 16; queue: not reachable",
    ]
    assert server.paused == [2.0] * 7
    assert result.stdout == f"ready: version {__version__}, after 14.0 s\n"


@pytest.mark.parametrize(
    ("answer", "exit_code", "missing"),
    [
        (httpx.ConnectError("[Errno -2] Name or service not known"), 3, "Name or service"),
        (httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] (_ssl.c:1)"), 3, "CERTIFICATE"),
        (httpx.ReadTimeout(""), 3, "/livez: no whole answer in time"),
        (httpx.Response(200, text="<html>Welcome</html>"), 1, "/livez: 200, and not Tillgate's"),
        (httpx.Response(200, json={"status": "fine"}), 1, "/livez: 200 fine"),
        (httpx.Response(301, headers={"Location": "/"}), 1, "/livez: 301"),
        (httpx.Response(503, json={"message": "Service Unavailable"}), 1, "503 Service Unavail"),
    ],
)
def test_at_the_deadline_it_says_what_was_missing(
    server: FakeTillgate,
    tillgate: TypeCommand,
    answer: httpx.Response | httpx.HTTPError,
    exit_code: int,
    missing: str,
) -> None:
    answer_in_turn(server, "/livez", [answer])

    result = tillgate("health-gate", "--timeout", "5", "--interval", "2")

    assert result.exit_code == exit_code
    assert result.stdout == ""
    assert server.paused == [2.0, 2.0, 1.0]
    assert len(waits(result)) == 1
    assert f"{URL} was not ready within 5 s. Missing at the end: " in result.stderr
    assert missing in result.stderr.split("Missing at the end:")[1]


def test_a_check_that_is_not_known_here_is_waited_for_as_well(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", "/livez", LIVE)
    answer_in_turn(server, "/startupz", [not_ready(oven={"ok": False})])

    result = tillgate("health-gate", "--timeout", "1")

    assert result.exit_code == 1
    assert waits(result) == ["oven: not well"]


def test_a_page_that_is_not_tillgates_is_not_ready(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", "/livez", LIVE)
    server.answer("GET", "/startupz", "<html>Sign in</html>", headers=HTML)

    result = tillgate("health-gate", "--timeout", "1")

    assert result.exit_code == 1
    assert waits(result) == ["/startupz: 200, and not Tillgate's JSON"]


@pytest.mark.parametrize("wanted", ["0.3.0", "0.3.0+b2"])
def test_a_version_is_waited_for(server: FakeTillgate, tillgate: TypeCommand, wanted: str) -> None:
    server.answer("GET", "/livez", LIVE)
    old, new = ({**startup(), "version": version} for version in ("0.2.0", "0.3.0+b2"))
    answer_in_turn(
        server, "/startupz", [httpx.Response(200, json=old), httpx.Response(200, json=new)]
    )

    result = tillgate("health-gate", "--version", wanted)

    assert result.exit_code == 0
    assert waits(result) == [f"version {wanted}: 0.2.0 answers"]
    assert "0.3.0+b2" in result.stdout


@pytest.mark.usefixtures("ready")
def test_another_build_than_the_one_that_is_named_is_not_enough(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", "/startupz", {**startup(), "version": "0.3.0+b1"})

    assert tillgate("health-gate", "--version", "0.3.0+b2", "--timeout", "1").exit_code == 1


@pytest.mark.usefixtures("ready")
def test_machines_are_told_in_json(tillgate: TypeCommand) -> None:
    told = json.loads(tillgate("health-gate", "-o", "json").stdout)

    assert told == {"ready": True, "version": __version__, "seconds": 0.0}


@pytest.mark.parametrize("option", [["--timeout", "0"], ["--interval", "0"], ["--url", "nowhere"]])
def test_what_makes_no_sense_is_wrong_usage(tillgate: TypeCommand, option: list[str]) -> None:
    assert tillgate("health-gate", *option).exit_code == 2
