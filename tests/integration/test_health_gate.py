"""``tillgate health-gate`` over real sockets, by the real clock."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from ops.local.processes import free_port
from tests.http_server import recording_server
from tests.integration.runtime import ROOT
from tests.integration.silent_peers import accepting_in_silence

if TYPE_CHECKING:
    from pathlib import Path

# Starting Python and importing the command.
START_SECONDS = 10


def health_gate(url: str, folder: Path, *, seconds: float) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from ops.cli.main import run; run()", "health-gate"]
    return subprocess.run(  # noqa: S603  Our own command, from a list.
        [*command, "--url", url, "--timeout", str(seconds), "--interval", "0.05"],
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'layers/tillgate/python'}"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_passes_as_soon_as_all_is_ready(tmp_path: Path) -> None:
    live = json.dumps({"status": "ok", "version": "1"}).encode()
    starting = {"status": "not_ready", "version": "1", "checks": {"database": {"ok": False}}}
    started = {"status": "ready", "version": "1", "checks": {"database": {"ok": True}}}
    with recording_server() as server:
        server.answers = [
            (502, b"<html></html>"),
            (200, live),
            (503, json.dumps(starting).encode()),
            (200, json.dumps(started).encode()),
        ]
        ran = health_gate(server.url, tmp_path, seconds=30)

    assert (ran.returncode, ran.stdout.partition(",")[0]) == (0, "ready: version 1")
    assert ran.stderr.splitlines() == [
        "waiting for /livez: 502, and not Tillgate's JSON",
        "waiting for database: not reachable",
    ]
    assert [asked.path for asked in server.received] == ["/livez", "/livez", *["/startupz"] * 2]


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}", "https://127.0.0.1:{}"])
def test_nobody_there_is_exit_code_3(url: str, tmp_path: Path) -> None:
    ran = health_gate(url.format(free_port()), tmp_path, seconds=2)

    assert ran.returncode == 3
    assert "refused" in ran.stderr.splitlines()[-2]


def test_a_peer_that_never_answers_is_waited_for_until_the_deadline(tmp_path: Path) -> None:
    with accepting_in_silence() as port:
        started = time.monotonic()
        ran = health_gate(f"http://127.0.0.1:{port}", tmp_path, seconds=2)

    assert ran.returncode == 3
    assert time.monotonic() - started < START_SECONDS
    assert ran.stderr.startswith("waiting for /livez: no whole answer in time\nerror: ")


def test_a_peer_without_tls_is_named_as_that(tmp_path: Path) -> None:
    with recording_server() as server:
        ran = health_gate(server.url.replace("http:", "https:"), tmp_path, seconds=2)

    assert ran.returncode == 3
    assert "SSL" in ran.stderr
