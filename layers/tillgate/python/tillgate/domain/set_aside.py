"""What is in quarantine, as the operator looks at it, tries it again, and discards it."""

from __future__ import annotations

import base64
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tillgate.domain.errors import TillgateError
    from tillgate.domain.quarantine import Part, Reason
    from tillgate.domain.tenant import TenantId

# Of one call, so that it ends well inside a request.
MAX_RETRIED = 100
MAX_DISCARDED_IDS = 1_000
MAX_DISCARDED = 10_000
# Of an opened delivery's content: enough to see what it is.
MAX_SHOWN_BYTES = 64 * 1024

# Eight bytes of microseconds and sixteen of id are 32 characters of base64url; the first byte is
# 0 for the next two thousand years.
CURSOR_PATTERN = r"q1_A[A-P][A-Za-z0-9_-]{30}"
_CURSOR = re.compile(CURSOR_PATTERN)
_CURSOR_PREFIX = "q1_"
_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)


class Place(NamedTuple):
    """Where a delivery stands in the order of receipt."""

    received_at: datetime
    quarantine_id: str

    def cursor(self) -> str:
        """Name it: URL-safe, and good with any filters."""
        microseconds = (self.received_at - _EPOCH) // _MICROSECOND
        raw = microseconds.to_bytes(8, "big") + uuid.UUID(self.quarantine_id).bytes
        return _CURSOR_PREFIX + base64.urlsafe_b64encode(raw).decode()


def place_of(cursor: str) -> Place | None:
    """Read a cursor back, or give None when it is none of ours."""
    if not _CURSOR.fullmatch(cursor):
        return None
    raw = base64.urlsafe_b64decode(cursor.removeprefix(_CURSOR_PREFIX))
    at = _EPOCH + int.from_bytes(raw[:8], "big") * _MICROSECOND
    return Place(at, str(uuid.UUID(bytes=raw[8:])))


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAsideFilter:
    """Which deliveries; None stands for any.

    ``endpoint_id`` is a source's or an app's; ``since`` (inclusive) and ``until`` (exclusive)
    compare with ``received_at``.
    """

    tenant_id: TenantId | None = None
    endpoint_id: str | None = None
    provider: str | None = None
    reason: Reason | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A delivery in quarantine, unopened; ``events`` is of how many events it stands for."""

    quarantine_id: str
    reason: Reason
    provider: str
    tenant_id: TenantId | None
    endpoint_id: str | None
    events: int
    sealed_bytes: int
    rid: str
    received_at: datetime
    expires_at: datetime

    @property
    def place(self) -> Place:
        return Place(self.received_at, self.quarantine_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedDelivery:
    """What was sealed: as in Quarantined, of which it is what was kept."""

    headers: dict[str, str]
    content: bytes
    part: Part
    address: tuple[str, str] | None
    is_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAsideGroup:
    """The deliveries of one cause; ``slug`` is the tenant's."""

    reason: Reason
    provider: str
    tenant_id: TenantId | None
    slug: str | None
    endpoint_id: str | None
    count: int
    events: int
    oldest: datetime
    newest: datetime


@dataclass(frozen=True, slots=True)
class SetAsidePage:
    """One page of a list; ``next_cursor`` is None on the last."""

    deliveries: tuple[SetAside, ...]
    next_cursor: str | None


class Standing(StrEnum):
    """Why a delivery cannot be claimed: somebody tries it now, it expired, or it is not there."""

    BUSY = "busy"
    EXPIRED = "expired"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remainder:
    """A part of a delivery that is still refused, under the id that it has from now on.

    ``provider`` and ``endpoint_id`` are where it belongs as far as that is known now.
    """

    quarantine_id: str
    reason: Reason
    provider: str
    endpoint_id: str | None
    tenant_id: TenantId | None
    events: int
    part: Part


class RetryOutcome(StrEnum):
    """What became of a delivery that was tried again."""

    # All of its events are stored, or were before.
    STORED = "stored"
    # Some or all are refused, and stay.
    STILL = "still-refused"
    # Its body was not kept whole, so that no signature can be checked.
    CUT = "cut"
    # It does not open: it is damaged, or its key has left the ring.
    UNOPENABLE = "unopenable"
    # The database refuses it, or the secret of its endpoint does not open; it stays as it was.
    FAILED = "failed"
    # The call's time was used up.
    UNTRIED = "untried"
    BUSY = "busy"
    EXPIRED = "expired"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """One delivery's outcome; ``stored`` and ``duplicates`` are numbers of events.

    ``error`` is for the log: why it failed.
    """

    quarantine_id: str
    outcome: RetryOutcome
    stored: int = 0
    duplicates: int = 0
    remaining: tuple[Remainder, ...] = ()
    error: TillgateError | None = None


@dataclass(frozen=True, slots=True)
class RetryStep:
    """What a call came to; ``next_cursor`` is where the next begins, None after the last."""

    retried: tuple[Retried, ...]
    next_cursor: str | None
