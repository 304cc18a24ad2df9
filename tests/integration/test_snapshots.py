"""SnapStart under AWS's own runtime: nothing open in a snapshot, and nothing old after it."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.runtime import ROOT, LambdaSandbox
from tests.integration.sessions import add_sender, new_event, sessions
from tests.integration.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.testdatabase import TestDatabase

INGEST = ROOT / "functions/ingest"
SEED = 7

# functions/ingest with a past: it has served while the sandbox was made, so that it holds
# a connection, a sandbox id and a token it remembers, and it has drawn random numbers.
LIVED = f"""
import importlib.util, json, random

spec = importlib.util.spec_from_file_location("real", {str(INGEST / "handler.py")!r})
real = importlib.util.module_from_spec(spec)
spec.loader.exec_module(real)
assert real.handler(json.loads({{event!r}}), None)["statusCode"] < 300
random.seed({SEED})

def handler(event, context):
    return random.random() if event == "draw" else real.handler(event, context)
"""


@pytest.fixture
def database(own_database: TestDatabase) -> TestDatabase:
    """One of the test's own, with a sender: its sessions are the sandbox's alone."""
    add_sender(own_database)
    return own_database


@pytest.fixture
def start(
    database: TestDatabase, secrets_manager: FakeSecretsManager, tmp_path: Path
) -> Iterator[Callable[..., LambdaSandbox]]:
    """Make a sandbox of a handler's folder, which is kept as a snapshot unless told otherwise."""
    with Wiring(database, secrets_manager, tmp_path) as wiring:
        env = wiring.environment("ingest")

        def make(folder: Path, *, is_snapshot: bool = True, **more: str) -> LambdaSandbox:
            log = tmp_path / "sandbox.log"
            return LambdaSandbox(folder, {**env, **more}, log=log, is_snapshot=is_snapshot)

        yield make


@pytest.fixture
def lived(tmp_path: Path) -> Path:
    folder = tmp_path / "lived"
    folder.mkdir()
    (folder / "handler.py").write_text(LIVED.format(event=json.dumps(new_event())))
    return folder


def restored(sandbox: LambdaSandbox) -> LambdaSandbox:
    sandbox.until(sandbox.api.is_snapshot_due.is_set, what="the snapshot is due")
    sandbox.api.restore()
    sandbox.wait_for_request()
    return sandbox


def test_a_function_that_cannot_be_made_fails_before_its_snapshot(
    start: Callable[..., LambdaSandbox],
) -> None:
    with start(INGEST, CONNECTION_TIMEOUT_MS="1") as sandbox:
        assert sandbox.process.wait(20) != 0

        (posted,) = sandbox.api.posted
        assert posted.what == "init/error"
        assert posted.content["errorType"] == "SettingsError"
        assert not sandbox.api.is_snapshot_due.is_set()


def test_no_connection_is_in_a_snapshot_whatever_was_open_before(
    start: Callable[..., LambdaSandbox], database: TestDatabase, lived: Path
) -> None:
    with start(lived) as sandbox:
        sandbox.until(sandbox.api.is_snapshot_due.is_set, what="the snapshot is due")

        assert sandbox.lines()[-1]["status"] == 201
        sandbox.until(lambda: sessions(database) == 0, what="its connection is gone")


def test_after_a_restore_it_is_connected_before_its_first_request(
    start: Callable[..., LambdaSandbox], database: TestDatabase
) -> None:
    with start(INGEST) as sandbox:
        restored(sandbox)

        assert sessions(database) == 1
        assert sandbox.call(new_event())["statusCode"] == 201
        assert sessions(database) == 1


def test_after_a_restore_nothing_is_remembered(
    start: Callable[..., LambdaSandbox], database: TestDatabase, lived: Path
) -> None:
    with start(lived) as sandbox:
        sandbox.until(sandbox.api.is_snapshot_due.is_set, what="the snapshot is due")
        revoke(database)
        restored(sandbox)

        assert sandbox.call(new_event())["statusCode"] == 401
        before, after = (line for line in sandbox.lines() if "rid" in line)
        assert before["sandbox"] != after["sandbox"]
        assert [before["cold_start"], after["cold_start"]] == [True, True]


def test_without_a_snapshot_a_sandbox_goes_on_with_what_it_remembers(
    start: Callable[..., LambdaSandbox], database: TestDatabase, lived: Path
) -> None:
    # So the tests around can be seen to tell the two apart.
    with start(lived, is_snapshot=False) as sandbox:
        sandbox.wait_for_request()
        revoke(database)

        assert sessions(database) == 1
        assert sandbox.call(new_event())["statusCode"] == 201
        before, after = (line for line in sandbox.lines() if "rid" in line)
        assert before["sandbox"] == after["sandbox"]
        assert sandbox.call("draw") == draws()


def test_no_two_restores_draw_the_same_numbers(
    start: Callable[..., LambdaSandbox], lived: Path
) -> None:
    drawn = []
    for _ in range(2):
        with start(lived) as sandbox:
            drawn.append(restored(sandbox).call("draw"))

    assert len({*drawn, draws()}) == 3


def draws() -> float:
    """Give what follows from SEED, as in every copy of one snapshot."""
    return random.Random(SEED).random()  # noqa: S311  The same numbers again are the point.


def revoke(database: TestDatabase) -> None:
    with database.superuser() as superuser:
        changed: Any = superuser.execute("UPDATE tillgate.api_token SET revoked_at = now()")
    assert changed.rowcount == 1
