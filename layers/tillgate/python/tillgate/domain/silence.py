"""When a source is quiet: for how long nothing came while its merchant was open.

Times of opening are the merchant's own, by a clock that never goes back: what it skips in spring
is when it skips it, and the hour that comes twice in autumn counts the first time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tillgate.domain.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SPELL_PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
# Of open time: a week.
MAX_QUIET_AFTER_MINUTES = 7 * 24 * 60
MAX_SPELLS_A_DAY = 24
_DAY = 24 * 60
_WEEK = 7 * _DAY
_PRECISION = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Spell:
    """Open from one minute of a weekday (0 is Monday) to another: beyond 1440, of the next day."""

    weekday: int
    begins: int
    ends: int


def hours_faults(hours: Mapping[str, Sequence[str]]) -> list[Fault]:
    """Say what is wrong with opening hours such as {"fri": ["18:00-02:00"]}; where, by pointer."""
    faults, taken = [], []
    for day, written in hours.items():
        if day not in WEEKDAYS:
            faults.append(Fault(f"/{day[:16]}", f"must be one of {', '.join(WEEKDAYS)}"))
            continue
        for place, text in enumerate(written):
            pointer = f"/{day}/{place}"
            if not re.fullmatch(SPELL_PATTERN, text):
                faults.append(Fault(pointer, "must look like 09:00-18:00, or 18:00-02:00 over"
                                    " midnight; 00:00-24:00 is the whole day"))  # fmt: skip
                continue
            spell = _spell(WEEKDAYS.index(day), text)
            if spell.begins == spell.ends:
                faults.append(Fault(pointer, "ends when it begins: the whole day is 00:00-24:00"))
                continue
            taken.append((spell, pointer))
    if not faults and not taken:
        faults.append(Fault("", "must have an opening on one day at least"))
    return faults or _overlaps(taken)


def _overlaps(taken: Sequence[tuple[Spell, str]]) -> list[Fault]:
    """Find what begins before another has ended, over Sunday's midnight too."""
    week = sorted(
        (spell.weekday * _DAY + spell.begins, spell.weekday * _DAY + spell.ends, pointer)
        for spell, pointer in taken
    )
    first = week[0]
    around = [*week[1:], (first[0] + _WEEK, first[1] + _WEEK, first[2])]
    return [
        Fault(pointer, f"begins before {before[1:].partition('/')[0]}'s opening has ended")
        for (_, ends, before), (begins, _, pointer) in zip(week, around, strict=True)
        if begins < ends
    ]


def spells(hours: Mapping[str, Sequence[str]]) -> tuple[Spell, ...]:
    """Read opening hours that have no faults, in the order of the week."""
    found = [
        _spell(weekday, text) for weekday, day in enumerate(WEEKDAYS) for text in hours.get(day, ())
    ]
    return tuple(sorted(found, key=lambda spell: (spell.weekday, spell.begins)))


def quiet_since(
    week: Sequence[Spell],
    zone: ZoneInfo,
    *,
    heard_at: datetime,
    now: datetime,
    quiet_after: timedelta,
) -> datetime | None:
    """Give the first open instant without an event, once ``quiet_after`` of open time passed.

    None while it has not. ``heard_at`` is when there was an event last, or when there was first
    anything to be heard. The answer is the same at every later ``now`` until something is heard.
    """
    if not week or now - heard_at < quiet_after:
        return None
    silent, since, counted_to = timedelta(), None, heard_at.astimezone(UTC)
    for opens, closes in _openings(week, zone, heard_at):
        if opens >= now:
            return None
        # Two openings can meet where the clock skips an hour: none counts twice.
        begins, ends = max(opens, counted_to), min(closes, now)
        if begins >= ends:
            continue
        since = since or begins
        silent += ends - begins
        counted_to = ends
        if silent >= quiet_after:
            return since
    return None


def is_open(week: Sequence[Spell], zone: ZoneInfo, at: datetime) -> bool:
    """Tell whether it is open at that instant: from its opening on, and not at its closing."""
    if not week:
        return False
    for opens, closes in _openings(week, zone, at):
        if opens > at:
            break
        if at < closes:
            return True
    return False


def _openings(
    week: Sequence[Spell], zone: ZoneInfo, first: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Give when it opens and closes (UTC), from the day before ``first`` on, without an end."""
    midnight = first.astimezone(zone).replace(
        hour=0, minute=0, second=0, microsecond=0, tzinfo=None, fold=0
    ) - timedelta(days=1)
    while True:
        for spell in week:
            if spell.weekday == midnight.weekday():
                begins = _instant(midnight + timedelta(minutes=spell.begins), zone)
                yield begins, _instant(midnight + timedelta(minutes=spell.ends), zone)
        midnight += timedelta(days=1)


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """Give the first instant at which the clock shows ``wall``, or has gone beyond it."""
    instant = wall.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
        return instant
    # The clock skips it: before here, and after there (PEP 495).
    before, after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), instant
    while after - before > _PRECISION:
        between = (before + (after - before) / 2).replace(microsecond=0)
        if between <= before:
            break
        if between.astimezone(zone).replace(tzinfo=None) < wall:
            before = between
        else:
            after = between
    return after


def _spell(weekday: int, text: str) -> Spell:
    begins, ends = (_minute(part) for part in text.split("-"))
    return Spell(weekday, begins, ends if ends >= begins else ends + _DAY)


def _minute(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)
