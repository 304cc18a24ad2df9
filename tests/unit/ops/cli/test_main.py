from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tillgate import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.ops.cli.fake_tillgate import TypeCommand


def test_the_version_is_the_packages(tillgate: TypeCommand) -> None:
    assert tillgate("--version").stdout == f"tillgate {__version__}\n"


@pytest.mark.parametrize(
    "command",
    [
        "tenant create",
        "tenant list",
        "tenant suspend",
        "tenant resume",
        "app add",
        "app list",
        "source add",
        "source list",
        "token create",
        "token list",
        "token revoke",
        "event list",
        "event get",
        "doctor",
        "health-gate",
        "simulate",
    ],
)
def test_every_command_takes_the_shared_options(tillgate: TypeCommand, command: str) -> None:
    result = tillgate(*command.split(), "--help", environ={})

    text = re.sub(r"\x1b\[[0-9;]*m", "", result.stdout)
    assert result.exit_code == 0
    assert {"--url", "--token-file", "--output"} <= set(re.findall(r"--[a-z-]+", text))
    assert "--token " not in text


@pytest.mark.parametrize("arguments", [["nonsense"], ["tenant", "create"], ["event", "get", "x"]])
def test_wrong_usage_is_exit_code_2_on_stderr(tillgate: TypeCommand, arguments: list[str]) -> None:
    result = tillgate(*arguments)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr


def test_importing_does_nothing(tmp_path: Path) -> None:
    """No output, no file, no environment needed, no connection."""
    script = (
        f"import sys; sys.path[:0] = {[path for path in sys.path if path]!r}\n"
        "import socket\n"
        "def refuse(*_): raise AssertionError('a socket was made')\n"
        "socket.socket.connect = refuse\n"
        "import ops.cli.main\n"
    )

    done = subprocess.run(  # noqa: S603  Our own interpreter, our own script.
        [sys.executable, "-I", "-c", script],
        cwd=tmp_path,
        env={},
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert list(tmp_path.iterdir()) == []
