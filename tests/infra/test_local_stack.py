"""What the local stack must not get wrong: whose process it stops, whose secrets it keeps."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
import pytest

from ops.local.aws import keep_secrets
from ops.local.postgres import EmbeddedPostgres
from ops.local.processes import find_process, write_private

if TYPE_CHECKING:
    from collections.abc import Iterator


class InMemorySecrets:
    """As much of a Secrets Manager client as keeping secrets needs."""

    def __init__(self, values: dict[str, dict[str, Any]]) -> None:
        self.values = values

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803 - AWS's name
        return {"SecretString": json.dumps(self.values[SecretId])}

    def put_secret_value(self, *, SecretId: str, SecretString: str) -> None:  # noqa: N803  boto3's names.
        self.values[SecretId] = json.loads(SecretString)


def kept(live: dict[str, Any], copy: Path) -> tuple[dict[str, Any], Any]:
    secrets = InMemorySecrets({"arn": live})
    keep_secrets(secrets, copy=copy, arns={"key_ring": "arn"})  # type: ignore[arg-type]  # A fake.
    return secrets.values["arn"], json.loads(copy.read_text())["key_ring"]


def test_the_first_key_ring_is_copied(tmp_path: Path) -> None:
    assert kept({"k1": "a"}, tmp_path / "s.json") == ({"k1": "a"}, {"k1": "a"})


def test_a_key_ring_of_a_new_emulator_gives_way_to_the_copy(tmp_path: Path) -> None:
    copy = tmp_path / "s.json"
    kept({"k1": "a"}, copy)
    assert kept({"k1": "b"}, copy) == ({"k1": "a"}, {"k1": "a"})


def test_a_key_ring_that_grew_is_copied_whole(tmp_path: Path) -> None:
    copy = tmp_path / "s.json"
    kept({"k1": "a"}, copy)
    grown = {"k1": "a", "k2": "c"}
    assert kept(dict(grown), copy) == (grown, grown)


def test_a_token_that_was_rotated_is_copied(tmp_path: Path) -> None:
    copy = tmp_path / "s.json"
    kept({"token": "old"}, copy)
    rotated = {"token": "new", "previous": {"token": "old", "good_until": "2026-12-01T00:00:00Z"}}
    assert kept(dict(rotated), copy) == (rotated, rotated)
    # And one of a new emulator is not.
    assert kept({"token": "another"}, copy) == (rotated, rotated)


def test_what_is_private_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    code = "import sys; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code, "ours"], stdin=subprocess.PIPE) as process:  # noqa: S603  Ours.
        yield process


def test_a_process_is_ours_by_its_id_its_start_and_its_words(
    sleeper: subprocess.Popen[bytes],
) -> None:
    started = psutil.Process(sleeper.pid).create_time()
    assert find_process(sleeper.pid, started=started, words="ours") is not None
    assert find_process(sleeper.pid, started=started, words="another") is None
    assert find_process(sleeper.pid, started=started - 60, words="ours") is None


def test_a_process_that_ended_is_nobodys(sleeper: subprocess.Popen[bytes]) -> None:
    started = psutil.Process(sleeper.pid).create_time()
    sleeper.kill()
    sleeper.wait()
    assert find_process(sleeper.pid, started=started, words="ours") is None


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not below pytest's own: any other pytest that starts meanwhile closes that to Postgres."""
    with TemporaryDirectory(prefix="tillgate-postgres-", dir="/tmp") as name:
        yield Path(name)


def test_postgres_keeps_its_data_and_its_address_through_a_kill(folder: Path) -> None:
    # As root, below a folder that only root can enter.
    folder.chmod(0o700)
    server = EmbeddedPostgres(folder / "closed" / "data")
    server.start()
    try:
        url = server.url()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 17 AS value")
        server.kill()
        assert server.process() is None
        server.start()
        server.start()
        assert server.url() == url
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT value, current_setting('fsync') FROM kept").fetchone()
        assert row == (17, "on")
        process = server.process()
        assert process is not None
        assert process.uids().effective != 0
        assert {c.laddr.ip for c in process.net_connections() if c.status == "LISTEN"} == {
            "127.0.0.1"
        }
    finally:
        server.stop()
    assert server.process() is None


def test_postgres_asks_for_a_password(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "data", version=16, durable=False)
    server.start()
    try:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(server.url(password="wrong"))
    finally:
        server.stop()


def test_a_stale_process_file_is_no_server(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "data")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n")
    assert server.process() is None
    server.stop()
