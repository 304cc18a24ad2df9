"""What ends a command early: a sentence, what to type next, and the exit code."""

from __future__ import annotations

from dataclasses import dataclass


class CliError(Exception):
    """The root of what a command tells its user instead of a result.

    ``details`` are further lines of what happened, ``next_step`` is what to type next.
    """

    exit_code = 1

    def __init__(
        self, message: str, *, next_step: str | None = None, details: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.details = details


class UsageError(CliError):
    """The command line, the environment or the stack file does not say what is needed."""

    exit_code = 2


class UnreachableError(CliError):
    """The address gave no answer."""

    exit_code = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What the server said when it said no; ``kind`` is the problem's type, "" if it sent none."""

    status: int
    kind: str


class ServerRefusedError(CliError):
    """The server answered, and the answer is not what was asked for."""

    def __init__(
        self,
        message: str,
        *,
        refusal: Refusal,
        next_step: str | None = None,
        details: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, next_step=next_step, details=details)
        self.refusal = refusal


class NoSuchThingError(CliError):
    """The server has nothing by this name."""
