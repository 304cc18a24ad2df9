"""Steps as they are taken, each with its time: the machine's, and apart from it people's."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from ops.cli.errors import CliError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class StepOutcome(StrEnum):
    """``kept``: it was done before, and stays as it is."""

    DONE = "done"
    KEPT = "kept"
    SKIPPED = "skipped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


MARKS = {
    StepOutcome.DONE: "✓",
    StepOutcome.KEPT: "✓",
    StepOutcome.SKIPPED: "-",
    StepOutcome.FAILED: "✗",
    StepOutcome.INTERRUPTED: "✗",
}


@dataclass(slots=True)
class Step:
    """``machine_seconds`` is without ``waited_seconds``, for which people were waited for."""

    name: str
    detail: str = ""
    outcome: StepOutcome = StepOutcome.DONE
    machine_seconds: float = 0.0
    waited_seconds: float = 0.0
    _clock: Callable[[], float] = field(default=lambda: 0.0, repr=False)

    def kept(self, detail: str) -> None:
        self.outcome, self.detail = StepOutcome.KEPT, detail

    def skipped(self, detail: str) -> None:
        self.outcome, self.detail = StepOutcome.SKIPPED, detail

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait for a person, or for what a person does elsewhere."""
        started = self._clock()
        try:
            yield
        finally:
            self.waited_seconds += self._clock() - started

    @property
    def line(self) -> str:
        waited = f", {self.waited_seconds:.0f} s for people" if self.waited_seconds >= 1 else ""
        said = f"  {self.detail}" if self.detail else ""
        return f"{MARKS[self.outcome]} {self.name:<16} {self.machine_seconds:6.2f} s{waited}{said}"


class Checklist:
    """Shows each step when it has ended."""

    def __init__(self, *, clock: Callable[[], float], show: Callable[[str], None]) -> None:
        self._clock = clock
        self._show = show
        self.steps: list[Step] = []

    @property
    def machine_seconds(self) -> float:
        return sum(step.machine_seconds for step in self.steps)

    @property
    def waited_seconds(self) -> float:
        return sum(step.waited_seconds for step in self.steps)

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Time what is done inside; a CliError or Ctrl-C fails the step, and goes on upwards."""
        step = Step(name, _clock=self._clock)
        started = self._clock()
        try:
            yield step
        except CliError as error:
            step.outcome, step.detail = StepOutcome.FAILED, error.message
            raise
        except BaseException:
            step.outcome = StepOutcome.INTERRUPTED
            raise
        finally:
            step.machine_seconds = self._clock() - started - step.waited_seconds
            self.steps.append(step)
            self._show(step.line)

    def skip(self, name: str, detail: str) -> None:
        with self.step(name) as step:
            step.skipped(detail)
