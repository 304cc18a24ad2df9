"""What tenants and sources did between two flushes, counted in the process.

The counters of ``metrics`` name no tenant, since each of their labels has few values. These are
flushed with them, and added up in buckets of time (migration 17).
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tillgate.domain.tenant import SourceId, TenantId

# What the platform's own counts are kept under: no tenant has this id.
PLATFORM = "00000000-0000-0000-0000-000000000000"
# Seconds, the buckets' upper ends but for the last, which is infinity. What is stored was counted
# by these: they stay as they are.
LATENCY_BOUNDS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip
# A cell's numbers, as tenant_activity's columns are called, and the places of its latency.
COLUMNS = (
    "requests", "server_errors", "client_errors", "events", "duplicates", "conflicts", "rejected",
    "quarantined", "handler_us", "database_us",
    *(f"latency_{place}" for place in range(1, len(LATENCY_BOUNDS) + 2)),
)  # fmt: skip
_REQUESTS, _SERVER_ERRORS, _CLIENT_ERRORS = 0, 1, 2
_HANDLER_US, _DATABASE_US, _LATENCY = 8, 9, 10
_CELL = (0,) * len(COLUMNS)
# Where an event is counted, by its outcome as metrics.INGEST_EVENTS has it.
COLUMN_OF = {
    "stored": 3, "queued": 3, "duplicate": 4, "conflict": 5, "invalid": 6, "refused": 6,
    "limited": 6, "quarantined": 7,
}  # fmt: skip
_CLIENT_ERROR = 400
_SERVER_ERROR = 500
_MICROSECONDS = 1_000_000


class ActivityIncrement(NamedTuple):
    """By how much each tenant's numbers have grown, and when what was last heard or used.

    ``tenants`` has numbers by COLUMNS, those that are not 0. The others have milliseconds since
    1970: when each source's newest event came, when each token (its digest in hex) was last let
    in, and when each endpoint's previous secret was last signed with.
    """

    tenants: dict[str, dict[str, int]]
    sources: dict[str, int]
    tokens: dict[str, int]
    previous: dict[str, int]


class Activity:
    """Counts in one sandbox. Not for two threads at once.

    Ids are those of tenants and sources that there are, and never what a sender claims to be.
    """

    __slots__ = ("_parts", "_previous", "_sources", "_tokens", "_wholes")

    def __init__(self) -> None:
        # Of what was one tenant's, or nobody's (None), or many tenants' (None): together they
        # are the platform's, so that a request is counted in one place.
        self._wholes: dict[str | None, list[int]] = {}
        # The tenants' parts of what was many tenants'.
        self._parts: dict[str, list[int]] = {}
        self._sources: dict[str, datetime] = {}
        self._tokens: dict[bytes, datetime] = {}
        self._previous: dict[str, datetime] = {}

    def request(
        self,
        tenant_id: str | None,
        status: int,
        events: Mapping[str, int],
        *,
        shares: Mapping[TenantId, Mapping[str, int]] | None = None,
        heard: Mapping[SourceId, datetime] | None = None,
        seconds: float,
        database_seconds: float,
    ) -> None:
        """Count an answer, and what became of the events that its request brought.

        ``events`` are numbers by outcome. ``shares`` are those of each tenant, where they may be
        of many or nobody's: it is a request of each, and its time is split by events. ``heard``
        is from which sources they came, and when.
        ``database_seconds`` are those among ``seconds`` in which the database was waited for.
        """
        # A clock that was set back must not make a sum fall.
        handler_us = max(0, round(seconds * _MICROSECONDS))
        database_us = round(database_seconds * _MICROSECONDS)
        if shares:
            number = _number(shares, events)
            tenant_id = _sole(shares, number)
            if tenant_id is None:
                for part in self._split(shares, number, handler_us, database_us):
                    # What was not kept will be sent again, and counts then.
                    _count(part[0], status, part[1] if status < _SERVER_ERROR else {}, (seconds,))
        cell = self._whole(tenant_id)
        _count(cell, status, events, (seconds,))
        cell[_HANDLER_US] += handler_us
        cell[_DATABASE_US] += database_us
        if heard:
            self._hear(heard)

    def requests(
        self,
        tenant_id: str | None,
        status: int,
        events: Mapping[str, int],
        *,
        seconds: Sequence[float],
        database_seconds: Sequence[float],
    ) -> None:
        """Count as many answers of one status, to one tenant or to nobody, at once.

        ``events`` are those of all of them; otherwise as ``request``.
        """
        cell = self._whole(tenant_id)
        _count(cell, status, events, seconds)
        cell[_HANDLER_US] += sum([max(0, round(one * _MICROSECONDS)) for one in seconds])
        cell[_DATABASE_US] += sum([round(one * _MICROSECONDS) for one in database_seconds])

    def work(
        self,
        tenant_id: str | None,
        events: Mapping[str, int],
        *,
        shares: Mapping[TenantId, Mapping[str, int]] | None = None,
        heard: Mapping[SourceId, datetime] | None = None,
        seconds: float,
        database_seconds: float,
    ) -> None:
        """Count the time that a queued message took; its events were counted when they came."""
        handler_us = max(0, round(seconds * _MICROSECONDS))
        database_us = round(database_seconds * _MICROSECONDS)
        if shares:
            number = _number(shares, events)
            tenant_id = _sole(shares, number)
            if tenant_id is None:
                self._split(shares, number, handler_us, database_us)
        cell = self._whole(tenant_id)
        cell[_HANDLER_US] += handler_us
        cell[_DATABASE_US] += database_us
        if heard:
            self._hear(heard)

    def stored(
        self,
        shares: Mapping[TenantId, Mapping[str, int]],
        *,
        heard: Mapping[SourceId, datetime],
    ) -> None:
        """Count events that the operator let in: no request brought them just now."""
        for tenant_id, events in shares.items():
            cell = self._whole(tenant_id)
            for outcome, number in events.items():
                cell[COLUMN_OF[outcome]] += number
        self._hear(heard)

    def use_token(self, digest: bytes, at: datetime) -> None:
        """Say when a token was let in."""
        known = self._tokens.get(digest)
        if known is None or known < at:
            self._tokens[digest] = at

    def match_previous(self, endpoint_id: str, at: datetime) -> None:
        """Say when a delivery came that an endpoint's previous secret signed."""
        known = self._previous.get(endpoint_id)
        if known is None or known < at:
            self._previous[endpoint_id] = at

    def _whole(self, tenant_id: str | None) -> list[int]:
        cell = self._wholes.get(tenant_id)
        if cell is None:
            cell = self._wholes[tenant_id] = [*_CELL]
        return cell

    def _split(
        self,
        shares: Mapping[TenantId, Mapping[str, int]],
        number: int,
        handler_us: int,
        database_us: int,
    ) -> list[tuple[list[int], Mapping[str, int]]]:
        """Add to each tenant's part its time; give the parts, each with its events."""
        parts = []
        for tenant_id, events in shares.items():
            cell = self._parts.get(tenant_id)
            if cell is None:
                cell = self._parts[tenant_id] = [*_CELL]
            own = sum(events.values())
            cell[_HANDLER_US] += handler_us * own // (number or 1)
            cell[_DATABASE_US] += database_us * own // (number or 1)
            parts.append((cell, events))
        return parts

    def _hear(self, heard: Mapping[SourceId, datetime]) -> None:
        for source_id, at in heard.items():
            known = self._sources.get(source_id)
            if known is None or known < at:
                self._sources[source_id] = at

    @property
    def has_heard(self) -> bool:
        """Tell whether any source's event was counted."""
        return bool(self._sources)

    def __bool__(self) -> bool:
        """Tell whether anything was counted."""
        return bool(self._wholes or self._sources or self._tokens or self._previous)

    def increment(self) -> ActivityIncrement:
        """Give what was counted."""
        cells = {id_: cell for id_, cell in self._wholes.items() if id_ is not None}
        for tenant_id, part in self._parts.items():
            whole = cells.get(tenant_id, _CELL)
            cells[tenant_id] = [one + other for one, other in zip(whole, part, strict=True)]
        if self._wholes:
            cells[PLATFORM] = [sum(same) for same in zip(*self._wholes.values(), strict=True)]
        return ActivityIncrement(
            {tenant_id: _deltas(cell) for tenant_id, cell in cells.items()},
            {source: round(at.timestamp() * 1000) for source, at in self._sources.items()},
            {token.hex(): round(at.timestamp() * 1000) for token, at in self._tokens.items()},
            {id_: round(at.timestamp() * 1000) for id_, at in self._previous.items()},
        )


def _number(shares: Mapping[TenantId, Mapping[str, int]], events: Mapping[str, int]) -> int:
    """Give how many events there are, nobody's too; where it failed, as far as they were told."""
    known = sum(sum(share.values()) for share in shares.values())
    return max(known, sum(events.values()))


def _sole(shares: Mapping[TenantId, Mapping[str, int]], number: int) -> str | None:
    """Give the tenant of whom all of them are."""
    if len(shares) != 1:
        return None
    [(tenant_id, share)] = shares.items()
    return tenant_id if sum(share.values()) == number else None


def _count(
    cell: list[int], status: int, events: Mapping[str, int], seconds: Sequence[float]
) -> None:
    """Count as many answers as there are ``seconds``."""
    cell[_REQUESTS] += len(seconds)
    if status >= _CLIENT_ERROR:
        cell[_SERVER_ERRORS if status >= _SERVER_ERROR else _CLIENT_ERRORS] += len(seconds)
    for outcome, number in events.items():
        cell[COLUMN_OF[outcome]] += number
    for one in seconds:
        cell[_LATENCY + bisect_left(LATENCY_BOUNDS, one)] += 1


def _deltas(cell: list[int]) -> dict[str, int]:
    return {column: number for column, number in zip(COLUMNS, cell, strict=True) if number}
