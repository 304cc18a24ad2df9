"""Asking before something happens that a person should have looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.errors import CliError, UsageError

if TYPE_CHECKING:
    from ops.cli.session import Surroundings

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def confirm_by_name(surroundings: Surroundings, name: str, *, given: str | None) -> None:
    """Go on only if the person types ``name``, or gave it along: a yes is typed too easily.

    Raises CliError for anything else, and UsageError where there is nobody to ask.
    """
    if given is None:
        if not surroundings.is_interactive():
            raise UsageError(
                "Nothing was done: this is no terminal, so nobody can be asked.",
                next_step=f"look at the plan, then repeat the command with --confirm {name}",
            )
        given = str(typer.prompt(f"This cannot be undone. Type {name} to go on", err=True))
    if given.strip() != name:
        raise CliError(f"That is not {name}. Nothing was done.")


def confirm(surroundings: Surroundings, question: str, *, yes: bool) -> None:
    """Go on only if the person, or ``--yes``, says so.

    Raises CliError for a no, and UsageError where there is nobody to ask.
    """
    if yes:
        return
    if not surroundings.is_interactive():
        raise UsageError(
            "Nothing was done: this is no terminal, so nobody can be asked.",
            next_step="look at the plan, then repeat the command with --yes",
        )
    if not typer.confirm(question, err=True):
        raise CliError("Nothing was done.")
