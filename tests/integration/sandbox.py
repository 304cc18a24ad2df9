"""A Lambda sandbox as a process of its own: a function's real handler behind pipes.

Run as a script in it. Outside, ``Sandbox`` starts one, calls it and ends it; nothing of
the test's own process is inside, so it starts cold, and can be killed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    import time_machine

_ROOT = Path(__file__).parents[2]
_ANSWER_SECONDS = 30
# A line that is no event: the clock that the handler sees is this far from the true one.
_CLOCK = "sandbox-clock-step-seconds"
# The monotonic time when the process was started; one clock for the whole machine.
_STARTED = "SANDBOX_STARTED"


class SandboxEndedError(AssertionError):
    """The process is gone, and whether it did what it was called for is not known."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """``seconds`` is what the handler took, without what it stood in line for a processor.

    So a deadline can be asserted on a machine that is busy with something else.
    ``cold_seconds`` is the same from the start of the process.
    """

    response: Any
    seconds: float
    cold_seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; ``seconds`` and ``cold_seconds`` are an Invocation's."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]
    seconds: float
    cold_seconds: float = 0.0


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
                env={
                    "PYTHONPATH": str(_ROOT / "layers/tillgate/python"),
                    _STARTED: str(time.monotonic()),
                    **env,
                },
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.kill()

    def call(self, event: Mapping[str, Any]) -> Answer:
        """Invoke it once with an HTTP request and wait for the answer."""
        told = self.invoke(event)
        response = told.response
        return Answer(
            response["statusCode"],
            response["headers"],
            json.loads(response["body"]),
            told.seconds,
            told.cold_seconds,
        )

    def invoke(self, event: Mapping[str, Any]) -> Invocation:
        """Invoke it once and wait; raises SandboxEndedError when it ends instead."""
        self._write(event)
        stdout = self._process.stdout
        assert stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            if not selector.select(_ANSWER_SECONDS):
                raise AssertionError(f"no answer in {_ANSWER_SECONDS} s; see {self.log}")
        line = stdout.readline()
        if not line.endswith(b"\n"):
            raise SandboxEndedError(f"the sandbox ended: {self.log.read_text()[-2000:]}")
        return Invocation(**json.loads(line))

    def step_clock(self, seconds: float) -> None:
        """Set the wall clock that it sees so far from the true one, from its next call on."""
        self._write({_CLOCK: seconds})

    def _write(self, line: Mapping[str, Any]) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(json.dumps(line).encode() + b"\n")
            stdin.flush()
        except BrokenPipeError as error:
            raise SandboxEndedError(f"the sandbox ended: {self.log}") from error

    def freeze(self) -> None:
        """Let nothing in it run until ``thaw``, as Lambda does between requests."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def strike(self) -> None:
        """End it with SIGKILL from any thread, whatever it does; ``kill`` is still due."""
        self._process.kill()

    def kill(self) -> None:
        """End it with SIGKILL; idempotent."""
        self._process.kill()
        self._process.wait(20)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                # What was written and never read may be flushed to nobody.
                with suppress(BrokenPipeError):
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
    clock: time_machine.travel | None = None
    for line in sys.stdin:
        event = json.loads(line)
        if _CLOCK in event:
            clock = _set_clock(clock, event[_CLOCK])
            continue
        started = _own_time()
        response = module.handler(event, None)
        ended = _own_time()
        told = {
            "response": response,
            "seconds": ended - started,
            "cold_seconds": ended - float(os.environ[_STARTED]),
        }
        answers.write(json.dumps(told) + "\n")


def _set_clock(stepped: time_machine.travel | None, seconds: float) -> time_machine.travel:
    import time_machine  # noqa: PLC0415  Nothing but a stepped clock should cost this import.

    if stepped is not None:
        stepped.stop()
    stepped = time_machine.travel(time.time() + seconds, tick=True)
    stepped.start()
    return stepped


def _own_time() -> float:
    """Give the monotonic time less that in which this thread was ready and did not run.

    https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat
    """
    stood_in_line = 0.0
    with suppress(OSError):
        stood_in_line = int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9
    return time.monotonic() - stood_in_line


if __name__ == "__main__":
    main(sys.argv[1])
