"""JSON as the sender wrote it: strict reading, one canonical writing.

Python's own ``json`` turns ``12.10`` into ``12.1``, and refuses or rounds large
numbers. A sale's amounts must come out as they went in, and "the same event" must
mean the same value, so a number stays the text that was sent (RFC 8259, section 6)
until somebody needs it as a number.
"""

from __future__ import annotations

import json
import os
from functools import partial
from json.scanner import make_scanner
from typing import TypeAlias

from tillgate.domain.errors import InvalidJsonError, SenderError
from tillgate.domain.json_writer import json_writer

MAX_DEPTH = 64

# Around a number's repr while it passes through the encoder as a string, to be cut off again.
# Random, so that no sender can write a string that looks like one.
_MARK = os.urandom(12).hex()
_BEFORE, _AFTER = f"\"{_MARK}b'", f"'{_MARK}\""


class Number(bytes):
    """A JSON number as written, in ASCII. Equal when written the same: 1 is not 1.0.

    Bytes, which nothing else in JSON is: they are made, and written as what they are, without
    a call of Python's, and a large body has tens of thousands.
    """

    __slots__ = ()

    @property
    def text(self) -> str:
        return self.decode()


JsonValue: TypeAlias = "dict[str, JsonValue] | list[JsonValue] | str | Number | bool | None"


class LoneSurrogateError(SenderError):
    """A string holds half of a surrogate pair, which JSON can escape but no text can carry."""


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidJsonError("An object holds the same key twice.")
    return members


def _refuse_constant(name: str) -> JsonValue:
    raise InvalidJsonError(f"{name} is not JSON.")


_DECODER = json.JSONDecoder(
    parse_int=partial(Number, encoding="ascii"),
    parse_float=partial(Number, encoding="ascii"),
    parse_constant=_refuse_constant,
    object_pairs_hook=_unique,
)
_scan = make_scanner(_DECODER)  # type: ignore[arg-type]  # Typeshed asks for the scanner itself.


_write = json_writer(ensure_ascii=False, sort_keys=True, default=f"{_MARK}{{!r}}{_MARK}".format)


def parse(body: bytes) -> JsonValue:
    """Read one JSON value from UTF-8 bytes.

    Raises InvalidJsonError for what RFC 8259 does not allow, and for duplicate keys,
    NaN, infinities, and nesting deeper than MAX_DEPTH (the outermost counts 1).
    """
    if not body:
        raise InvalidJsonError("The body is empty.")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise InvalidJsonError(f"The body is not UTF-8 (byte {error.start}).") from None
    try:
        value: JsonValue = _read(text)
    except json.JSONDecodeError as error:
        raise InvalidJsonError(
            f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        ) from None
    except RecursionError:
        raise InvalidJsonError(_too_deep()) from None
    # Counting brackets is cheap and can only overestimate; most bodies stop here.
    if text.count("{") + text.count("[") > MAX_DEPTH:
        _refuse_too_deep(value)
    return value


def _read(text: str) -> JsonValue:
    """Read what has no white space around it in one call, where ``decode`` makes eight."""
    value: JsonValue
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        value, end = None, -1
    if end != len(text):
        value = _DECODER.decode(text)
    return value


def _too_deep() -> str:
    return f"The body is nested deeper than {MAX_DEPTH} levels."


def _refuse_too_deep(value: JsonValue) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        containers = [item for item in level if isinstance(item, (dict, list))]
        if not containers:
            return
        level = [
            child
            for container in containers
            for child in (container.values() if isinstance(container, dict) else container)
        ]
    raise InvalidJsonError(_too_deep())


def dump(value: JsonValue) -> str:
    """Write a parsed value in its one canonical form.

    Keys in code point order, no white space, numbers as they were written, and
    characters unescaped where JSON allows it; the same value gives the same text.
    Raises LoneSurrogateError when a string cannot be written in UTF-8.
    """
    text = _write(value).replace(_BEFORE, "").replace(_AFTER, "")
    if _MARK in text:
        raise TypeError("what is no JSON value was to be written")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise LoneSurrogateError("A string holds a lone surrogate.") from None
    return text
