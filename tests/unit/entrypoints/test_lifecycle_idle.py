"""What is done in a pause between two requests, and that no request notices."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from tests.architecture.subprocesses import LAYER
from tests.integration.polling import pause

if TYPE_CHECKING:
    from collections.abc import Iterator

# A runtime in one loop, as an emulator has it, whose answer is long on its way. An event's words
# say what happens while it is in hand; the argument: what happens in the pauses.
RUNTIME = """
import os, signal, sys, time

sys.path.insert(0, sys.argv[1])
os.environ["AWS_LAMBDA_FUNCTION_NAME"] = "f"
from tillgate.entrypoints import lifecycle

lifecycle.IDLE_SECONDS = 1.0 if "slow" in sys.argv else 0.1
lifecycle._LATE_SECONDS = 0.3
# However slowly this machine lets an answer leave.
lifecycle.ANSWER_SECONDS = 60

class Wired:
    def __init__(self):
        self.pauses = 0
        self.idle = None if "never" in sys.argv else self.pause

    def __call__(self, event):
        for word in event.split():
            if word == "long":
                time.sleep(0.5)
        return event

    def connect(self):
        pass

    def stop(self):
        pass

    def close(self):
        print("close", flush=True)

    def pause(self):
        print("idle", flush=True)
        self.pauses += 1
        if "raises" in sys.argv:
            raise ConnectionError("with words of another's")
        if "stop" in sys.argv:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.1)
            print("idle has ended", flush=True)
        return 0.1 if "thrice" in sys.argv and self.pauses < 3 else None

handler = lifecycle.Lifecycle(Wired)

def run():
    while True:
        event = sys.stdin.readline().strip()
        if event == "timer?":
            print(signal.getitimer(signal.ITIMER_REAL)[0] > 0, flush=True)
        elif event:
            if event == "lost":
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
            answer = handler(event, None)
            if event == "lost":
                signal.sigwait([signal.SIGALRM])
                signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
            time.sleep(0.2)
            print(answer, flush=True)
        else:
            return

run()
"""


class Runtime:
    """RUNTIME as a process: events in, lines out."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self._stdin, self._stdout = process.stdin, process.stdout

    def send(self, event: str) -> Self:
        self._stdin.write(f"{event}\n")
        self._stdin.flush()
        return self

    def line(self) -> str:
        return self._stdout.readline().strip()

    def rest(self) -> list[str]:
        """Give what is written until the process ends, after what was sent to it."""
        self._stdin.close()
        return self._stdout.read().splitlines()


@contextmanager
def runtime(how: str = "") -> Iterator[Runtime]:
    process = subprocess.Popen(  # noqa: S603  Our own script, from a list.
        [sys.executable, "-c", RUNTIME, str(LAYER), how],
        env={},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Runtime(process)
        finally:
            process.kill()


def test_in_a_pause_it_is_done_once() -> None:
    with runtime() as run:
        assert [run.send("one").line(), run.line()] == ["one", "idle"]
        assert run.send("timer?").line() == "False"
        assert [run.send("two").line(), run.line()] == ["two", "idle"]
        assert run.rest() == []


def test_it_is_done_again_when_it_says_so() -> None:
    with runtime("thrice") as run:
        assert [run.send("one").line(), *(run.line() for _ in range(3))] == ["one", *["idle"] * 3]
        assert run.send("timer?").line() == "False"


def test_neither_a_request_in_hand_nor_an_answer_on_its_way_is_interrupted() -> None:
    with runtime() as run:
        run.send("one").send("long two").send("three")
        assert [run.line() for _ in range(4)] == ["one", "long two", "three", "idle"]


def test_a_look_that_nobody_heard_of_is_made_up_for() -> None:
    with runtime() as run:
        assert [run.send("lost").line(), run.line()] == ["lost", "idle"]
        assert run.send("timer?").line() == "False"


def test_where_nothing_is_done_in_pauses_no_timer_runs() -> None:
    with runtime("never") as run:
        assert run.send("one").line() == "one"
        assert run.send("timer?").line() == "False"


def test_what_comes_out_of_a_freeze_serves_its_next_request_first() -> None:
    with runtime("slow") as run:
        assert run.send("one").line() == "one"
        os.kill(run.process.pid, signal.SIGSTOP)
        pause(1.5)
        run.send("two")
        os.kill(run.process.pid, signal.SIGCONT)
        assert [run.line(), run.line()] == ["two", "idle"]


def test_what_fails_in_a_pause_is_told_by_its_type_and_serving_goes_on() -> None:
    with runtime("raises") as run:
        assert run.send("one").line() == "one"
        assert run.line() == "idle"
        # Python still has its line: it is written out with the next answer.
        told = json.loads(run.send("two").line())
        assert (told["task"], told["error"]) == ("idle", "ConnectionError")
        assert [run.line(), run.line()] == ["two", "idle"]


def test_a_stop_waits_for_what_is_done_in_a_pause() -> None:
    with runtime("stop") as run:
        run.send("one")
        *lines, last = [run.line() for _ in range(5)]
        assert lines == ["one", "idle", "idle has ended", "close"]
        assert json.loads(last)["task"] == "stop"
        assert run.process.wait(20) == 0
