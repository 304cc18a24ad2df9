"""Counts what delivering comes to, around the ports that Deliver and Enrich use."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tillgate.domain.delivery import AttemptOutcome, GaveUp, RetryLater
from tillgate.domain.delivery_rules import delivery_lag_seconds
from tillgate.domain.metrics import (
    DELIVERIES,
    DELIVERY_LAG,
    RETRY_ATTEMPTS,
    UPSTREAM_REQUESTS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tillgate.domain.delivery import (
        Attempt,
        Begun,
        Destination,
        OutgoingEvent,
        SendResult,
        Settled,
    )
    from tillgate.domain.enrichment import Fetched, PosAccess, PosObject
    from tillgate.domain.metrics import Recorder
    from tillgate.domain.ports import DeliveryStore, PosApi, Upstream
    from tillgate.domain.tenant import EventId, TenantId

# Of a tenant that has no destination any more.
_NONE = "none"
_REDIRECTS = range(300, 400)
_TOO_MANY_REQUESTS = 429
_CLIENT_ERRORS = range(400, 500)
_SERVER_ERROR = 500


class CountedDeliveryStore:
    """Implements DeliveryStore; counts deliveries once what became of them is written down."""

    def __init__(
        self, store: DeliveryStore, recorder: Recorder, *, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._now = now
        self._kind = _NONE
        self._begun: dict[EventId, OutgoingEvent] = {}

    def begin(
        self, tenant_id: TenantId, event_ids: Sequence[EventId], *, attempt_id: str, at: datetime
    ) -> Begun:
        begun = self._store.begin(tenant_id, event_ids, attempt_id=attempt_id, at=at)
        # What is recorded next is of this attempt.
        self._kind = _NONE if begun.destination is None else begun.destination.kind.value
        self._begun = {event.event_id: event for event in begun.events}
        return begun

    def record(
        self,
        tenant_id: TenantId,
        *,
        attempts: Sequence[Attempt],
        settled: Sequence[Settled],
        is_well: bool | None,
    ) -> None:
        self._store.record(tenant_id, attempts=attempts, settled=settled, is_well=is_well)
        for outcome, number in Counter(one.outcome.value for one in settled).items():
            self._recorder.count(DELIVERIES, self._kind, outcome, by=number)
        now = self._now()
        for one in settled:
            event = self._begun.get(one.event_id)
            if event is not None and one.outcome is AttemptOutcome.DELIVERED:
                lag = delivery_lag_seconds(event, now=now)
                self._recorder.observe(DELIVERY_LAG, lag, self._kind)


class CountedUpstream:
    """Implements Upstream; counts the requests, and those that are to be made again."""

    def __init__(self, upstream: Upstream, recorder: Recorder) -> None:
        self._upstream = upstream
        self._recorder = recorder

    def send(
        self, destination: Destination, secret: str, events: Sequence[OutgoingEvent]
    ) -> SendResult:
        result = self._upstream.send(destination, secret, events)
        _count(self._recorder, destination.kind.value, result)
        return result


class CountedPosApi:
    """Implements PosApi; counts the requests, and those that are to be made again."""

    def __init__(self, api: PosApi, recorder: Recorder) -> None:
        self._api = api
        self._recorder = recorder

    def named_in(self, event: OutgoingEvent) -> PosObject | None:
        return self._api.named_in(event)

    def fetch(
        self, access: PosAccess, token: str, wanted: PosObject, *, within_seconds: float
    ) -> Fetched | RetryLater | GaveUp:
        result = self._api.fetch(access, token, wanted, within_seconds=within_seconds)
        _count(self._recorder, access.provider, result)
        return result


def _count(recorder: Recorder, target: str, result: SendResult | Fetched) -> None:
    if isinstance(result, GaveUp) and result.status is None:
        # Nothing was sent: the address or the secret is none.
        return
    recorder.count(UPSTREAM_REQUESTS, target)
    if isinstance(result, RetryLater):
        recorder.count(RETRY_ATTEMPTS, target, retry_reason(result))


def retry_reason(result: RetryLater) -> str:
    """Give one of RETRY_ATTEMPTS' reasons, of which there are few."""
    status = result.status
    if status is None:
        return "timeout" if result.reason == "timeout" else "connection"
    if status == _TOO_MANY_REQUESTS:
        return "rate-limited"
    if status in _REDIRECTS:
        return "redirect"
    if status in _CLIENT_ERRORS:
        return "client-error"
    return "server-error" if status >= _SERVER_ERROR else "unexpected-answer"
