"""Deliveries out of quarantine, tried again by the path that refused them.

A retry uses one instant, the receipt, wherever a receipt counts. Vendors that sign the time of
sending are held against it, since their five minutes are for a delivery's way to Tillgate and
not for its days in quarantine: what was too old when it came is too old still. And the event
keeps it as its ``received_at``, as what waited on the accept queue does, so that it says when
the merchant's till told of it; ``stored_at`` is when the retry stored it.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from tillgate.domain.errors import (
    SealBrokenError,
    StoreRefusedError,
    StoreUnavailableError,
    UpstreamError,
)
from tillgate.domain.event import NewEvent, Outcome
from tillgate.domain.idempotency import API_NAMESPACE
from tillgate.domain.provider import Hook
from tillgate.domain.quarantine import WHOLE, Quarantined, Reason, only
from tillgate.domain.queued import QueuedHook
from tillgate.domain.set_aside import (
    MAX_RETRIED,
    Remainder,
    Retried,
    RetryOutcome,
    RetryStep,
    Standing,
)
from tillgate.domain.tenant import TenantState
from tillgate.services.hook_items import Tally
from tillgate.services.hooks import HookStore
from tillgate.services.queued_hooks import AcceptQueuedHook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tillgate.domain.operator_ports import ClaimedDelivery, SetAsideDeliveries
    from tillgate.domain.ports import SecretBox
    from tillgate.domain.provider import Provider
    from tillgate.domain.quarantine import Part
    from tillgate.domain.set_aside import OpenedDelivery, Place, SetAsideFilter

# These were not let in when they came. All others were: they were signed well by the secret of
# that time.
_NEVER_LET_IN = frozenset({Reason.SIGNATURE_REFUSED, Reason.UNKNOWN_ENDPOINT})

# Faults of one delivery, or of its endpoint: the next may do better.
_REFUSALS = (StoreRefusedError, SealBrokenError)


class RetryQuarantine:
    """Tries deliveries again, one transaction each: stored and gone, or neither.

    A delivery that was set aside for several causes is there once for each, and each stands for
    the events of its own cause. So a retry of one leaves the others, and what was discarded of
    them stays discarded.
    """

    def __init__(
        self,
        deliveries: SetAsideDeliveries,
        *,
        providers: Mapping[str, Provider],
        secret_box: SecretBox,
        clock: Callable[[], float],
        seconds: float,
        on_stored: Callable[[str, Tally], None] = lambda _provider, _tally: None,
    ) -> None:
        """No delivery is begun once a call has taken ``seconds`` by ``clock``.

        ``on_stored`` is told once what a delivery brought that is stored now: its provider, and
        the tally, of which the shares are what was stored.
        """
        self._deliveries = deliveries
        self._providers = providers
        self._secret_box = secret_box
        self._clock = clock
        self._seconds = seconds
        self._on_stored = on_stored

    def retry(self, ids: Sequence[str]) -> RetryStep:
        """Try these. Raises StoreUnavailableError, SecretUnavailableError, when none was tried."""
        retried = self._all(ids)
        untried = [Retried(quarantine_id=one, outcome=RetryOutcome.UNTRIED) for one in ids]
        return RetryStep((*retried, *untried[len(retried) :]), None)

    def retry_matching(
        self, chosen: SetAsideFilter, *, limit: int = MAX_RETRIED, after: Place | None = None
    ) -> RetryStep:
        """Try the first of those, the oldest receipt first; who repeats it drives it to the end.

        Raises as ``retry``.
        """
        places = self._deliveries.next(chosen, limit=limit + 1, after=after)
        taken = places[:limit]
        retried = self._all([place.quarantine_id for place in taken])
        is_end = len(retried) == len(places)
        last = taken[len(retried) - 1] if retried else after
        return RetryStep(retried, last.cursor() if last is not None and not is_end else None)

    def _all(self, ids: Sequence[str]) -> tuple[Retried, ...]:
        started = self._clock()
        retried: list[Retried] = []
        for one in ids:
            if retried and not 0 <= self._clock() - started < self._seconds:
                break
            try:
                retried.append(self._one(one))
            except UpstreamError:
                # What was done is told; the next call finds out whether it is still down.
                if not retried:
                    raise
                break
        return tuple(retried)

    def _one(self, quarantine_id: str) -> Retried:
        try:
            with self._deliveries.claim(quarantine_id) as claimed:
                if isinstance(claimed, Standing):
                    return Retried(quarantine_id=quarantine_id, outcome=RetryOutcome(claimed.value))
                try:
                    opened = claimed.open()
                except SealBrokenError:
                    return Retried(quarantine_id=quarantine_id, outcome=RetryOutcome.UNOPENABLE)
                retried, tally = self._claimed(claimed, opened)
        except (StoreUnavailableError, SealBrokenError) as error:
            if not isinstance(error, _REFUSALS) and not isinstance(error.__cause__, _REFUSALS):
                raise
            return Retried(quarantine_id=quarantine_id, outcome=RetryOutcome.FAILED, error=error)
        # Once it is stored for good.
        if tally.accepted:
            self._on_stored(claimed.head.provider, tally)
        return retried

    def _claimed(self, claimed: ClaimedDelivery, opened: OpenedDelivery) -> tuple[Retried, Tally]:
        head = claimed.head
        if opened.is_cut:
            return Retried(quarantine_id=head.quarantine_id, outcome=RetryOutcome.CUT), Tally()
        refused = _Refused()
        if head.provider == API_NAMESPACE:
            tally = _accept_events(claimed, opened, refused)
        else:
            tally = self._accept_hook(claimed, opened, refused)
        remaining = _remaining(claimed, opened, refused.items)
        if not _is_as_it_was(claimed, opened, remaining):
            claimed.settle(remaining)
        retried = Retried(
            quarantine_id=head.quarantine_id,
            outcome=RetryOutcome.STILL if remaining else RetryOutcome.STORED,
            stored=tally.accepted,
            duplicates=tally.duplicates,
            remaining=remaining,
        )
        return retried, tally

    def _accept_hook(
        self, claimed: ClaimedDelivery, opened: OpenedDelivery, refused: _Refused
    ) -> Tally:
        """Let a vendor's delivery in anew, by the secrets and bindings of today.

        What was found to be a tenant's when it came goes to no other.
        """
        head = claimed.head
        provider, endpoint_id = opened.address or (head.provider, head.endpoint_id or "")
        hook = Hook(
            hook_id=head.quarantine_id,
            provider=provider,
            endpoint_id=endpoint_id,
            headers=opened.headers,
            body=opened.content,
            received_at=head.received_at,
            rid=head.rid,
        )
        store = HookStore(
            providers=self._providers,
            registry=claimed.registry,
            events=claimed.events,
            quarantine=refused,
            secret_box=self._secret_box,
            conflict=_conflict(head.reason),
            tenant_id=head.tenant_id,
        )
        queued = QueuedHook(hook=hook, is_refused=head.reason in _NEVER_LET_IN)
        return AcceptQueuedHook(store).accept(queued, part=opened.part)


class _Refused:
    """Implements Quarantine for one delivery: what is still refused is only noted.

    It is in quarantine already: neither counted again, nor held against the day's quota.
    """

    def __init__(self) -> None:
        self.items: list[Quarantined] = []

    def put(self, item: Quarantined) -> bool:
        self.items.append(item)
        return True


def _accept_events(claimed: ClaimedDelivery, opened: OpenedDelivery, refused: _Refused) -> Tally:
    """Store what came through ``/v1/events``, for the tenant that it came for.

    Of which token it was nobody knows any more: that one was revoked is for the operator to
    have looked at, who asks for this.
    """
    head, tally = claimed.head, Tally()
    try:
        documents = json.loads(opened.content)
        events = [NewEvent.of_document(document) for document in documents]
    except (ValueError, KeyError, TypeError) as error:
        raise SealBrokenError("what was sealed are no events") from error
    events = [event for event in events if opened.part.has(event.key)]
    if head.tenant_id is None or claimed.tenant_state(head.tenant_id) is not TenantState.ACTIVE:
        refused.put(_set_aside(claimed, opened, Reason.TENANT_SUSPENDED, events))
        return tally
    answers = claimed.events.accept(head.tenant_id, events, received_at=head.received_at)
    conflicts = []
    for event, answer in zip(events, answers, strict=True):
        if answer.outcome is Outcome.NEW:
            tally.accepted += 1
            tally.share(head.tenant_id, "stored", 1)
        elif answer.outcome is Outcome.DUPLICATE:
            tally.duplicates += 1
        else:
            conflicts.append(event)
    if conflicts:
        refused.put(_set_aside(claimed, opened, Reason.CONFLICT_AFTER_QUEUED, conflicts))
    return tally


def _set_aside(
    claimed: ClaimedDelivery, opened: OpenedDelivery, reason: Reason, events: Sequence[NewEvent]
) -> Quarantined:
    head = claimed.head
    return Quarantined(
        quarantine_id=head.quarantine_id,
        reason=reason,
        provider=head.provider,
        endpoint_id=None,
        tenant_id=head.tenant_id,
        received_at=head.received_at,
        rid=head.rid,
        content=opened.content,
        headers=opened.headers,
        events=len(events),
        part=only(event.key for event in events),
    )


def _conflict(reason: Reason) -> Reason:
    return reason if reason is Reason.CONFLICT_AFTER_QUEUED else Reason.KEY_CONFLICT


def _remaining(
    claimed: ClaimedDelivery, opened: OpenedDelivery, items: Sequence[Quarantined]
) -> tuple[Remainder, ...]:
    """Name what is still refused: the delivery's own cause, or else the first, keeps its id."""
    head = claimed.head
    own = next(
        (item for item in items if _has_cause_of(claimed, item)), items[0] if items else None
    )
    return tuple(
        Remainder(
            quarantine_id=head.quarantine_id if item is own else str(uuid.uuid4()),
            reason=item.reason,
            provider=item.provider,
            endpoint_id=item.endpoint_id,
            tenant_id=item.tenant_id,
            events=head.events if item.part == WHOLE else item.events,
            part=_part(opened, item),
        )
        for item in items
    )


def _has_cause_of(claimed: ClaimedDelivery, item: Quarantined) -> bool:
    return (item.reason, item.tenant_id) == (claimed.head.reason, claimed.head.tenant_id)


def _part(opened: OpenedDelivery, item: Quarantined) -> Part:
    """Give the part that is refused: where all is, it is what there was."""
    return opened.part if item.part == WHOLE else item.part


def _is_as_it_was(
    claimed: ClaimedDelivery, opened: OpenedDelivery, remaining: Sequence[Remainder]
) -> bool:
    """Tell whether nothing has changed, so that nothing is written."""
    head = claimed.head
    return list(remaining) == [
        Remainder(
            quarantine_id=head.quarantine_id,
            reason=head.reason,
            provider=head.provider,
            endpoint_id=head.endpoint_id,
            tenant_id=head.tenant_id,
            events=head.events,
            part=opened.part,
        )
    ]
