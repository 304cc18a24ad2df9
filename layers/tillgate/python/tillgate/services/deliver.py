"""A tenant's events to its destination: enriched, sent, recorded, tried again, given up.

Faults that pass within seconds are tried again here, by tenacity: it has no I/O of its own, and
its sleep is handed in. All that takes longer is left to the queue, which is told when to come
again. A suspended tenant's events are delivered too: they were accepted.
"""

from __future__ import annotations

import uuid
from collections import deque
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from tenacity import Retrying, retry_if_result

from tillgate.domain.delivery import AttemptOutcome, RetryLater, Settled
from tillgate.domain.delivery_rules import (
    BREAKER_OPEN,
    EXPIRED,
    NO_DESTINATION,
    SECRET_UNAVAILABLE,
    SECRET_UNREADABLE,
    attempts_at,
    attempts_without_request,
    has_expired,
    is_ours,
    is_well,
    may_be_one_event,
    settled_by,
    settled_without_object,
)
from tillgate.domain.errors import SealBrokenError, SecretUnavailableError
from tillgate.domain.retry import wait_decorrelated_jitter
from tillgate.services.delivery_message import DeliveryMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from tenacity import RetryCallState

    from tillgate.domain.delivery import (
        Begun,
        Destination,
        DestinationKind,
        OutgoingEvent,
        SendResult,
        Waiting,
    )
    from tillgate.domain.enrichment import Enriched
    from tillgate.domain.ports import DeliveryStore, SecretBox, Upstream
    from tillgate.domain.tenant import EventId, TenantId
    from tillgate.services.delivery_message import DeliveryReport
    from tillgate.services.enrich import Enrich

# Three requests in a second or two: a lost packet or a restart behind a load balancer shows in
# that; whatever lasts longer is the queue's, which holds nobody up.
_TRIES = 3
_BASE_SECONDS = 0.1
_CAP_SECONDS = 2.0
# Not after a time-out, which took as long already: other tenants wait for this sandbox.
_SHORT_RETRIES_WITHIN_SECONDS = 4.0
# Less is not worth a request, which would only end as a time-out that the destination is
# blamed for.
_LEAST_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Try:
    """One request, or why there was none: ``begun`` is None where there was no time for it.

    ``rest`` are the batches that are left of its events: halves, what had no room. ``is_put_off``:
    some of them are to be sent again later.
    """

    begun: Begun | None
    result: SendResult | None = None
    rest: tuple[tuple[EventId, ...], ...] = ()
    is_put_off: bool = False

    @property
    def asked_seconds(self) -> float:
        """For how long the destination asks to be left alone."""
        return (self.result.after_seconds or 0.0) if isinstance(self.result, RetryLater) else 0.0


class Deliver:
    """Delivers one message's events at a time; idempotent, since a repeat changes nothing.

    ``time_left`` gives the seconds of the batch that the message is part of; ``now`` is aware,
    ``clock`` monotonic seconds. ``sleep`` is for short retries.
    """

    def __init__(
        self,
        *,
        store: DeliveryStore,
        secret_box: SecretBox,
        enrich: Enrich,
        upstreams: Mapping[DestinationKind, Upstream],
        time_left: Callable[[], float],
        now: Callable[[], datetime],
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._store = store
        self._secret_box = secret_box
        self._enrich = enrich
        self._upstreams = upstreams
        self._time_left = time_left
        self._now = now
        self._clock = clock
        self._sleep = sleep
        self._jitter = wait_decorrelated_jitter(_BASE_SECONDS, _CAP_SECONDS)

    def deliver(
        self, tenant_id: TenantId, event_ids: Sequence[EventId], *, receive_count: int
    ) -> DeliveryReport:
        """Bring each event as far as it comes now; those that are settled already stay so.

        Raises StoreUnavailableError when it is not certain that all is written down.
        """
        message = DeliveryMessage(
            tenant_id=tenant_id, receive_count=receive_count, started=self._clock()
        )
        # First in, first out: of a batch with one bad event every other half succeeds, so that
        # only a destination which takes nothing at all opens its breaker.
        batches = deque(message.batches_of(event_ids))
        while batches:
            tried = self._retrying(message)(self._try, message, batches.popleft())
            if tried.begun is None:
                # There was no time. What was not looked at comes again with the rest.
                message.later()
                break
            if tried.begun.destination is None:
                self._give_up(message, tried.begun.waiting, NO_DESTINATION)
            elif tried.begun.open_until is not None:
                self._wait_for_breaker(message, tried.begun, tried.begun.open_until)
                # One more look, for those among the others that have expired.
                batches = deque([left] if (left := tuple(chain.from_iterable(batches))) else [])
            else:
                batches += tried.rest
                if tried.is_put_off or (batches and tried.asked_seconds > 0):
                    message.later(tried.asked_seconds)
                if tried.asked_seconds > 0:
                    break
        return message.report

    def _retrying(self, message: DeliveryMessage) -> Retrying:
        def is_enough(state: RetryCallState) -> bool:
            # What the events' objects took says nothing of the destination.
            worked = self._clock() - message.started - message.memory.spent_seconds
            spent = worked + state.upcoming_sleep
            return (
                message.is_late
                or state.attempt_number >= _TRIES
                or spent > _SHORT_RETRIES_WITHIN_SECONDS
                or self._time_left() - state.upcoming_sleep < _LEAST_SECONDS
            )

        return Retrying(
            retry=retry_if_result(_may_pass_soon),
            wait=self._wait,
            stop=is_enough,
            sleep=self._sleep,
            # What it came to is a value, also at the end.
            retry_error_callback=_last,
        )

    def _wait(self, state: RetryCallState) -> float:
        """Wait as long as the destination asks, at least."""
        return max(self._jitter(state), _last(state).asked_seconds)

    def _try(self, message: DeliveryMessage, event_ids: Sequence[EventId]) -> _Try:
        """Send what is pending in one request, under an attempt of its own, and record it."""
        if self._time_left() < _LEAST_SECONDS:
            return _Try(None)
        # Who waits for an object waits until the message comes again.
        asked = [one for one in event_ids if one not in message.memory.waiting]
        attempt_id, at = str(uuid.uuid4()), self._now()
        begun = self._store.begin(message.tenant_id, asked, attempt_id=attempt_id, at=at)
        if begun.destination is None or not begun.events:
            return _Try(begun)
        enriched = self._enrich.enrich(begun, message.memory)
        message.wait_for(enriched)
        rest = _batch(*enriched.crowded_out, *begun.waiting)
        if enriched.ready:
            sent = self._request(message, begun.destination, enriched, attempt_id=attempt_id, at=at)
            return replace(sent, begun=begun, rest=(*sent.rest, *rest))
        self._store.record(
            message.tenant_id,
            attempts=attempts_without_request(enriched, attempt_id=attempt_id, at=at),
            settled=settled_without_object(enriched.put_off),
            is_well=None,
        )
        return _Try(begun, rest=rest)

    def _request(
        self,
        message: DeliveryMessage,
        destination: Destination,
        enriched: Enriched,
        *,
        attempt_id: str,
        at: datetime,
    ) -> _Try:
        """Send what is ready, and record that with what was not."""
        ready, started = enriched.ready, self._clock()
        result = self._send(destination, ready)
        duration_ms = round((self._clock() - started) * 1000, 3)
        is_split = len(ready) > 1 and may_be_one_event(result, is_late=message.is_late)
        settled = [] if is_split else settled_by(result, ready, now=self._now())
        sent = attempts_at(
            ready,
            result,
            attempt_id=attempt_id,
            at=at,
            duration_ms=duration_ms,
            is_split=is_split,
        )
        self._store.record(
            message.tenant_id,
            attempts=[*sent, *attempts_without_request(enriched, attempt_id=attempt_id, at=at)],
            settled=[*settled, *settled_without_object(enriched.put_off)],
            is_well=is_well(result),
        )
        message.count_request(
            result, settled, ready, target=destination.kind.value, now=self._now()
        )
        is_put_off = any(one.outcome is AttemptOutcome.RETRY_LATER for one in settled)
        return _Try(None, result, _halves(ready) if is_split else (), is_put_off)

    def _send(self, destination: Destination, events: Sequence[OutgoingEvent]) -> SendResult:
        try:
            secret = self._secret_box.open(
                destination.sealed_secret, context=destination.seal_context
            ).decode()
        except SealBrokenError:
            return RetryLater(SECRET_UNREADABLE)
        except SecretUnavailableError:
            return RetryLater(SECRET_UNAVAILABLE)
        return self._upstreams[destination.kind].send(destination, secret, events)

    def _give_up(self, message: DeliveryMessage, waiting: Sequence[Waiting], reason: str) -> None:
        """Settle what was not sent, if there is any: no attempt is recorded."""
        settled = [
            Settled(
                event_id=one.event_id,
                outcome=AttemptOutcome.GAVE_UP,
                reason=reason,
                since=one.since,
            )
            for one in waiting
        ]
        if settled:
            self._store.record(message.tenant_id, attempts=(), settled=settled, is_well=None)
            message.count(settled)
            message.note(reason)

    def _wait_for_breaker(
        self, message: DeliveryMessage, begun: Begun, open_until: datetime
    ) -> None:
        """Come again when the breaker may have closed; what has expired meanwhile is given up."""
        now = self._now()
        expired = [one for one in begun.waiting if has_expired(one, now=now)]
        self._give_up(message, expired, EXPIRED)
        if len(expired) < len(begun.waiting):
            message.note(BREAKER_OPEN)
            message.later((open_until - now).total_seconds())


def _last(state: RetryCallState) -> _Try:
    """Give what the last try came to."""
    tried = state.outcome.result() if state.outcome is not None else None
    if not isinstance(tried, _Try):
        raise TypeError("tenacity asks after a try only")
    return tried


def _may_pass_soon(tried: _Try) -> bool:
    return isinstance(tried.result, RetryLater) and tried.is_put_off and not is_ours(tried.result)


def _halves(events: Sequence[OutgoingEvent]) -> tuple[tuple[EventId, ...], ...]:
    middle = len(events) // 2
    return (*_batch(*events[:middle]), *_batch(*events[middle:]))


def _batch(*events: OutgoingEvent | Waiting) -> tuple[tuple[EventId, ...], ...]:
    """Give the batch of these events, or no batch where there are none."""
    return (tuple(event.event_id for event in events),) if events else ()
