from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ops.local.processes import free_port
from tests.http_server import RecordingServer, recording_server
from tillgate.entrypoints.lifecycle_extension import ask_for_sigterm

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    """Lambda's Extensions API; it names no identifier, as no refusal does."""
    ask_for_sigterm.cache_clear()
    with recording_server() as made:
        yield made
    ask_for_sigterm.cache_clear()


def address(server: RecordingServer) -> str:
    return server.url.removeprefix("http://")


def test_it_registers_without_events_and_once_in_a_process(server: RecordingServer) -> None:
    ask_for_sigterm(address(server))
    ask_for_sigterm(address(server))

    (request,) = server.received
    assert (request.method, request.path) == ("POST", "/2020-01-01/extension/register")
    assert request.headers["lambda-extension-name"] == "tillgate"
    assert json.loads(request.body) == {"events": []}


@pytest.mark.parametrize("status", [200, 400, 403, 500])
def test_without_an_identifier_one_line_says_that_it_failed(
    server: RecordingServer, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    server.answers = [(status, b"{}")]
    ask_for_sigterm(address(server))

    line = json.loads(capsys.readouterr().out)
    assert (line["task"], line["outcome"]) == ("extension", "failed")
    assert str(status) in line["error"]


@pytest.mark.usefixtures("server")
def test_where_nothing_listens_one_line_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    ask_for_sigterm(f"127.0.0.1:{free_port()}")

    assert json.loads(capsys.readouterr().out)["error"] == "ConnectionRefusedError"
