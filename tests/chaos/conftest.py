"""What every scenario stands on, and the evidence that `make chaos` leaves."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import psycopg
import pytest

from ops.evidence import Row, evidence_table, write_evidence
from ops.local.postgres import EmbeddedPostgres
from tests.chaos.delivery_scenarios import DELIVERY_NAMES
from tests.chaos.emulator import Emulator
from tests.chaos.scenarios import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

# Twice what a new data directory takes, so that a scenario's events fit in until it is filled.
_SMALL_DISK = "200m"
_ROWS = pytest.StashKey[dict[str, list[Row]]]()


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with TemporaryDirectory(prefix="tillgate-chaos-") as folder, Emulator(Path(folder)) as made:
        yield made


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres]:
    """PostgreSQL 18 with fsync on."""
    with (
        TemporaryDirectory(prefix="tillgate-postgres-", dir="/tmp") as folder,
        _running(Path(folder) / "data") as postgres,
    ):
        yield postgres


@pytest.fixture
def small_disk_server() -> Iterator[EmbeddedPostgres]:
    """The same on a file system of its own that can be filled; only root can mount one."""
    if os.geteuid() != 0:
        raise AssertionError("disk_full mounts a tmpfs of its own, which only root may do")
    with TemporaryDirectory(prefix="tillgate-disk-", dir="/tmp") as folder:
        _run("mount", "-t", "tmpfs", "-o", f"size={_SMALL_DISK},mode=0755", "tmpfs", folder)
        try:
            with _running(Path(folder) / "data") as postgres:
                yield postgres
        finally:
            _run("umount", folder)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603  Our own words, from a list.


@contextmanager
def _running(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    postgres = EmbeddedPostgres(data_dir, version=18, durable=True)
    try:
        postgres.start()
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            # Else each recovery first opens every file there is, which takes seconds.
            connection.execute("ALTER SYSTEM SET recovery_init_sync_method = 'syncfs'")
            connection.execute("SELECT pg_reload_conf()")
        yield postgres
    finally:
        postgres.stop(mode="immediate")


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> dict[str, list[Row]]:
    """Give each scenario's rows, by its name; they are written when the run ends."""
    return request.config.stash.setdefault(_ROWS, {})


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    by_scenario = config.stash.get(_ROWS, {})
    rows = [row for scenario in by_scenario.values() for row in scenario]
    if not rows:
        return
    # A run of some scenarios leaves the others' rows as the run that measured them did.
    path = write_evidence("chaos", rows, keep_others=set(by_scenario) != NAMES | DELIVERY_NAMES)
    terminalreporter.write_sep("=", "evidence")
    terminalreporter.write_line(evidence_table(rows))
    broken = [row.name for row in rows if not row.holds]
    terminalreporter.write_line(f"{len(rows)} rows, {len(broken)} do not hold: {path}")
