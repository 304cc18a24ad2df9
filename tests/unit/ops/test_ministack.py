from __future__ import annotations

import pytest

from ops.local.ministack import is_worker

WORKER = "/state/tmp/ministack-lambda-Ingest-ab12/_worker.py"


def test_a_function_s_process_is_known_by_its_script() -> None:
    assert is_worker(["/venv/bin/python", WORKER])


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["/venv/bin/python", "-m", "ministack.app"],
        ["/venv/bin/python", "/state/tmp/other/_worker.py"],
        ["/venv/bin/python", "/state/tmp/ministack-lambda-Ingest-ab12/code/handler.py"],
        ["/venv/bin/python", WORKER, "--more"],
    ],
)
def test_any_other_process_is_left_alone(command: list[str]) -> None:
    assert not is_worker(command)
