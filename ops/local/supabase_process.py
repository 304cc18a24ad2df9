"""The stand-in for Supabase as a process of the local stack, and its projects."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import httpx
import psutil

from ops.local.processes import (
    LocalStackError,
    find_process,
    free_port,
    read_json,
    stop_process,
    write_private,
)
from ops.local.supabase import KEY_FILE, READY_PATH, TABLE_PATH, project_secret
from stacks.assets import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ops.local.supabase_faults import Fault

MODULE = "ops.local.supabase"
START_SECONDS = 20
ANSWER_SECONDS = 30


class SupabaseProcess:
    """The stand-in on a state folder. Its port, its key and its rows are kept."""

    def __init__(self, folder: Path, *, log: Path) -> None:
        self._folder = folder
        self._log = log
        self._record = folder / "process.json"
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._recorded()['port']}"

    def project(self, name: str) -> SupabaseProject:
        """Give a project by its name; there is one of every name."""
        key = (self._folder / KEY_FILE).read_text()
        return SupabaseProject(url=self.url, secret=project_secret(name, key=key))

    def process(self) -> psutil.Process | None:
        record = read_json(self._record)
        if "pid" not in record:
            return None
        return find_process(record["pid"], started=record["started"], words=MODULE)

    def start(self) -> None:
        """Start it if it does not run, and wait until it answers.

        Raises LocalStackError when it ends, or stays silent.
        """
        if self.process() is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not (self._folder / KEY_FILE).exists():
                write_private(self._folder / KEY_FILE, secrets.token_urlsafe(24))
            self._spawn(self._recorded()["port"])
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process() is None:
                raise LocalStackError("The stand-in for Supabase ended at once.", log=self._log)
            if self._answers():
                return
            time.sleep(0.05)
        raise LocalStackError(f"It did not answer in {START_SECONDS} s.", log=self._log)

    def stop(self) -> None:
        """Stop it; idempotent. What it holds is on disk already."""
        process = self.process()
        if process is not None:
            stop_process(process)
        self._forget_child()

    def _recorded(self) -> dict[str, Any]:
        record = read_json(self._record)
        if "port" not in record:
            record = {"port": free_port()}
            write_private(self._record, json.dumps(record))
        return record

    def _forget_child(self) -> None:
        """Let it be known to have ended, so that nobody is warned of it."""
        if self._child is not None:
            self._child.poll()

    def _spawn(self, port: int) -> None:
        self._forget_child()
        command = [sys.executable, "-m", MODULE, "--folder", str(self._folder), "--port", str(port)]
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                command,
                env={"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started = psutil.Process(self._child.pid).create_time()
        write_private(
            self._record, json.dumps({"port": port, "pid": self._child.pid, "started": started})
        )

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}{READY_PATH}", timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False


@dataclass(frozen=True, slots=True)
class SupabaseProject:
    """One project: where a tenant's events go, what came, and how it is to misbehave."""

    url: str
    secret: str

    def rows(self, *columns: str, event_ids: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Read the table as its owner does; without event ids, whole."""
        asked = {"select": ",".join(columns) or "*"}
        if event_ids:
            asked["event_id"] = f"in.({','.join(event_ids)})"
        found: list[dict[str, Any]] = self._call("GET", TABLE_PATH, params=asked).json()
        return found

    def seen(self) -> dict[str, Any]:
        """Give {"answers": {answer: requests}, "events": {event_id: {"requests", "rows"}}}."""
        document: dict[str, Any] = self._call("GET", "/control/seen").json()
        return document

    def misbehave(self, fault: Fault) -> None:
        self._call("PUT", "/control/fault", json=asdict(fault))

    def behave(self) -> None:
        self._call("DELETE", "/control/fault")

    def _call(self, method: str, path: str, **asked: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own arguments
        with httpx.Client(trust_env=False, timeout=ANSWER_SECONDS) as http:
            answer = http.request(
                method, f"{self.url}{path}", headers={"apikey": self.secret}, **asked
            )
        answer.raise_for_status()
        return answer
