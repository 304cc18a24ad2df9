"""What waited on the accept queue, stored: let in anew first, since much may have changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tillgate.domain.event import Outcome
from tillgate.domain.idempotency import API_NAMESPACE
from tillgate.domain.quarantine import Quarantined, Reason, quarantine_id
from tillgate.domain.queued import QueuedEvents, QueuedHook, QueuedMessage
from tillgate.domain.tenant import TenantState
from tillgate.services.hook_items import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tillgate.domain.event import NewEvent
    from tillgate.domain.ports import EventStore, Quarantine, TokenStandings
    from tillgate.services.queued_hooks import AcceptQueuedHook


class AcceptQueued:
    """Stores one message at a time; idempotent, so a message may come any number of times."""

    def __init__(
        self,
        *,
        tokens: TokenStandings,
        events: EventStore,
        quarantine: Quarantine,
        hooks: AcceptQueuedHook,
    ) -> None:
        self._tokens = tokens
        self._events = events
        self._quarantine = quarantine
        self._hooks = hooks

    def accept(self, message: QueuedMessage) -> Tally:
        """Store the message's events, or put them in quarantine with the reason.

        Raises StoreUnavailableError when not all of it is kept yet, and
        SecretUnavailableError.
        """
        if isinstance(message, QueuedHook):
            return self._hooks.accept(message)
        tally = Tally(tenant_ids={message.tenant_id})
        reason = self._refusal(message)
        if reason is not None:
            self._set_aside(tally, message, reason, message.events)
            return tally
        answers = self._events.accept(
            message.tenant_id, message.events, received_at=message.received_at
        )
        conflicts = []
        for event, answer in zip(message.events, answers, strict=True):
            if answer.outcome is Outcome.CONFLICT:
                conflicts.append(event)
            elif answer.outcome is Outcome.DUPLICATE:
                tally.duplicates += 1
            else:
                tally.accepted += 1
        if conflicts:
            self._set_aside(tally, message, Reason.CONFLICT_AFTER_QUEUED, conflicts)
            tally.conflicts += len(conflicts)
        return tally

    def _refusal(self, message: QueuedEvents) -> Reason | None:
        standing = self._tokens.token_standing(message.token_digest)
        if standing is None or standing.tenant.tenant_id != message.tenant_id:
            return Reason.TOKEN_REVOKED
        if standing.revoked_at is not None and standing.revoked_at <= message.received_at:
            return Reason.TOKEN_REVOKED
        if standing.tenant.state is TenantState.SUSPENDED:
            return Reason.TENANT_SUSPENDED
        return None

    def _set_aside(
        self, tally: Tally, message: QueuedEvents, reason: Reason, events: Sequence[NewEvent]
    ) -> None:
        self._quarantine.put(
            Quarantined(
                quarantine_id=quarantine_id(message.message_id, reason, message.tenant_id),
                reason=reason,
                provider=API_NAMESPACE,
                endpoint_id=None,
                tenant_id=message.tenant_id,
                received_at=message.received_at,
                rid=message.rid,
                content=json.dumps([event.document() for event in events]).encode(),
                headers={},
                events=len(events),
            )
        )
        tally.quarantined += len(events)
