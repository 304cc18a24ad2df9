"""Data on stdout, as a table for people or as the server's own JSON; all else on stderr."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import typer
from rich.cells import cell_len, set_cell_size

from ops.cli import exact_json
from ops.cli.exact_json import NumberText, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ops.cli.client import Answer
    from ops.cli.errors import CliError
    from ops.cli.exact_json import JsonValue

ABSENT = "-"


class OutputFormat(StrEnum):
    TABLE = "table"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a record and what it is called; ``key`` may lead inside: ``delivery.state``."""

    title: str
    key: str


class Output:
    """Prints what a command found, in the format that was asked for."""

    def __init__(self, output_format: OutputFormat) -> None:
        self.is_json = output_format is OutputFormat.JSON

    def show_list(
        self, answer: Answer, name: str, columns: Sequence[Column], *, when_empty: str
    ) -> None:
        """Print the records that the answer holds under ``name``."""
        if self.is_json:
            self.show_text(answer.text)
        elif records := answer.records(name):
            self.show_table(records, columns)
        else:
            self.note(when_empty)

    def show_record(self, answer: Answer, columns: Sequence[Column]) -> None:
        """Print one thing: a line for each field. Nothing is cut, so that it can be copied."""
        if self.is_json:
            self.show_text(answer.text)
            return
        width = max(len(column.title) for column in columns)
        for column in columns:
            value = pick(answer.document, column.key)
            typer.echo(f"{column.title:<{width}}  {shown(value)}")

    def show_values(self, values: Mapping[str, int | bool]) -> None:
        """Print what a command itself found out: a line for each, or one JSON object."""
        if self.is_json:
            self.show_text(json.dumps(values))
            return
        width = max(map(len, values))
        for name, value in values.items():
            title = name.replace("_", " ").upper()
            written = value if isinstance(value, bool) else NumberText(value)
            typer.echo(f"{title:<{width}}  {shown(written)}")

    def show_table(
        self, records: Sequence[dict[str, JsonValue]], columns: Sequence[Column]
    ) -> None:
        """Print a line for each record, whole: what a terminal wraps can still be copied."""
        rows = [[shown(pick(record, column.key)) for column in columns] for record in records]
        titles = [column.title for column in columns]
        widths = [max(map(cell_len, cells)) for cells in zip(titles, *rows, strict=True)]
        typer.secho(_line(titles, widths), bold=True)
        for row in rows:
            typer.echo(_line(row, widths))

    def show_text(self, text: str) -> None:
        """Print a text exactly, with a last newline; as UTF-8, whatever the terminal is."""
        typer.echo(text.encode(), nl=not text.endswith("\n"))

    def note(self, text: str) -> None:
        """Tell the person something that is not the data."""
        typer.echo(printable(text), err=True)

    def note_lines(self, text: str) -> None:
        """Tell the person several lines of our own; none of what is in them can make another."""
        for line in text.split("\n"):
            self.note(line)

    def progress(self, text: str) -> None:
        """Tell how far a long command is, where a person is watching."""
        if sys.stderr.isatty():
            typer.echo(f"{printable(text)}\r", err=True, nl=False)


def pick(record: dict[str, JsonValue], key: str) -> JsonValue:
    """Give the field that a dotted key leads to, None when it leads nowhere."""
    value: JsonValue = record
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def shown(value: JsonValue) -> str:
    """Write a value for a person: text bare, numbers as they were written, the rest as JSON."""
    match value:
        case None | "" | []:
            return ABSENT
        case bool():
            return "yes" if value else "no"
        case NumberText():
            return str(value)
        case str():
            return printable(value)
        case _:
            return exact_json.render(value)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (set_cell_size(cell, width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def show_error(error: CliError) -> None:
    """Print what went wrong and what to type next, on stderr."""
    typer.echo(f"{typer.style('error:', fg='red', bold=True)} {error.message}", err=True)
    for line in error.details:
        typer.echo(f"  {line}", err=True)
    if error.next_step:
        typer.echo(f"{typer.style('next:', fg='cyan', bold=True)} {error.next_step}", err=True)
