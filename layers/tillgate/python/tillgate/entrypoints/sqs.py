"""Batches of the accept queue: each message is opened and stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tillgate.domain.queued import QueuedEvents
from tillgate.entrypoints.queue_batch import QueueBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tillgate.domain.queued import QueuedMessage
    from tillgate.entrypoints.observability import RequestLog, Sandbox
    from tillgate.entrypoints.queue_batch import Backlog, Record
    from tillgate.services.hook_items import Tally
    from tillgate.services.metering import Meter


class AcceptBatch:
    """Stores each message of a batch, or leaves it for later, or buries it with its reason.

    ``open_message`` raises BadMessageError; ``accept`` raises UpstreamError. The rest is
    QueueBatch's.
    """

    def __init__(
        self,
        *,
        open_message: Callable[[str], QueuedMessage],
        accept: Callable[[QueuedMessage], Tally],
        backlog: Backlog,
        batch_seconds: float,
        sandbox: Sandbox,
        begin: Callable[[], None] = lambda: None,
        meter: Meter | None = None,
    ) -> None:
        self._open_message = open_message
        self._accept = accept
        self._backlog = backlog
        self._batch = QueueBatch(
            task="accept",
            work=self._store,
            batch_seconds=batch_seconds,
            sandbox=sandbox,
            begin=begin,
            meter=meter,
        )

    def __call__(self, event: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
        """Give the batch's failures, in Lambda's form."""
        return self._batch(event, self._backlog)

    def _store(self, record: Record, log: RequestLog) -> None:
        message = self._open_message(record.body)
        log.fields["rid"] = message.rid
        if isinstance(message, QueuedEvents):
            log.tenant_id = message.tenant_id
        else:
            log.provider = message.hook.provider
        tally = self._accept(message)
        log.tenant_id = ",".join(sorted(tally.tenant_ids)) or None
        if not isinstance(message, QueuedEvents):
            log.shares, log.heard = tally.shares, tally.heard
            # Nobody's as well: what the time is split by.
            log.events["stored"] = tally.accepted + tally.duplicates + tally.quarantined
        log.fields |= {
            "accepted": tally.accepted,
            "duplicates": tally.duplicates,
            "quarantined": tally.quarantined,
        }
