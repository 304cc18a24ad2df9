"""Instants in and out: RFC 3339, always aware, always written in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

# Hours and minutes are bounded here: fromisoformat reads +01:75, and from Python 3.14 on 24:00.
_RFC_3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt]((?:[01]\d|2[0-3]):[0-5]\d:)(\d{2})(\.\d+)?"
    r"([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)\Z",
    re.ASCII,
)

# What Python reads as it stands, and what nearly every sender writes.
_PLAIN = re.compile(
    r"\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3}(?:\d{3})?)?Z\Z", re.ASCII
)

MAX_LENGTH = 64


def instant(text: str) -> datetime | None:
    """Read an RFC 3339 date-time, or give None when the text is not one.

    Digits beyond the microsecond are dropped; a leap second reads as the second before.
    """
    if _PLAIN.match(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            return None
    # Nobody's clock has a microsecond's billionth, and what is stored has to be read again.
    match = _RFC_3339.match(text) if len(text) <= MAX_LENGTH else None
    if match is None:
        return None
    day, clock, second, fraction, offset = match.groups()
    second = "59" if second == "60" else second
    offset = "+00:00" if offset in "Zz" else offset
    try:
        return datetime.fromisoformat(
            f"{day}T{clock}{second}{(fraction or '.0')[:7]}{offset}"
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


# A request writes the instant of its arrival three times.
@lru_cache(maxsize=16)
def rfc3339(moment: datetime) -> str:
    """Write an aware instant in UTC with microseconds, for example 2026-11-23T10:00:00.000000Z."""
    # A third of strftime's time.
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
