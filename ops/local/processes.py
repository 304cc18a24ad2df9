"""Processes and files of the local stack: ports, ids that are really ours, private files."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from pathlib import Path

STOP_SECONDS = 20


class LocalStackError(RuntimeError):
    """The local stack cannot go on: what failed, where to read more, what to type next."""

    def __init__(self, message: str, *, log: Path | None = None, next_command: str = "") -> None:
        super().__init__(message)
        self.log = log
        self.next_command = next_command


def free_port() -> int:
    """Give a TCP port that nothing listens on at 127.0.0.1 now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    scratch = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    scratch.chmod(0o600)
    scratch.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; an empty one when there is no such file."""
    if not path.exists():
        return {}
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def find_process(pid: int, *, started: float, words: str) -> psutil.Process | None:
    """Find a process that we started, or None when it is gone.

    An id is used again by the system; so the time of start must be the one
    recorded, and ``words`` must stand in the command line; for an instant after
    its start a process has none.
    """
    try:
        process = psutil.Process(pid)
        command = process.cmdline()
        same = abs(process.create_time() - started) < 1
        ours = same and (words in " ".join(command) or not command)
        return process if ours and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def stop_process(process: psutil.Process) -> None:
    """Ask a process to end, and insist when it has not after STOP_SECONDS."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)
