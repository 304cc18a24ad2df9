"""What events only name is fetched from their vendors' APIs before they are sent on.

No event is lost to an API that does not answer: within the hour its events wait, then they go
without their objects, marked so. What takes longer than seconds is the queue's here too.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tenacity import Retrying, retry_if_result

from tillgate.domain.delivery import GaveUp, RetryLater
from tillgate.domain.delivery_rules import GIVE_UP_AFTER, SECRET_UNAVAILABLE, SECRET_UNREADABLE
from tillgate.domain.enrichment import (
    ENRICH_WITHIN,
    GONE,
    Enriched,
    Enrichment,
    EnrichmentState,
    Fetched,
)
from tillgate.domain.errors import SealBrokenError, SecretUnavailableError
from tillgate.domain.retry import wait_decorrelated_jitter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tenacity import RetryCallState

    from tillgate.domain.delivery import Begun, OutgoingEvent
    from tillgate.domain.enrichment import PosAccess, PosObject
    from tillgate.domain.ports import PosApi, SecretBox
    from tillgate.domain.tenant import EventId, SourceId

# One request's objects, beside as much of the events' own data. What is beyond it goes in the
# message's next request.
MAX_OBJECT_BYTES_A_REQUEST = 4 * 1024 * 1024
# What a message remembers of what it fetched, for the halves of a batch that was refused.
MAX_REMEMBERED_BYTES = 4 * MAX_OBJECT_BYTES_A_REQUEST
# A message fetches for so long in all: other tenants wait for this sandbox.
MESSAGE_SECONDS = 15.0
# Of the batch's time, what is left for the send.
_SEND_SECONDS = 2.0
_LEAST_SECONDS = 0.5
_TRIES = 2
_BASE_SECONDS = 0.1
_CAP_SECONDS = 1.0
# Not after a time-out.
_SHORT_RETRIES_WITHIN_SECONDS = 2.0
# One object may be what the API fails at. So many in a row are the API.
_FAILURES_OF_AN_API = 2
_TOO_MANY_REQUESTS = 429

FetchResult = Fetched | RetryLater | GaveUp

NO_TIME = RetryLater("no-time")


@dataclass(slots=True)
class EnrichmentMemory:
    """What one message knows already. ``waiting`` are the events that are put off."""

    waiting: set[EventId] = field(default_factory=set)
    known: OrderedDict[tuple[SourceId, PosObject], FetchResult] = field(default_factory=OrderedDict)
    spared: dict[SourceId, RetryLater] = field(default_factory=dict)
    failures: dict[SourceId, int] = field(default_factory=dict)
    spent_seconds: float = 0.0
    remembered_bytes: int = 0


class Enrich:
    """Gives a batch's events their objects. Arguments are as for Deliver; ``apis`` by provider."""

    def __init__(
        self,
        *,
        secret_box: SecretBox,
        apis: Mapping[str, PosApi],
        time_left: Callable[[], float],
        now: Callable[[], datetime],
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._secret_box = secret_box
        self._apis = apis
        self._time_left = time_left
        self._now = now
        self._clock = clock
        self._sleep = sleep
        self._jitter = wait_decorrelated_jitter(_BASE_SECONDS, _CAP_SECONDS)

    def enrich(self, begun: Begun, memory: EnrichmentMemory) -> Enriched:
        """Fetch, one after the other, what the begun events name; each object once."""
        accesses = {one.source_id: one for one in begun.accesses if one.provider in self._apis}
        enriched, room = Enriched(), MAX_OBJECT_BYTES_A_REQUEST
        for event in begun.events:
            access = accesses.get(event.source_id) if event.source_id is not None else None
            wanted = None if access is None else self._apis[access.provider].named_in(event)
            if access is None or wanted is None:
                enriched.ready.append(event)
                continue
            if room <= 0:
                enriched.crowded_out.append(event)
                continue
            started = self._clock()
            result = self._result(access, wanted, memory)
            if isinstance(result, RetryLater) and not self._is_over(event, result):
                enriched.let_wait(event, result, seconds=self._clock() - started)
                memory.waiting.add(event.event_id)
                continue
            # The first always has room.
            room -= _size(result)
            if room < 0:
                enriched.crowded_out.append(event)
            else:
                enriched.ready.append(replace(event, enrichment=_enrichment(result)))
        return enriched

    def _is_over(self, event: OutgoingEvent, result: RetryLater) -> bool:
        """Tell whether an event has waited long enough for its object.

        Want of time is no fault of the API's: each time that the message comes, it gets further.
        """
        patience = GIVE_UP_AFTER if result is NO_TIME else ENRICH_WITHIN
        return self._now() - event.since >= patience

    def _result(
        self, access: PosAccess, wanted: PosObject, memory: EnrichmentMemory
    ) -> FetchResult:
        """Give what is known of an object; ask for it if nothing is, and the API is not spared."""
        key = access.source_id, wanted
        if key in memory.known:
            return memory.known[key]
        if access.source_id in memory.spared:
            return memory.spared[access.source_id]
        if self._seconds_left(memory) < _LEAST_SECONDS:
            return NO_TIME
        started = self._clock()
        result = self._fetched(access, wanted, memory)
        memory.spent_seconds += self._clock() - started
        if isinstance(result, RetryLater):
            _note_failure(memory, access.source_id, result)
        else:
            memory.failures.pop(access.source_id, None)
        _remember(memory, key, result)
        return result

    def _seconds_left(self, memory: EnrichmentMemory) -> float:
        return min(MESSAGE_SECONDS - memory.spent_seconds, self._time_left() - _SEND_SECONDS)

    def _fetched(
        self, access: PosAccess, wanted: PosObject, memory: EnrichmentMemory
    ) -> FetchResult:
        try:
            token = self._secret_box.open(access.sealed_token, context=access.seal_context).decode()
        except SealBrokenError:
            return RetryLater(SECRET_UNREADABLE)
        except SecretUnavailableError:
            return RetryLater(SECRET_UNAVAILABLE)
        started, api = self._clock(), self._apis[access.provider]

        def left() -> float:
            return self._seconds_left(memory) - (self._clock() - started)

        def is_enough(state: RetryCallState) -> bool:
            spent = self._clock() - started + state.upcoming_sleep
            return (
                state.attempt_number >= _TRIES
                or spent > _SHORT_RETRIES_WITHIN_SECONDS
                or left() - state.upcoming_sleep < _LEAST_SECONDS
            )

        retrying = Retrying(
            retry=retry_if_result(lambda result: isinstance(result, RetryLater)),
            wait=self._wait,
            stop=is_enough,
            sleep=self._sleep,
            retry_error_callback=_last,
        )
        return retrying(lambda: api.fetch(access, token, wanted, within_seconds=left()))

    def _wait(self, state: RetryCallState) -> float:
        result = _last(state)
        asked = result.after_seconds if isinstance(result, RetryLater) else None
        return max(self._jitter(state), asked or 0.0)


def _last(state: RetryCallState) -> FetchResult:
    """Give what the last try came to."""
    result = state.outcome.result() if state.outcome is not None else None
    if not isinstance(result, FetchResult):
        raise TypeError("tenacity asks after a fetch only")
    return result


def _note_failure(memory: EnrichmentMemory, source_id: SourceId, result: RetryLater) -> None:
    """Spare an API that is not there, asks to be left alone, or fails at one after the other."""
    memory.failures[source_id] = memory.failures.get(source_id, 0) + 1
    is_of_all = result.status is None or result.status == _TOO_MANY_REQUESTS
    asks = result.after_seconds is not None
    if is_of_all or asks or memory.failures[source_id] >= _FAILURES_OF_AN_API:
        memory.spared[source_id] = result


def _remember(
    memory: EnrichmentMemory, key: tuple[SourceId, PosObject], result: FetchResult
) -> None:
    """Keep what was fetched; beyond so many bytes the oldest is forgotten."""
    memory.known[key] = result
    memory.remembered_bytes += _size(result)
    while memory.remembered_bytes > MAX_REMEMBERED_BYTES:
        _, forgotten = memory.known.popitem(last=False)
        memory.remembered_bytes -= _size(forgotten)


def _size(result: FetchResult) -> int:
    return len(result.text.encode()) if isinstance(result, Fetched) else 0


def _enrichment(result: FetchResult) -> Enrichment:
    if isinstance(result, Fetched):
        return Enrichment(state=EnrichmentState.FETCHED, object=result.text)
    if isinstance(result, GaveUp) and result.reason == GONE:
        return Enrichment(state=EnrichmentState.GONE, reason=f"http-{result.status}")
    return Enrichment(state=EnrichmentState.GAVE_UP, reason=result.reason)
