"""The options that every command takes, after its own or before the noun."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.cli.connection import GIVE_A_TOKEN
from ops.cli.errors import UsageError
from ops.cli.output import OutputFormat, show_error

PANEL = "Connection and output"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedOptions:
    """What was given; None is 'not given'."""

    url: str | None = None
    token_file: Path | None = None
    output: OutputFormat | None = None

    def or_else(self, other: "SharedOptions") -> "SharedOptions":
        """Fill from ``other`` what was not given here."""
        return SharedOptions(
            url=self.url or other.url,
            token_file=self.token_file or other.token_file,
            output=self.output or other.output,
        )


def add_shared_options(
    run: Callable[..., None], own: Sequence[inspect.Parameter]
) -> Callable[..., None]:
    """Tell typer that ``run(context, **values)`` takes these parameters and the shared ones."""
    context = inspect.Parameter(
        "context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
    )
    shared = inspect.signature(_declared).parameters.values()
    parameters = [context, *own, *shared]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it.
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def take_shared_options(values: dict[str, Any]) -> SharedOptions:
    """Take the shared options out of what typer read, and leave the command's own."""
    return _declared(**{name: values.pop(name) for name in inspect.signature(_declared).parameters})


def _refuse_token(value: str | None) -> None:
    if value is None:
        return
    error = UsageError(
        "A token is not taken from the command line: it would stay in the shell's history"
        " and show in ps. Treat that one as known to others.",
        next_step=GIVE_A_TOKEN,
    )
    show_error(error)
    raise typer.Exit(error.exit_code)


def _declared(
    *,
    url: Annotated[
        str | None,
        typer.Option(
            help="Address of Tillgate. Else TILLGATE_URL, else the local stack.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            help="File with the operator token. Else TILLGATE_OPERATOR_TOKEN.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    output: Annotated[
        OutputFormat | None,
        typer.Option("--output", "-o", help="Default: table.", rich_help_panel=PANEL),
    ] = None,
    token: Annotated[str | None, typer.Option(hidden=True, callback=_refuse_token)] = None,
) -> SharedOptions:
    del token  # Its callback has refused it.
    return SharedOptions(url=url, token_file=token_file, output=output)
