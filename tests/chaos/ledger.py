"""What the senders sent and what they were told, answer by answer."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Told(StrEnum):
    """What an answer says about one event."""

    NEW = "new"
    KNOWN = "known"
    QUEUED = "queued"
    REFUSED = "refused"  # 503: may or may not be stored.
    NOTHING = "nothing"  # The sandbox was killed before it answered: the same.
    ODD = "odd"  # An answer that no sender should get here.


ACKNOWLEDGED = frozenset({Told.NEW, Told.KNOWN, Told.QUEUED})


@dataclass(frozen=True, slots=True)
class Item:
    """One event as it is sent: its key, and what its data must be when it is read."""

    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of one call. ``rid`` is the call's; ``event_id`` is '' where none was told.

    ``at`` is monotonic seconds.
    """

    item: Item
    rid: str
    told: Told
    at: float
    event_id: str = ""
    detail: str = ""


def digest_of(data: Mapping[str, Any]) -> str:
    """Name data as Tillgate stores it: sorted keys, no white space, numbers as sent."""
    return text_digest(json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def text_digest(data: str) -> str:
    return hashlib.sha256(data.encode()).hexdigest()
