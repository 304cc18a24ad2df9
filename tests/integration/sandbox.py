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
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT = Path(__file__).parents[2]
_ANSWER_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Answer:
    """``seconds`` is what the handler took, without what it stood in line for a processor.

    So a deadline can be asserted on a machine that is busy with something else.
    """

    status: int
    headers: dict[str, str]
    body: dict[str, Any]
    seconds: float


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
    spec = importlib.util.spec_from_file_location("handler", handler_path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for line in sys.stdin:
        started = _own_time()
        response = module.handler(json.loads(line), None)
        seconds = _own_time() - started
        answers.write(json.dumps({"response": response, "seconds": seconds}) + "\n")


def _own_time() -> float:
    """Give the monotonic time less that in which this thread was ready and did not run.

    https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat
    """
    stood_in_line = 0.0
    with suppress(OSError):
        stood_in_line = int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9
    return time.perf_counter() - stood_in_line


if __name__ == "__main__":
    main(sys.argv[1])
