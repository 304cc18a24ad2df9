"""The key ring as a list of names: how old each key is, and when it may leave.

A ring is a JSON object of keys by their names (kid), the one that seals last. The first is
``k1``, as the deployment generates it; each later one's name says its number and the UTC day it
was made on: ``k2-2026-11-23``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# For so long after it stopped sealing a key is kept. What it sealed lives less: a queued message
# 14 days and as a dead letter 14 more, a claim on S3 30, a row in quarantine 30, the snapshot one,
# a backup 35 (prod's). More than a year, so that a yearly copy that somebody keeps opens, too.
KEPT_DAYS = 400
# How many before the one that seals stay in any case, whatever else is known.
KEPT_BEFORE = 2

_KID = re.compile(r"k([0-9]{1,9})(?:-([0-9]{4}-[0-9]{2}-[0-9]{2}))?\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStanding:
    """One key of the ring. ``rows`` counts what names it, by ``table.column``.

    ``made_on`` is None where the name does not say. ``leaves_on`` is the first day on which it
    may leave, were there no rows; None while that cannot be told. ``stays_because`` is empty
    where the next rotation takes it out.
    """

    kid: str
    made_on: date | None
    is_current: bool
    rows: Mapping[str, int]
    leaves_on: date | None
    stays_because: tuple[str, ...]


def made_on(kid: str) -> date | None:
    """Read the UTC day on which a key was made out of its name."""
    named = _KID.match(kid)
    try:
        return date.fromisoformat(named[2]) if named and named[2] else None
    except ValueError:
        return None


def next_kid(kids: Sequence[str], today: date) -> str:
    """Name a key that is made today: the next number, which no other of the ring has."""
    numbers = [int(named[1]) for kid in kids if (named := _KID.match(kid))]
    return f"k{max([*numbers, len(kids)]) + 1}-{today.isoformat()}"


def standings(
    kids: Sequence[str], rows: Mapping[str, Mapping[str, int]], today: date
) -> tuple[KeyStanding, ...]:
    """Say of each key, in the ring's order, whether it may leave; ``rows`` are by kid."""
    return tuple(
        _standing(kid, kids[place + 1 :], rows.get(kid, {}), today)
        for place, kid in enumerate(kids)
    )


def _standing(kid: str, later: Sequence[str], rows: Mapping[str, int], today: date) -> KeyStanding:
    stopped = made_on(later[0]) if later else None
    leaves_on = stopped + timedelta(days=KEPT_DAYS) if stopped else None
    because = []
    if not later:
        because.append("it seals")
    elif len(later) <= KEPT_BEFORE:
        because.append(f"it is one of the {KEPT_BEFORE} before the one that seals")
    if later and leaves_on is None:
        because.append("its successor's name does not say when it stopped sealing")
    elif leaves_on is not None and today < leaves_on:
        because.append(f"something sealed under it may live until {leaves_on.isoformat()}")
    named = {column: found for column, found in rows.items() if found}
    because += [f"{found} of {column} name it" for column, found in sorted(named.items())]
    return KeyStanding(
        kid=kid,
        made_on=made_on(kid),
        is_current=not later,
        rows=named,
        leaves_on=leaves_on,
        stays_because=tuple(because),
    )
