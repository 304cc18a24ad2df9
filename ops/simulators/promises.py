"""What the HTTP contract promises a vendor, and what of an answer is not as promised."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TAKEN, REFUSED, UNAVAILABLE = 200, 401, 503
COUNTS = ("accepted", "duplicates", "queued", "quarantined")


class Expected(StrEnum):
    """What becomes of a request's items; any of them may also be queued."""

    STORED = "accepted"
    KNOWN = "duplicates"
    ONCE = "accepted or duplicates"
    SET_ASIDE = "quarantined"
    KEPT = "whatever"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; ``status`` is None where nothing did, and ``error`` says why."""

    status: int | None
    seconds: float
    text: str = ""
    error: str = ""

    @property
    def counts(self) -> Mapping[str, int] | None:
        """Give what became of the items, None where the answer does not tell."""
        try:
            document = json.loads(self.text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(document, dict):
            return None
        counts = {name: document.get(name) for name in COUNTS}
        whole = {name: n for name, n in counts.items() if type(n) is int}
        return whole if len(whole) == len(COUNTS) else None


# What each allows besides queued.
_ALLOWED: dict[Expected, frozenset[str]] = {
    Expected.STORED: frozenset({"accepted"}),
    Expected.KNOWN: frozenset({"duplicates"}),
    Expected.ONCE: frozenset({"accepted", "duplicates"}),
    Expected.SET_ASIDE: frozenset({"quarantined"}),
    Expected.KEPT: frozenset(COUNTS),
    Expected.REFUSED: frozenset(),
}


def fault_of(
    answer: Answer, expected: Expected, *, items: int, wants_text: str | None = None
) -> str | None:
    """Say what of an answer is not as promised, None when all is, or there was none.

    503 is promised for when neither store is reachable. ``wants_text`` is what a vendor is
    answered that takes no JSON.
    """
    if answer.status is None or answer.status == UNAVAILABLE:
        return None
    wanted = REFUSED if expected is Expected.REFUSED else TAKEN
    if answer.status != wanted:
        return f"answered {answer.status}, not {wanted}"
    if wanted == REFUSED:
        return None
    if wants_text is not None:
        return None if answer.text == wants_text else f"its text is not {wants_text}"
    return _fault_of_counts(answer.counts, expected, items=items)


def _fault_of_counts(
    counts: Mapping[str, int] | None, expected: Expected, *, items: int
) -> str | None:
    if counts is None:
        return "200, but without the counts"
    if sum(counts.values()) != items:
        return f"{sum(counts.values())} items counted, not {items}"
    wrong = [
        f"{number} {name}"
        for name, number in counts.items()
        if number and name != "queued" and name not in _ALLOWED[expected]
    ]
    return f"{', '.join(wrong)}, not {expected}" if wrong else None
