"""The verdict over a run, event by event. Pure, so that it can be tried on made-up runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.chaos.ledger import ACKNOWLEDGED, Told

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.chaos.ledger import Entry


@dataclass(frozen=True, slots=True)
class Stored:
    """One row of ``tillgate.event``."""

    key: str
    event_id: str
    digest: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """One row of ``tillgate.quarantine``."""

    rid: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """``faults`` is whatever else must not be: each in words, naming the event."""

    sent: int
    acknowledged: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    faults: tuple[str, ...]


def reckon(
    entries: Sequence[Entry],
    stored: Sequence[Stored],
    set_aside: Sequence[SetAside],
    *,
    reasons: frozenset[str] = frozenset(),
) -> Verdict:
    """Hold every answer against what the database has in the end.

    An acknowledged event must be there once, as it was sent: in ``event``, or in quarantine
    for one of ``reasons``. What was not acknowledged may be there, once. Nothing else may be.
    """
    held = {(row.key, row.digest) for row in stored}
    aside = {row.rid for row in set_aside if row.reason in reasons}
    acknowledged = {entry.item: entry.rid for entry in entries if entry.told in ACKNOWLEDGED}
    lost = [
        item.key
        for item, rid in acknowledged.items()
        if (item.key, item.digest) not in held and rid not in aside
    ]
    return Verdict(
        sent=len({entry.item for entry in entries}),
        acknowledged=len(acknowledged),
        lost=tuple(sorted(lost)),
        doubled=tuple(_doubled(entries, stored, set_aside)),
        faults=tuple(_faults(entries, stored, set_aside, reasons)),
    )


def _doubled(
    entries: Sequence[Entry], stored: Sequence[Stored], set_aside: Sequence[SetAside]
) -> Iterable[str]:
    for key, times in Counter(row.key for row in stored).items():
        if times > 1:
            yield f"{key} is stored {times} times"
    for rid, times in Counter(row.rid for row in set_aside).items():
        if times > 1:
            yield f"{rid} is in quarantine {times} times"
    for key, times in Counter(e.item.key for e in entries if e.told is Told.NEW).items():
        if times > 1:
            yield f"{key} was told to be new {times} times"
    held = {(row.key, row.digest) for row in stored}
    aside = {row.rid for row in set_aside}
    for item, rid in {(e.item, e.rid) for e in entries}:
        if (item.key, item.digest) in held and rid in aside:
            yield f"{item.key} is stored, and in quarantine"


def _faults(
    entries: Sequence[Entry],
    stored: Sequence[Stored],
    set_aside: Sequence[SetAside],
    reasons: frozenset[str],
) -> Iterable[str]:
    sent = {(entry.item.key, entry.item.digest) for entry in entries}
    keys = {key for key, _ in sent}
    ids = {row.key: row.event_id for row in stored}
    for row in stored:
        if row.key not in keys:
            yield f"{row.key} is stored, and nobody sent it"
        elif (row.key, row.digest) not in sent:
            yield f"{row.key} is not stored as it was sent"
    for entry in entries:
        if entry.told is Told.ODD:
            yield f"{entry.item.key} was answered {entry.detail}"
        if entry.event_id and ids.get(entry.item.key, entry.event_id) != entry.event_id:
            yield f"{entry.item.key} was told another event's id"
    for aside in set_aside:
        if aside.reason not in reasons:
            yield f"{aside.rid} is in quarantine for {aside.reason}"
