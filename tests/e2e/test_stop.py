"""Stopping the emulator lets functions finish: answers arrive, and connections are closed."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from ops.local.ministack import ACCOUNT, DRAIN_SECONDS, REGION, MiniStack
from ops.local.state import MINISTACK_PYTHON
from tests.integration.polling import pause, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Invoke = Callable[[], dict[str, Any]]

LAYER = Path(__file__).parents[2] / "layers/tillgate/python"

# A function that waits for a file while it has a request in hand.
HANDLER = """
import os, time
from pathlib import Path
from tillgate.entrypoints.lifecycle import Lifecycle

FOLDER = Path(os.environ["FOLDER"])

class Waiting:
    idle = None

    def __call__(self, event):
        (FOLDER / "in-hand").touch()
        while not (FOLDER / "go-on").exists():
            time.sleep(0.01)
        return {"served": event, "pid": os.getpid()}

    def connect(self):
        pass

    def stop(self):
        pass

    def close(self):
        (FOLDER / "closed").write_text(str(os.getpid()))

handler = Lifecycle(Waiting)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the function and the test tell each other how far they are."""
    made = tmp_path / "function"
    made.mkdir()
    return made


@pytest.fixture
def ministack(tmp_path: Path) -> Iterator[MiniStack]:
    state = tmp_path / "ministack"
    state.mkdir()
    made = MiniStack(state, python=MINISTACK_PYTHON, log=tmp_path / "ministack.log")
    try:
        made.start()
        made.wait()
        yield made
    finally:
        made.stop()


@pytest.fixture
def invoke(ministack: MiniStack, folder: Path) -> Invoke:
    """Deploy HANDLER, and give what calls it once and returns its answer."""
    session = boto3.Session(
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="local",
    )
    config = Config(proxies={}, retries={"total_max_attempts": 1})
    client = session.client("lambda", endpoint_url=ministack.endpoint_url, config=config)
    client.create_function(
        FunctionName="waiting",
        Runtime="python3.13",
        Role=f"arn:aws:iam::{ACCOUNT}:role/any",
        Handler="handler.handler",
        Timeout=30,
        Code={"ZipFile": code()},
        Environment={"Variables": {"FOLDER": str(folder)}},
    )

    def call() -> dict[str, Any]:
        answer = client.invoke(FunctionName="waiting", Payload=b'{"order": 1}')
        told: dict[str, Any] = json.loads(answer["Payload"].read())
        return told

    return call


def code() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("handler.py", HANDLER)
        for path in LAYER.rglob("*.py"):
            archive.write(path, path.relative_to(LAYER))
    return packed.getvalue()


def test_a_request_in_hand_is_answered_while_the_emulator_is_stopped(
    ministack: MiniStack, invoke: Invoke, folder: Path
) -> None:
    answers: list[dict[str, Any]] = []
    request = threading.Thread(target=lambda: answers.append(invoke()))
    request.start()
    until((folder / "in-hand").exists, what="the request is in hand")
    stop = threading.Thread(target=ministack.stop)
    stop.start()
    # By now the function's process has its SIGTERM.
    pause(0.5)
    assert stop.is_alive()
    (folder / "go-on").touch()
    request.join(20)
    stop.join(20)

    assert [answer["served"] for answer in answers] == [{"order": 1}]
    assert (folder / "closed").read_text() == str(answers[0]["pid"])
    assert ministack.process() is None


def test_a_function_between_requests_is_let_go_at_once(
    ministack: MiniStack, invoke: Invoke, folder: Path
) -> None:
    (folder / "go-on").touch()
    pid = invoke()["pid"]
    assert not (folder / "closed").exists()
    started = time.monotonic()
    ministack.stop()

    assert (folder / "closed").read_text() == str(pid)
    assert time.monotonic() - started < DRAIN_SECONDS
