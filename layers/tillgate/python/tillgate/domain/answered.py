"""A request that was answered, and what is counted of it.

Requests are kept as they were and counted some at a time: by the time one is over, the code that
would count it has long left the processor's caches, and takes several times as long (decision 25).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tillgate.domain.metrics import HTTP_DURATION, HTTP_REQUESTS, INGEST_EVENTS, INGEST_LATENCY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tillgate.domain.metrics import Recorder
    from tillgate.domain.tenant import SourceId, TenantId

# Where the request has no route of ours.
_NO_ROUTE = "none"
# The provider of what came by our own API.
_FIRST_PARTY = "api"
# What tenants and vendors ask for, and what their errors are counted of.
_TENANTS_ROUTES = "/v1/"
_DURABLE = frozenset({"stored", "duplicate", "queued", "quarantined"})


class Answered(NamedTuple):
    """``route`` is a path's template, or API Gateway's key, which has the method before it.

    ``tenant_id`` is one tenant's, or None; ``events`` are numbers by INGEST_EVENTS' outcomes.
    ``shares`` and ``heard`` are as in ``activity.Activity.request``. ``database_seconds`` are
    those among ``seconds`` in which the database was waited for.
    """

    method: str
    route: str
    status: int
    provider: str | None
    tenant_id: str | None
    events: Mapping[str, int]
    shares: Mapping[TenantId, Mapping[str, int]] | None
    heard: Mapping[SourceId, datetime] | None
    seconds: float
    database_seconds: float


def count(recorder: Recorder, answered: Answered) -> None:
    """Count one request, and the events that it brought."""
    method, seconds = answered.method, answered.seconds
    route = answered.route
    if not route.startswith("/"):
        route = route.partition(" ")[2] or _NO_ROUTE
    recorder.count(HTTP_REQUESTS, method, route, str(answered.status))
    recorder.observe(HTTP_DURATION, seconds, method, route)
    provider = answered.provider or _FIRST_PARTY
    is_durable = False
    for outcome, number in answered.events.items():
        if number:
            recorder.count(INGEST_EVENTS, provider, outcome, by=number)
            is_durable = is_durable or outcome in _DURABLE
    if is_durable:
        recorder.observe(INGEST_LATENCY, seconds, provider)
    if route.startswith(_TENANTS_ROUTES):
        recorder.activity.request(
            answered.tenant_id if answered.shares is None else None,
            answered.status,
            answered.events,
            shares=answered.shares,
            heard=answered.heard,
            seconds=seconds,
            database_seconds=answered.database_seconds,
        )
