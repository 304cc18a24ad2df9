"""The verdict over deliveries, event by event. Pure, so that it can be tried on made-up runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.chaos.reckoning import Stored, reckon

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.chaos.ledger import Entry

PENDING, DELIVERED, GAVE_UP = "pending", "delivered", "gave_up"


@dataclass(frozen=True, slots=True)
class Kept:
    """One row of ``tillgate.event``, and how its delivery stands."""

    key: str
    event_id: str
    digest: str
    state: str = DELIVERED
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Arrived:
    """One row of the destination's table."""

    key: str
    event_id: str
    digest: str
    tenant_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the API tells of an event's attempts; ``unknown`` of them have no outcome.

    Instants are of the wall clock. ``delivered_at`` is the end of the first that came through.
    """

    attempts: int
    unknown: int = 0
    received_at: float = 0.0
    delivered_at: float | None = None

    @property
    def lag(self) -> float | None:
        return None if self.delivered_at is None else self.delivered_at - self.received_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """All that is known of one merchant's events once everything is over.

    ``accounts`` and ``seen`` are by event id: what the API tells, and in how many requests the
    destination saw the event. ``meant_dead`` gives, by key, the reasons of the events that are
    to be dead letters. ``kills`` of deliver left ``unknown_requests`` begun, and nothing said
    of them.
    """

    tenant_id: str
    entries: Sequence[Entry]
    kept: Sequence[Kept]
    arrived: Sequence[Arrived]
    accounts: Mapping[str, Account]
    seen: Mapping[str, int]
    meant_dead: Mapping[str, str] = field(default_factory=dict)
    kills: int = 0
    unknown_requests: int = 0


@dataclass(frozen=True, slots=True)
class DeliveryVerdict:
    """Each names the events; ``faults`` is whatever else must not be."""

    sent: int
    acknowledged: int
    lost: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    undelivered: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    attempts_differ: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def reckon_delivery(books: Books) -> DeliveryVerdict:
    """Hold what was acknowledged against the database, the destination's table and the API.

    What is stored must be in the table once, as it was sent, unless it is meant to be a dead
    letter; then it is one, with its reason, and is not in the table.
    """
    stored = [Stored(row.key, row.event_id, row.digest) for row in books.kept]
    taken_in = reckon(books.entries, stored, ())
    return DeliveryVerdict(
        sent=taken_in.sent,
        acknowledged=taken_in.acknowledged,
        lost=taken_in.lost,
        doubled=(*taken_in.doubled, *_doubled(books.arrived)),
        undelivered=tuple(sorted(_undelivered(books))),
        pending=tuple(sorted(row.key for row in books.kept if row.state == PENDING)),
        attempts_differ=tuple(_attempts_differ(books)),
        faults=(*taken_in.faults, *_faults(books)),
    )


def merged(verdicts: Sequence[DeliveryVerdict], *, faults: Sequence[str] = ()) -> DeliveryVerdict:
    """Put several merchants' verdicts together, and what else must not be."""
    return DeliveryVerdict(
        sent=sum(one.sent for one in verdicts),
        acknowledged=sum(one.acknowledged for one in verdicts),
        lost=tuple(key for one in verdicts for key in one.lost),
        doubled=tuple(key for one in verdicts for key in one.doubled),
        undelivered=tuple(key for one in verdicts for key in one.undelivered),
        pending=tuple(key for one in verdicts for key in one.pending),
        attempts_differ=tuple(key for one in verdicts for key in one.attempts_differ),
        faults=(*(fault for one in verdicts for fault in one.faults), *faults),
    )


def _doubled(arrived: Sequence[Arrived]) -> Iterable[str]:
    for event_id, times in Counter(row.event_id for row in arrived).items():
        if times > 1:
            yield f"{event_id} has arrived {times} times"
    for key, times in Counter(row.key for row in arrived).items():
        if times > 1:
            yield f"{key} has arrived {times} times"


def _undelivered(books: Books) -> Iterable[str]:
    arrived = {(row.event_id, row.key, row.digest) for row in books.arrived}
    for row in books.kept:
        if row.key in books.meant_dead:
            if (row.state, row.reason) != (GAVE_UP, books.meant_dead[row.key]):
                yield f"{row.key} is {row.state} for {row.reason}"
        elif (row.event_id, row.key, row.digest) not in arrived:
            yield f"{row.key} is {row.state}, and has not arrived as it was sent"


def _faults(books: Books) -> Iterable[str]:
    kept = {row.event_id: row for row in books.kept}
    for row in books.arrived:
        origin = kept.get(row.event_id)
        if origin is None:
            yield f"{row.key} has arrived, and is not stored"
        elif row.key in books.meant_dead:
            yield f"{row.key} has arrived, and was to be refused"
        elif origin.state != DELIVERED:
            yield f"{row.key} has arrived, and is said to be {origin.state}"
        if row.tenant_id != books.tenant_id:
            yield f"{row.key} is another tenant's"
    for one in books.kept:
        if one.state not in (PENDING, DELIVERED) and one.key not in books.meant_dead:
            yield f"{one.key} is {one.state} for {one.reason}"
    if books.unknown_requests > books.kills:
        yield f"{books.unknown_requests} requests have no outcome, after {books.kills} kills"


def _attempts_differ(books: Books) -> Iterable[str]:
    """Name each event of which the API tells another number than the destination saw.

    A kill between the attempt's beginning and its request leaves an attempt of which no
    outcome is known and which nobody saw. So an event may have as many more attempts than
    requests as it has such attempts; never fewer.
    """
    for row in books.kept:
        account, seen = books.accounts.get(row.event_id), books.seen.get(row.event_id, 0)
        if account is None:
            yield f"{row.key}: the API knows nothing of it"
        elif not 0 <= account.attempts - seen <= account.unknown:
            yield f"{row.key}: {account.attempts} attempts, {seen} requests"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRule:
    """``trip`` failures in a row open it for ``open_seconds``; then one request may try.

    ``at_once``: requests that may be under way at once, so that the others than the one which
    trips it still come.
    """

    trip: int
    open_seconds: float
    at_once: int


def breaker_faults(
    requests: Sequence[tuple[float, str]],
    rule: BreakerRule,
    *,
    fault: tuple[float, float],
    good: str = "201",
) -> list[str]:
    """Hold the requests that a destination saw, as (instant, answer), against its breaker.

    During the fault all fail. From the trip on, two requests are ``open_seconds`` apart, but
    for those that were under way when it tripped. When one is answered well, it is closed.
    """
    started, ended = fault
    failed = [at for at, answer in requests if answer != good and started <= at]
    during = [at for at in failed if at <= ended]
    found = []
    if len(during) < rule.trip:
        return [f"it saw {len(during)} requests in the fault, too few to open the breaker"]
    # Under way when it tripped: begun before anybody could know.
    tripped_at = during[rule.trip - 1]
    stragglers = [at for at in failed[rule.trip :] if at - tripped_at < rule.open_seconds]
    if len(stragglers) > rule.at_once - 1:
        found.append(f"{len(stragglers)} requests came when the breaker was open")
    probes = [(stragglers or [tripped_at])[-1], *failed[rule.trip + len(stragglers) :]]
    found += [
        f"a probe {after - before:.1f} s after the one before"
        for before, after in pairwise(probes)
        if after - before < rule.open_seconds
    ]
    if len(probes) < 2 and ended - tripped_at > 1.5 * rule.open_seconds:
        found.append("no probe was made")
    well = [at for at, answer in requests if answer == good and at > ended]
    if not well:
        found.append("it never closed")
    elif any(at > well[0] for at in failed):
        found.append("a request failed after it had closed")
    return found


def most_within(instants: Iterable[float], seconds: float) -> int:
    """Give how many of them, at most, are less than so far apart."""
    ordered = sorted(instants)
    most = first = 0
    for n, instant in enumerate(ordered):
        while instant - ordered[first] >= seconds:
            first += 1
        most = max(most, n - first + 1)
    return most
