"""What doctor found: one finding for each thing looked at, printed as lines or as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.cli.output import Output


class State(StrEnum):
    OK = "ok"
    WARN = "warn"
    WRONG = "wrong"


_COLOURS = {State.OK: "green", State.WARN: "yellow", State.WRONG: "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """``next_step`` is what to type when the state is not ok.

    ``exit_code`` is doctor's when it is wrong: a warning is about a tenant's affair, while
    the platform does its part.
    """

    name: str
    state: State
    detail: str
    next_step: str | None = None
    exit_code: int = 0

    @property
    def is_well(self) -> bool:
        return self.state is State.OK


def well(name: str, detail: str) -> Finding:
    return Finding(name, State.OK, detail)


def wrong(name: str, detail: str, next_step: str, *, exit_code: int = 1) -> Finding:
    return Finding(name, State.WRONG, detail, next_step, exit_code)


def warning(name: str, detail: str, next_step: str) -> Finding:
    return Finding(name, State.WARN, detail, next_step)


def judge(name: str, *, good: bool, detail: str, fault: str, next_step: str) -> Finding:
    return well(name, detail) if good else wrong(name, fault, next_step)


def counted(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def show(findings: Sequence[Finding], output: Output) -> int:
    """Print the findings; give the exit code that follows from them."""
    faults = [finding for finding in findings if finding.state is State.WRONG]
    warnings = [finding for finding in findings if finding.state is State.WARN]
    if output.is_json:
        checks = [
            {name: value for name, value in asdict(finding).items() if name != "exit_code"}
            for finding in findings
        ]
        output.show_text(json.dumps({"ok": not faults, "checks": checks}, ensure_ascii=False))
    else:
        _show_lines(findings)
    if not faults and warnings:
        output.note(
            f"Nothing is wrong; {counted(len(warnings), 'thing')} to look at."
            f" Begin with: {warnings[0].next_step}"
        )
        return 0
    if not faults:
        output.note("All is well.")
        return 0
    verb = "is" if len(faults) == 1 else "are"
    output.note(f"{counted(len(faults), 'thing')} {verb} wrong. Begin with: {faults[0].next_step}")
    return max(finding.exit_code for finding in faults)


def _show_lines(findings: Sequence[Finding]) -> None:
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = typer.style(f"{finding.state:<5}", fg=_COLOURS[finding.state], bold=True)
        typer.echo(f"{mark}  {finding.name:<{width}}  {finding.detail}")
        if finding.next_step:
            typer.echo(f"{'':<{width + 9}}next: {finding.next_step}")
