"""A request that was answered, and what is counted of it.

Requests are kept as they were and counted some at a time: by the time one is over, the code that
would count it has long left the processor's caches, and takes several times as long (decision 26).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.metrics import (
    FIRST_PARTY,
    HTTP_DURATION,
    HTTP_REQUESTS,
    INGEST_EVENTS,
    INGEST_LATENCY,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tillgate.domain.metrics import Recorder
    from tillgate.domain.tenant import SourceId, TenantId

# Where the request has no route of ours.
_NO_ROUTE = "none"
# What tenants and vendors ask for, and what their errors are counted of.
_TENANTS_ROUTES = "/v1/"
_DURABLE = frozenset({"stored", "duplicate", "queued", "quarantined"})


# Written out, since making a dataclass takes half a millisecond of every cold start.
class Answered:
    """A request as it is counted; what is only declared is set when it is answered.

    ``route`` is a path's template, or API Gateway's key, which has the method before it.
    ``tenant_id`` is one tenant's, or None; ``events`` are numbers by INGEST_EVENTS' outcomes.
    ``shares``, of a request or message that may be many tenants', are each one's events, also
    where it failed: ``tenant_id`` then is for people to read. ``heard`` is from which sources
    events came, and when. ``database_seconds`` are those among ``seconds`` in which the database
    was waited for. ``token_digest`` is of the token that was let in, ``at`` when it came.
    """

    __slots__ = (
        "at", "database_seconds", "events", "heard", "method", "provider", "route", "seconds",
        "shares", "status", "tenant_id", "token_digest",
    )  # fmt: skip
    at: datetime
    method: str
    status: int
    seconds: float
    database_seconds: float

    def __init__(self) -> None:
        self.tenant_id: str | None = None
        self.token_digest: bytes | None = None
        self.provider: str | None = None
        self.route: str | None = None
        self.events: dict[str, int] = {}
        self.shares: Mapping[TenantId, Mapping[str, int]] | None = None
        self.heard: Mapping[SourceId, datetime] | None = None


def count_all(recorder: Recorder, answered: list[Answered]) -> None:
    """Count requests, and the events that they brought; ``answered`` is empty afterwards."""
    # By what those have in common that are counted as one number.
    kinds: dict[tuple[str, str, int, str, str | None], list[Answered]] = {}
    while answered:
        # Taken out first: what cannot be counted must not come up again.
        one = answered.pop()
        if one.token_digest is not None:
            recorder.activity.use_token(one.token_digest, one.at)
        kind = (
            one.method, _template(one.route or ""), one.status, one.provider or FIRST_PARTY,
            one.tenant_id if one.shares is None else None,
        )  # fmt: skip
        kinds.setdefault(kind, []).append(one)
    for (method, route, status, provider, tenant_id), requests in kinds.items():
        seconds = [one.seconds for one in requests]
        recorder.count(HTTP_REQUESTS, method, route, str(status), by=len(requests))
        recorder.observe_all(HTTP_DURATION, seconds, method, route)
        events = _count_events(recorder, provider, requests)
        if not route.startswith(_TENANTS_ROUTES):
            continue
        if any(one.shares is not None or one.heard for one in requests):
            for one in requests:
                _count_shared(recorder, tenant_id, one)
        else:
            recorder.activity.requests(
                tenant_id,
                status,
                events,
                seconds=seconds,
                database_seconds=[one.database_seconds for one in requests],
            )


def _template(route: str) -> str:
    return route if route.startswith("/") else route.partition(" ")[2] or _NO_ROUTE


def _count_events(recorder: Recorder, provider: str, requests: list[Answered]) -> dict[str, int]:
    """Count the events of one provider's requests; give their numbers by outcome."""
    events: dict[str, int] = {}
    durable: list[float] = []
    for one in requests:
        is_durable = False
        for outcome, number in one.events.items():
            events[outcome] = events.get(outcome, 0) + number
            is_durable = is_durable or (number > 0 and outcome in _DURABLE)
        if is_durable:
            durable.append(one.seconds)
    for outcome, number in events.items():
        if number:
            recorder.count(INGEST_EVENTS, provider, outcome, by=number)
    if durable:
        recorder.observe_all(INGEST_LATENCY, durable, provider)
    return events


def _count_shared(recorder: Recorder, tenant_id: str | None, one: Answered) -> None:
    """Count for its tenants a request that may be of many, and who was heard by it."""
    recorder.activity.request(
        tenant_id,
        one.status,
        one.events,
        shares=one.shares,
        heard=one.heard,
        seconds=one.seconds,
        database_seconds=one.database_seconds,
    )
