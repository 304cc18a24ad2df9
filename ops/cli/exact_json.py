"""JSON whose numbers stay as they were written: 12.10 stays 12.10, 400 digits stay 400 digits."""

from __future__ import annotations

import json
from typing import NoReturn, TypeAlias

JsonValue: TypeAlias = "dict[str, JsonValue] | list[JsonValue] | str | NumberText | bool | None"


class NumberText(str):
    """A JSON number, as its sender wrote it."""

    __slots__ = ()


class UnreadableJsonError(ValueError):
    """The text is not JSON, or nests too deep to be read."""


def parse(text: str) -> JsonValue:
    """Read one JSON value; every number in it is a NumberText. Raises UnreadableJsonError."""
    try:
        value: JsonValue = json.loads(
            text, parse_int=NumberText, parse_float=NumberText, parse_constant=_refuse
        )
    except (ValueError, RecursionError) as error:
        raise UnreadableJsonError(str(error)) from error
    return value


def render(value: JsonValue, *, indent: int | None = None) -> str:
    """Write a value as JSON: on one line, or indented by so many spaces a level."""
    return _render(value, indent, 0)


def printable(text: str) -> str:
    """Escape what a terminal would act on or hide: a name must not be able to move the cursor."""
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)


def record_in(value: JsonValue) -> dict[str, JsonValue]:
    """Give the object that a value is; an empty one where it is something else."""
    return value if isinstance(value, dict) else {}


def records_in(value: JsonValue) -> list[dict[str, JsonValue]]:
    """Give the objects in the list that a value is; none where it is something else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _render(value: JsonValue, indent: int | None, level: int) -> str:
    match value:
        case NumberText():
            return str(value)
        case str():
            return printable(json.dumps(value, ensure_ascii=False))
        case None | bool():
            return json.dumps(value)
        case list():
            parts = [_render(item, indent, level + 1) for item in value]
            return _bracketed("[", "]", parts, indent, level)
        case dict():
            colon = ":" if indent is None else ": "
            parts = [
                f"{_render(name, indent, level)}{colon}{_render(item, indent, level + 1)}"
                for name, item in value.items()
            ]
            return _bracketed("{", "}", parts, indent, level)


def _bracketed(opening: str, closing: str, parts: list[str], indent: int | None, level: int) -> str:
    if indent is None or not parts:
        return f"{opening}{','.join(parts)}{closing}"
    inner = "\n" + " " * (indent * (level + 1))
    outer = "\n" + " " * (indent * level)
    return f"{opening}{inner}{f',{inner}'.join(parts)}{outer}{closing}"


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
