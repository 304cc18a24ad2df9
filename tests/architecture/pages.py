"""What a page of the documentation tells to type, held against the command line itself."""

from __future__ import annotations

import re
import shlex
from functools import cache
from typing import TYPE_CHECKING

import typer.main
from typer.core import TyperCommand, TyperGroup

from ops.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path


def fenced(page: Path) -> list[str]:
    return re.findall(r"```\w*\n(.*?)```", page.read_text(), re.DOTALL)


def commands(page: Path) -> list[list[str]]:
    """Give every ``tillgate`` call of a page as words, in blocks and in sentences."""
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    found = re.findall(r"`(tillgate [^`]+)`", prose)
    found += [
        line
        for block in fenced(page)
        for line in block.splitlines()
        if line.startswith("tillgate ")
    ]
    return [shlex.split(one) for one in found]


@cache
def root() -> object:
    return typer.main.get_command(app)


def unknown_in(words: list[str]) -> str | None:
    """Say what a call names that the command line has not; None where all is there."""
    command, rest = root(), words[1:]
    while isinstance(command, TyperGroup):
        if not rest or rest[0] not in command.commands:
            return f"no command {' '.join(words)}"
        command, rest = command.commands[rest[0]], rest[1:]
    assert isinstance(command, TyperCommand)
    options = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    unknown = [word for word in rest if word.startswith("-") and word not in options]
    return f"no option {unknown[0]} of {' '.join(words)}" if unknown else None
