"""A sandbox as AWS runs it: awslambdaric over a handler, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.integration.polling import until
from tests.integration.runtime_api import RuntimeApi

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[2]


class LambdaSandbox:
    """One sandbox over ``folder``/handler.py, and the APIs that it asks.

    Of Lambda's variables it has those that our code or awslambdaric reads.
    """

    def __init__(
        self,
        folder: Path,
        env: Mapping[str, str],
        *,
        log: Path,
        is_snapshot: bool = False,
        register_status: int = 200,
    ) -> None:
        self.api = RuntimeApi()
        self.api.register_status = register_status
        self._log = log
        self._folder = folder
        self._env = {
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT / "layers/tillgate/python"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_LAMBDA_RUNTIME_API": self.api.address,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_FUNCTION_NAME": folder.name,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start" if is_snapshot else "on-demand",
            **env,
        }
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self.api)
        with self._log.open("ab") as lines:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "awslambdaric", "handler.handler"],
                cwd=self._folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=subprocess.STDOUT,
            )
        return self

    def __exit__(self, *_exc: object) -> None:
        self.process.kill()
        self.process.wait(20)
        self._stack.close()

    def until(self, condition: Callable[[], object], *, what: str) -> None:
        """Wait for it; fail at once, with the log, when the sandbox ends before."""

        def holds() -> bool:
            if condition():
                return True
            assert self.process.poll() is None, self.text()
            return False

        until(holds, what=what)

    def wait_for_request(self) -> None:
        """Wait until it has asked for the next event."""
        self.until(self.api.is_waiting.is_set, what="the sandbox asks for an event")

    def call(self, event: Any) -> Any:  # noqa: ANN401  Any JSON.
        """Invoke it and give what it answered."""
        return self.answer(self.api.invoke(event))

    def answer(self, invocation_id: str) -> Any:  # noqa: ANN401  Any JSON.
        """Wait for the one answer of an invocation; the sandbox may have ended after it."""
        until(lambda: self.api.answers(invocation_id), what=f"an answer to {invocation_id}")
        (posted,) = self.api.answers(invocation_id)
        assert posted.what == "response", posted.content
        return posted.content

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def text(self) -> str:
        return self._log.read_text()

    def lines(self) -> list[dict[str, Any]]:
        """Give every line of the log; each is JSON, and whole."""
        return [json.loads(line) for line in self.text().splitlines()]

    def steps(self, task: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line.get("task") == task]
