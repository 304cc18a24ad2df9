"""What an operator types (``-c name=value``), read into values. Each raises StageError."""

from __future__ import annotations

import re
from collections.abc import Callable

Context = Callable[[str], str | None]
_SWITCH = {"on": True, "off": False}


class StageError(ValueError):
    """The context asks for something that no stage has."""


def chosen_email(address: str | None) -> str | None:
    if address and not re.fullmatch(r"[^@\s]+@[^@\s]+", address):
        raise StageError(f"alarm_email must be one address, not {address!r}.")
    return address or None


def chosen_url(name: str, context: Context) -> str | None:
    url = context(name)
    if url and not url.startswith("https://"):
        raise StageError(f"{name} must begin with https://, not {url!r}.")
    return url.rstrip("/") if url else None


def chosen_switch(name: str, context: Context, *, default: bool) -> bool:
    text = context(name)
    if text is None:
        return default
    if text not in _SWITCH:
        raise StageError(f"{name} is on or off, not {text!r}.")
    return _SWITCH[text]


def whole_number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise StageError(f"{name} must be a whole number, not {text!r}.")
    return int(text)
