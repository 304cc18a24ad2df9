"""What an answer, or none, means: for the event, for its batch and for the destination."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tillgate.domain.delivery import (
    Attempt,
    AttemptOutcome,
    Delivered,
    GaveUp,
    OutgoingEvent,
    RetryLater,
    SendResult,
    Settled,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tillgate.domain.delivery import Waiting
    from tillgate.domain.enrichment import Enriched, PutOff
    from tillgate.domain.tenant import EventId

# What is still refused for the moment after so long is given up, and a person told. From its
# first attempt on: for what our own outage held up the destination is not to blame.
GIVE_UP_AFTER = timedelta(hours=24)
EXPIRED = "expired"
NO_DESTINATION = "no-destination"
BREAKER_OPEN = "breaker-open"
# Of an attempt that was begun, and whose event goes in the next request instead.
CROWDED_OUT = "enrichment-no-room"
# Ours, not the destination's: no request was made.
SECRET_UNREADABLE = "secret-unreadable"  # noqa: S105  A reason, not a secret.
SECRET_UNAVAILABLE = "secret-unavailable"  # noqa: S105  The same.

# Should the queue lose a message, sweep queues its events after so long: well above the 15
# minutes after which the queue itself gives it again.
LOST_AFTER_SECONDS = 6 * 3600.0

# A delivery is pending from the moment in which its event was stored. One that is so since later
# was asked for again: a replay, a redrive.
_STORED_AT_ONCE = timedelta(seconds=1)

# They speak of the whole destination: who we are, where the table is, how we ask for it.
# Whatever else is refused may be so because of one event.
_REFUSES_ALL = frozenset({301, 308, 401, 404, 405, 406, 410, 415})
_CONFLICT = 409
_SERVER_ERROR = 500


def delivery_lag_seconds(event: OutgoingEvent, *, now: datetime) -> float:
    """Tell how long an event has waited to be delivered: since its receipt.

    Of one that is delivered again, on somebody's word, since that word.
    """
    is_first = event.since - event.stored_at <= _STORED_AT_ONCE
    waited = now - (event.received_at if is_first else event.since)
    # Two machines' clocks: nothing was delivered before it came.
    return max(waited.total_seconds(), 0.0)


def may_be_one_event(result: SendResult, *, is_late: bool) -> bool:
    """Tell whether a batch may have failed for one of its events, so that halves tell more."""
    if isinstance(result, GaveUp):
        return result.status is not None and result.status not in _REFUSES_ALL
    if isinstance(result, RetryLater) and result.status is not None:
        return result.status == _CONFLICT or (is_late and result.status >= _SERVER_ERROR)
    return False


def attempt_outcome(result: SendResult, *, is_split: bool) -> AttemptOutcome:
    if isinstance(result, Delivered):
        return AttemptOutcome.DELIVERED
    # An event whose batch was refused is sent again.
    if isinstance(result, GaveUp) and not is_split:
        return AttemptOutcome.GAVE_UP
    return AttemptOutcome.RETRY_LATER


def settled_by(
    result: SendResult, events: Sequence[OutgoingEvent], *, now: datetime
) -> list[Settled]:
    """Give how each of a batch's deliveries stands after an answer that is its own."""
    if isinstance(result, RetryLater):
        return [_put_off(event, now=now) for event in events]
    outcome, reason = AttemptOutcome.DELIVERED, None
    if isinstance(result, GaveUp):
        outcome, reason = AttemptOutcome.GAVE_UP, result.reason
    return [Settled(event_id=event.event_id, outcome=outcome, reason=reason) for event in events]


def has_expired(event: OutgoingEvent | Waiting, *, now: datetime) -> bool:
    return event.tried_since is not None and now - event.tried_since >= GIVE_UP_AFTER


def _put_off(event: OutgoingEvent, *, now: datetime) -> Settled:
    if has_expired(event, now=now):
        return Settled(event_id=event.event_id, outcome=AttemptOutcome.GAVE_UP, reason=EXPIRED)
    return _waiting(event.event_id)


def _waiting(event_id: EventId) -> Settled:
    return Settled(
        event_id=event_id, outcome=AttemptOutcome.RETRY_LATER, due_seconds=LOST_AFTER_SECONDS
    )


def settled_without_object(put_off: Sequence[PutOff]) -> list[Settled]:
    """Give how those stand that wait for their objects: they go without before they expire."""
    return [_waiting(one.event_id) for one in put_off]


def attempts_at(
    events: Sequence[OutgoingEvent],
    result: SendResult,
    *,
    attempt_id: str,
    at: datetime,
    duration_ms: float,
    is_split: bool,
) -> list[Attempt]:
    """Say what came of the request that carried these events."""
    outcome = attempt_outcome(result, is_split=is_split)
    reason = None if isinstance(result, Delivered) else result.reason
    return [
        Attempt(
            event_id=event.event_id,
            attempt_id=attempt_id,
            at=at,
            outcome=outcome,
            status=result.status,
            duration_ms=duration_ms,
            reason=reason,
        )
        for event in events
    ]


def attempts_without_request(enriched: Enriched, *, attempt_id: str, at: datetime) -> list[Attempt]:
    """Say of attempts that were begun why their events were in no request."""
    waiting = [
        *((one.event_id, one.reason, one.status, one.duration_ms) for one in enriched.put_off),
        *((one.event_id, CROWDED_OUT, None, 0.0) for one in enriched.crowded_out),
    ]
    return [
        Attempt(
            event_id=event_id,
            attempt_id=attempt_id,
            at=at,
            outcome=AttemptOutcome.RETRY_LATER,
            status=status,
            duration_ms=duration_ms,
            reason=reason,
        )
        for event_id, reason, status, duration_ms in waiting
    ]


def is_ours(result: SendResult) -> bool:
    return isinstance(result, RetryLater) and result.reason in {
        SECRET_UNREADABLE,
        SECRET_UNAVAILABLE,
    }


def is_well(result: SendResult) -> bool | None:
    """Tell whether the destination works; a refusal with a status is an answer like another."""
    if isinstance(result, Delivered):
        return True
    if isinstance(result, GaveUp):
        return None if result.status is None else True
    if is_ours(result):
        return None
    return result.status == _CONFLICT
