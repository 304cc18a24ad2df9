from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import snapshot_restore_py as hooks  # type: ignore[import-untyped]  # AWS ships it without types.

from tests.architecture.subprocesses import LAYER
from tillgate.entrypoints.lifecycle import ANSWER_SECONDS, CLOSE_SECONDS, Lifecycle
from tillgate.settings.function import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


@dataclass
class FakeWired:
    """Answers what it is asked, and writes down what is done to it."""

    done: list[str] = field(default_factory=list)
    idle: Callable[[], float | None] | None = None

    def __call__(self, event: str, /) -> str:
        if event == "fail":
            raise ValueError(event)
        self.done.append(event)
        return f"{event}, answered"

    def preload(self) -> None:
        self.done.append("preload")

    def connect(self) -> None:
        self.done.append("connect")

    def stop(self) -> None:
        self.done.append("stop")

    def close(self) -> None:
        self.done.append("close")


class Maker:
    """Makes FakeWired, and keeps what it made, in order."""

    def __init__(self) -> None:
        self.made: list[FakeWired] = []

    def __call__(self) -> FakeWired:
        self.made.append(FakeWired())
        return self.made[-1]


@pytest.fixture
def snap_start(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    yield
    hooks.get_before_snapshot().clear()
    hooks.get_after_restore().clear()


def test_the_function_is_made_at_its_first_request_and_kept() -> None:
    make = Maker()
    handler = Lifecycle(make)
    assert make.made == []

    assert [handler("one", None), handler("two", None)] == ["one, answered", "two, answered"]
    assert [wired.done for wired in make.made] == [["one", "two"]]


def in_lambda(make: Callable[[], FakeWired]) -> Lifecycle[str, str]:
    """Start it as in a sandbox, in a thread: no signal of the test's own process is touched."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(Lifecycle, make).result()


def test_in_lambda_the_function_is_made_at_the_start_and_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
    make = Maker()
    handler = in_lambda(make)
    assert [wired.done for wired in make.made] == [[]]

    handler("one", None)
    assert [wired.done for wired in make.made] == [["one"]]


def test_in_lambda_what_cannot_be_made_fails_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")

    def make() -> FakeWired:
        raise SettingsError(["STAGE is not set"])

    with pytest.raises(SettingsError, match=r"^STAGE is not set$"):
        in_lambda(make)


def test_what_the_function_raises_is_raised_and_the_next_request_is_served() -> None:
    handler = Lifecycle(Maker())
    with pytest.raises(ValueError, match="fail"):
        handler("fail", None)

    assert handler._in_hand is False
    assert handler("one", None) == "one, answered"


def test_what_cannot_be_made_is_tried_again_by_the_next_request() -> None:
    tries = iter([1, 2])

    def make() -> FakeWired:
        if next(tries) == 1:
            raise KeyError("SETTING")
        return FakeWired()

    handler = Lifecycle(make)
    with pytest.raises(KeyError):
        handler("one", None)

    assert handler("two", None) == "two, answered"


def test_outside_lambda_nothing_of_the_process_is_touched() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    threads = threading.active_count()
    Lifecycle(Maker())("one", None)

    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
    assert threading.active_count() == threads
    assert hooks.get_before_snapshot() == []


@pytest.mark.usefixtures("snap_start")
def test_before_a_snapshot_the_function_is_made_loaded_whole_and_closed() -> None:
    make = Maker()
    Lifecycle(make)
    run(hooks.get_before_snapshot())

    assert [wired.done for wired in make.made] == [["preload", "close"]]


@pytest.mark.usefixtures("snap_start")
def test_after_a_restore_another_is_made_and_connected() -> None:
    make = Maker()
    handler = Lifecycle(make)
    run(hooks.get_before_snapshot())
    run(hooks.get_after_restore())
    handler("one", None)

    assert [wired.done for wired in make.made] == [["preload", "close"], ["connect", "one"]]


@pytest.mark.usefixtures("snap_start")
def test_after_a_restore_random_numbers_are_others() -> None:
    Lifecycle(Maker())
    random.seed(7)
    run(hooks.get_after_restore())

    assert random.random() != random.Random(7).random()  # noqa: S311  Not for secrets: for comparing.


@pytest.mark.usefixtures("snap_start")
def test_without_the_module_of_lambdas_runtime_a_line_says_so_and_it_serves(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", None)

    assert Lifecycle(Maker())("one", None) == "one, answered"
    line = json.loads(capsys.readouterr().out)
    assert (line["task"], line["outcome"]) == ("snapshot", "failed")


def run(registered: Iterable[tuple[Callable[..., object], tuple[object, ...], Any]]) -> None:
    for function, arguments, keywords in registered:
        function(*arguments, **keywords)


# A runtime that calls the handler and passes its answer on in one loop, as an emulator
# does. The words of an event are what happens while it is in hand. The argument: closing
# hangs or fails, or the loop waits elsewhere than before the call.
RUNTIME = """
import os, signal, sys, time

sys.path.insert(0, sys.argv[1])
os.environ["AWS_LAMBDA_FUNCTION_NAME"] = "f"
from tillgate.entrypoints import lifecycle
from tillgate.entrypoints.lifecycle import Lifecycle

if "wait" not in sys.argv:
    # However slowly this machine lets the answer leave.
    lifecycle.ANSWER_SECONDS = 60

class Wired:
    is_stopping = False
    idle = None

    def __call__(self, event):
        for word in event.split():
            while word == "until-told" and not self.is_stopping:
                time.sleep(0.01)
            if word.startswith("SIG"):
                os.kill(os.getpid(), getattr(signal, word))
        if "fail" in event:
            raise ValueError
        return event

    def connect(self):
        pass

    def stop(self):
        self.is_stopping = True

    def close(self):
        print("close")
        if "hang" in sys.argv:
            time.sleep(60)
        if "fail" in sys.argv:
            raise ConnectionError("with words of another's")

handler = Lifecycle(Wired)

def run():
    while True:
        line = sys.stdin.readline()
        if not line:
            time.sleep(60)
        try:
            answer = handler(line.strip(), None)
        except ValueError:
            answer = "error"
        # Its way takes longer than it takes to look whether it has arrived.
        time.sleep(0.1)
        # Into a pipe, so that it stays in Python's buffer.
        print(answer)
        if "wait" in sys.argv:
            time.sleep(60)

run()
"""


def end(*events: str, how: str = "") -> tuple[list[str], float]:
    """Hand events to RUNTIME; give what it wrote until it ended by itself, and its seconds."""
    started = time.monotonic()
    ran = subprocess.run(  # noqa: S603  Our own script, from a list.
        [sys.executable, "-c", RUNTIME, str(LAYER), how],
        input="".join(f"{event}\n" for event in events),
        # None of ours: it might say that Python shall not buffer.
        env={},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert ran.stderr == ""
    return ran.stdout.splitlines(), time.monotonic() - started


def stop_line(line: str) -> dict[str, object]:
    told: dict[str, object] = json.loads(line)
    del told["at"]
    return told


STOPPED = {"task": "stop", "version": "", "stage": "", "signal": "SIGTERM", "in_hand": True}


def test_a_request_in_hand_is_answered_before_anything_is_closed() -> None:
    lines, _ = end("SIGTERM")

    assert lines[:-1] == ["SIGTERM", "close"]
    assert stop_line(lines[-1]) == STOPPED


def test_what_takes_long_is_told_to_come_to_an_end() -> None:
    lines, _ = end("SIGTERM until-told")

    assert lines[:-1] == ["SIGTERM until-told", "close"]
    assert stop_line(lines[-1]) == STOPPED


def test_a_second_signal_does_not_cut_the_answer() -> None:
    lines, _ = end("SIGTERM SIGINT SIGTERM")

    assert lines[:-1] == ["SIGTERM SIGINT SIGTERM", "close"]
    # Of signals that come at once, Python takes the one with the least number first.
    assert stop_line(lines[-1]) in (STOPPED, {**STOPPED, "signal": "SIGINT"})


def test_a_request_that_fails_while_it_is_stopped_is_answered_as_well() -> None:
    lines, _ = end("SIGTERM fail")

    assert lines[:-1] == ["error", "close"]


def test_what_came_before_the_signal_is_written_out() -> None:
    lines, _ = end("one", "two", "SIGTERM")

    assert lines[:-1] == ["one", "two", "SIGTERM", "close"]


def test_a_runtime_that_never_comes_back_to_its_call_is_not_waited_for() -> None:
    lines, seconds = end("SIGTERM", how="wait")

    assert lines[:-1] == ["SIGTERM", "close"]
    assert seconds > ANSWER_SECONDS


def test_closing_that_hangs_is_given_up() -> None:
    lines, seconds = end("SIGTERM", how="hang")

    assert lines[:-1] == ["SIGTERM", "close"]
    assert stop_line(lines[-1]) == {**STOPPED, "error": "CloseOutOfTimeError"}
    assert seconds > CLOSE_SECONDS


def test_closing_that_fails_is_told_by_its_type_only() -> None:
    lines, _ = end("SIGTERM", how="fail")

    assert stop_line(lines[-1]) == {**STOPPED, "error": "ConnectionError"}
