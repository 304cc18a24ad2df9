"""A local stack for the end-to-end tests: their own, on ports of its own, beside any demo.

``TILLGATE_STACK=.local/stack.json`` uses a running one instead, for a quick turn
while writing tests.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from ops.layers import build_all
from ops.local.demo import run_demo
from ops.local.stack import LocalStack
from ops.local.state import StateDir
from stacks.assets import LayerTarget

if TYPE_CHECKING:
    from collections.abc import Iterator


# The first test waits for the whole deploy.
SECONDS = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.fixture(scope="session")
def stack() -> Iterator[dict[str, Any]]:
    """Give the hand-out of a stack that is up: the parsed ``stack.json``."""
    running = os.environ.get("TILLGATE_STACK")
    if running is not None:
        yield json.loads(Path(running).read_text())
        return
    build_all([LayerTarget.LOCAL], require_bytecode=False)
    # Not below pytest's own folder: run by root, Postgres runs as another user, and any other
    # pytest that starts meanwhile closes that folder to it.
    with TemporaryDirectory(prefix="tillgate-stack-", dir="/tmp") as folder:
        state = StateDir(Path(folder))
        local = LocalStack(state)
        try:
            assert run_demo(local.up(), path=state.stack) == 0
            yield json.loads(state.stack.read_text())
        finally:
            local.down(purge=True)
