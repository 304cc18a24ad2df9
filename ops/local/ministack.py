"""MiniStack, the local AWS: one process in a virtual environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from collections.abc import Sequence

ACCOUNT = "000000000000"
REGION = "us-east-1"
START_SECONDS = 60
# Longer than any function of ours may take for what it has in hand (ingest and api: 5 s).
DRAIN_SECONDS = 8.0
MODULE = "ministack.app"


class MiniStack:
    """The emulator on a state folder.

    Its port is remembered; its resources too, when it is stopped gracefully.
    ``python`` is the interpreter of its own virtual environment: it hands its
    packages to the functions that it runs, so ours must not be among them.
    """

    def __init__(self, folder: Path, *, python: Path, log: Path) -> None:
        self._folder = folder
        self._python = python
        self._log = log
        self._record = folder / "process.json"
        self._saved = folder / "state"
        self._objects = folder / "s3"
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self._recorded('port')}"

    @property
    def boot(self) -> str:
        """Name the running process; after a restart it is another."""
        return str(read_json(self._record).get("boot", ""))

    def _recorded(self, key: str) -> int:
        record = read_json(self._record)
        if key not in record:
            record = {**record, "port": free_port()}
            write_private(self._record, json.dumps(record))
        return int(record[key])

    def process(self) -> psutil.Process | None:
        record = read_json(self._record)
        if "pid" not in record:
            return None
        return find_process(record["pid"], started=record["started"], words=MODULE)

    def start(self) -> None:
        """Start the emulator if it does not run; ``wait`` says when it answers."""
        if self.process() is not None:
            return
        if not self._python.exists():
            raise LocalStackError("MiniStack is not installed.", next_command="make demo")
        port = self._recorded("port")
        scratch = self._folder / "tmp"
        self._forget_what_died(scratch)
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                [str(self._python), "-m", MODULE],
                env=self._environment(port, scratch),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        record = {
            "port": port,
            "pid": self._child.pid,
            "started": psutil.Process(self._child.pid).create_time(),
            "boot": uuid.uuid4().hex,
        }
        write_private(self._record, json.dumps(record))

    def _forget_what_died(self, scratch: Path) -> None:
        """Leave nothing of a process that was killed: half a memory is worse than none.

        What is in the bucket folder was written at once, all else only at a graceful
        stop; without the latter the former would contradict an empty account.
        """
        if not self._saved.exists():
            shutil.rmtree(self._objects, ignore_errors=True)
        # What functions unpacked here before a kill -9 was never cleaned up.
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()

    def _environment(self, port: int, scratch: Path) -> dict[str, str]:
        """Give a clean environment: functions see all of it, so nothing of ours may be in it."""
        return {
            "PATH": os.defpath,
            "HOME": str(self._folder),
            "LANG": "C.UTF-8",
            "TMPDIR": str(scratch),
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "localhost",
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "local",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._saved),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._objects),
            "LAMBDA_WARM_TTL_SECONDS": "300",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        }

    def wait(self) -> None:
        """Wait until it answers. Raises LocalStackError when it ends, or stays silent."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process() is None:
                raise LocalStackError("MiniStack ended as soon as it was started.", log=self._log)
            if self._answers():
                # It has read what it saved; that is not true of the next process,
                # unless this one comes to save again.
                shutil.rmtree(self._saved, ignore_errors=True)
                return
            time.sleep(0.1)
        raise LocalStackError(f"MiniStack did not answer in {START_SECONDS} s.", log=self._log)

    def _answers(self) -> bool:
        url = f"{self.endpoint_url}/_ministack/ready"
        try:
            return httpx.get(url, timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        """Let the functions finish, then stop it, so that it saves its resources; idempotent."""
        process = self.process()
        if process is not None:
            self._drain(process)
            stop_process(process)
        if self._child is not None:
            self._child.poll()  # so that it is known to have ended, and is not warned of

    def _drain(self, process: psutil.Process) -> None:
        """Stop the functions' processes, while the emulator is there to pass on their answers.

        At its own end it would only close their pipes. One that is started meanwhile, by
        a request that comes late, is stopped as well.
        """
        asked: set[int] = set()
        deadline = time.monotonic() + DRAIN_SECONDS
        while (workers := _workers(process)) and time.monotonic() < deadline:
            for worker in workers:
                if worker.pid not in asked:
                    asked.add(worker.pid)
                    with suppress(psutil.NoSuchProcess):
                        worker.terminate()
            time.sleep(0.02)


def _workers(process: psutil.Process) -> list[psutil.Process]:
    """List the emulator's own processes that run functions and have not ended."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for child in process.children():
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if is_worker(child.cmdline()) and child.status() != psutil.STATUS_ZOMBIE:
                    found.append(child)
    return found


def is_worker(command: Sequence[str]) -> bool:
    """Tell by its command line: python <scratch>/ministack-lambda-<name>-<random>/_worker.py."""
    script = Path(command[-1]) if command else Path()
    return script.name == "_worker.py" and script.parent.name.startswith("ministack-lambda-")
