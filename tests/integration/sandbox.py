"""A Lambda sandbox as a process of its own: a function's real handler behind pipes.

Run as a script in it. Outside, ``Sandbox`` starts one, calls it and ends it; nothing of
the test's own process is inside, so it starts cold, and can be killed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import selectors
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT = Path(__file__).parents[2]
_ANSWER_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Answer:
    """``seconds`` is what the handler took; ``init_seconds`` its import, at the first call."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]
    seconds: float
    init_seconds: float


class Sandbox:
    """One sandbox of ``functions/<function>``, with this environment and no other."""

    def __init__(self, function: str, env: Mapping[str, str], *, log: Path) -> None:
        self.log = log
        with log.open("ab") as lines:
            self._process = subprocess.Popen(  # noqa: S603  Our own script, from a list.
                [sys.executable, __file__, str(_ROOT / "functions" / function / "handler.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=lines,
                env={"PYTHONPATH": str(_ROOT / "layers/tillgate/python"), **env},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.kill()

    def call(self, event: Mapping[str, Any]) -> Answer:
        """Invoke it once and wait for the answer."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(event).encode() + b"\n")
        stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            if not selector.select(_ANSWER_SECONDS):
                raise AssertionError(f"no answer in {_ANSWER_SECONDS} s; see {self.log}")
        line = stdout.readline()
        if not line:
            raise AssertionError(f"the sandbox ended: {self.log.read_text()[-2000:]}")
        told = json.loads(line)
        response = told["response"]
        return Answer(
            response["statusCode"],
            response["headers"],
            json.loads(response["body"]),
            told["seconds"],
            told["init_seconds"],
        )

    def kill(self) -> None:
        """End it with SIGKILL; idempotent."""
        self._process.kill()
        self._process.wait(20)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def main(handler_path: str) -> None:
    """Answer each line of standard input; what the handler prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    sys.stdout = sys.stderr
    started = time.perf_counter()
    spec = importlib.util.spec_from_file_location("handler", handler_path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    init_seconds = time.perf_counter() - started
    for line in sys.stdin:
        started = time.perf_counter()
        response = module.handler(json.loads(line), None)
        seconds = time.perf_counter() - started
        answers.write(
            json.dumps({"response": response, "seconds": seconds, "init_seconds": init_seconds})
            + "\n"
        )


if __name__ == "__main__":
    main(sys.argv[1])
