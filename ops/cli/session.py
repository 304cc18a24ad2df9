"""One run of one command: where it calls, with which token, how it prints, and how it fails.

A command is a function ``f(session, ...)`` under ``@connected``, which adds the shared
options. It returns when all went well, and raises a CliError when not.
"""

import functools
import inspect
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import typer

from ops.cli.client import AdminClient
from ops.cli.connection import URL_VARIABLE, Connection, choose_connection, operator_name
from ops.cli.errors import CliError
from ops.cli.output import Output, OutputFormat, show_error
from ops.cli.shared_options import SharedOptions, add_shared_options, take_shared_options


def _stdin_is_a_terminal() -> bool:
    return sys.stdin.isatty()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """All of the outside that a command touches. A test gives its own as typer's ``obj``."""

    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    folder: Path = field(default_factory=Path.cwd)
    transport: httpx.BaseTransport | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    is_interactive: Callable[[], bool] = _stdin_is_a_terminal
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


class Session:
    """The connection is settled, and the client made, when first needed."""

    def __init__(self, options: SharedOptions, surroundings: Surroundings) -> None:
        self._options = options
        self.surroundings = surroundings
        self.output = Output(options.output or OutputFormat.TABLE)

    @functools.cached_property
    def connection(self) -> Connection:
        return choose_connection(
            url=self._options.url,
            token_file=self._options.token_file,
            environ=self.surroundings.environ,
            folder=self.surroundings.folder,
        )

    @property
    def address(self) -> str:
        """Give where to call without a token: the stack file is read where nothing names it."""
        given = self._options.url or self.surroundings.environ.get(URL_VARIABLE)
        return given or self.connection.url

    @functools.cached_property
    def client(self) -> AdminClient:
        return AdminClient(
            self.connection,
            operator=operator_name(self.surroundings.environ),
            transport=self.surroundings.transport,
        )

    def close(self) -> None:
        if "client" in self.__dict__:
            self.client.close()


@dataclass(slots=True)
class Run:
    """What travels in typer's context from the root to the command that runs."""

    surroundings: Surroundings
    options: SharedOptions = field(default_factory=SharedOptions)

    @classmethod
    def of(cls, context: typer.Context) -> "Run":
        """Give the context's run; the root command, which comes first, makes it."""
        if not isinstance(context.obj, cls):
            context.obj = cls(context.obj or Surroundings())
        return context.obj


def connected(command: Callable[..., None]) -> Callable[..., None]:
    """Make a typer command of ``command(session, ...)``."""

    @functools.wraps(command)
    def run(context: typer.Context, **values: object) -> None:
        options = take_shared_options(values)
        travelling = Run.of(context)
        session = Session(options.or_else(travelling.options), travelling.surroundings)
        try:
            command(session, **values)
        except CliError as error:
            show_error(error)
            raise typer.Exit(error.exit_code) from error
        finally:
            session.close()

    own = list(inspect.signature(command).parameters.values())[1:]
    return add_shared_options(run, own)
