"""Counts what delivering comes to, around the ports that Deliver and Enrich use."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tillgate.domain.delivery import RetryLater
from tillgate.domain.metrics import DELIVERIES, RETRY_ATTEMPTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tillgate.domain.delivery import (
        Attempt,
        Begun,
        Destination,
        GaveUp,
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

    def __init__(self, store: DeliveryStore, recorder: Recorder) -> None:
        self._store = store
        self._recorder = recorder
        self._kind = _NONE

    def begin(
        self, tenant_id: TenantId, event_ids: Sequence[EventId], *, attempt_id: str, at: datetime
    ) -> Begun:
        begun = self._store.begin(tenant_id, event_ids, attempt_id=attempt_id, at=at)
        # What is recorded next is of this attempt.
        self._kind = _NONE if begun.destination is None else begun.destination.kind.value
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


class CountedUpstream:
    """Implements Upstream; counts the requests that are to be made again."""

    def __init__(self, upstream: Upstream, recorder: Recorder) -> None:
        self._upstream = upstream
        self._recorder = recorder

    def send(
        self, destination: Destination, secret: str, events: Sequence[OutgoingEvent]
    ) -> SendResult:
        result = self._upstream.send(destination, secret, events)
        if isinstance(result, RetryLater):
            self._recorder.count(RETRY_ATTEMPTS, destination.kind.value, retry_reason(result))
        return result


class CountedPosApi:
    """Implements PosApi; counts the requests that are to be made again."""

    def __init__(self, api: PosApi, recorder: Recorder) -> None:
        self._api = api
        self._recorder = recorder

    def named_in(self, event: OutgoingEvent) -> PosObject | None:
        return self._api.named_in(event)

    def fetch(
        self, access: PosAccess, token: str, wanted: PosObject, *, within_seconds: float
    ) -> Fetched | RetryLater | GaveUp:
        result = self._api.fetch(access, token, wanted, within_seconds=within_seconds)
        if isinstance(result, RetryLater):
            self._recorder.count(RETRY_ATTEMPTS, access.provider, retry_reason(result))
        return result


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
