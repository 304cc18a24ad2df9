"""A secret from stdin or a hidden prompt: never an argument, never printed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from ops.cli.errors import UsageError

if TYPE_CHECKING:
    from ops.cli.session import Surroundings

MAX_SECRET_BYTES = 4096


def read_secret(surroundings: Surroundings, *, provider: str, from_stdin: bool) -> str | None:
    """Give the secret, None when there is none to give: the server may then make one.

    A person at a terminal is asked; a script is not, unless it says that it pipes one in.
    Raises UsageError for a secret that cannot be one.
    """
    if surroundings.is_interactive():
        answer = _typed(f"Secret with which {provider} signs (hidden; Enter if it gave you none)")
        return _checked(answer) if answer or from_stdin else None
    return _checked(_piped_in()) if from_stdin else None


def ask_secret(
    surroundings: Surroundings,
    *,
    from_stdin: bool,
    question: str = "Secret with which the vendor signs (hidden)",
) -> str:
    """Give the secret, as ``read_secret`` does; none at all is a UsageError, too."""
    if surroundings.is_interactive():
        return _checked(_typed(question))
    if not from_stdin:
        raise _unusable("There is none: this is no terminal, and none is piped in.")
    return _checked(_piped_in())


def ask_line(surroundings: Surroundings, *, from_stdin: bool, question: str) -> str | None:
    """Give one secret of perhaps several: what is typed, or the next line of what is piped in.

    None where a person gave none, or nothing is piped in. Raises UsageError for a secret that
    cannot be one.
    """
    if surroundings.is_interactive():
        answer = _typed(question)
        return _checked(answer) if answer else None
    return _checked(_next_line()) if from_stdin else None


def _typed(question: str) -> str:
    answer: str = typer.prompt(question, default="", hide_input=True, show_default=False, err=True)
    return answer


def _next_line() -> str:
    return _decoded(sys.stdin.buffer.readline(MAX_SECRET_BYTES + 1))


def _piped_in() -> str:
    return _decoded(sys.stdin.buffer.read(MAX_SECRET_BYTES + 1))


def _decoded(content: bytes) -> str:
    if len(content) > MAX_SECRET_BYTES:
        raise _unusable(f"It is longer than {MAX_SECRET_BYTES} bytes.")
    try:
        # echo and editors end a line; no vendor's secret does.
        return content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise _unusable("It is not UTF-8.") from None


def _checked(secret: str) -> str:
    if not secret:
        raise _unusable("It is empty.")
    if not secret.isprintable():
        raise _unusable("It has more than one line, or control characters.")
    return secret


def _unusable(reason: str) -> UsageError:
    return UsageError(
        f"The secret cannot be used. {reason}",
        next_step="repeat the command with --secret-stdin < FILE, or from a terminal to be asked",
    )
