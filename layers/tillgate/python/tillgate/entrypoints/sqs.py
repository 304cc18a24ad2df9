"""Batches of the accept queue: each message is opened and stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tillgate.domain.queued import QueuedEvents
from tillgate.entrypoints.observability import invocation_trace
from tillgate.entrypoints.queue_batch import QueueBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tillgate.domain.queued import QueuedMessage
    from tillgate.entrypoints.emf import MessageMetrics
    from tillgate.entrypoints.observability import RequestLog, Sandbox
    from tillgate.entrypoints.queue_batch import Backlog, Record
    from tillgate.services.hooks import Tally
    from tillgate.services.metering import Meter

# What is tried with a message, as a destination is with a delivery.
_TARGET = "database"


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
        metrics: MessageMetrics | None = None,
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
            metrics=metrics,
        )

    def __call__(self, event: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
        """Give the batch's failures, in Lambda's form."""
        return self._batch(event, self._backlog)

    def _store(self, record: Record, log: RequestLog) -> None:
        message = self._open_message(record.body)
        log.fields["rid"] = message.rid
        log.fields["trace_id"] = (message.trace or invocation_trace()).trace_id
        log.provider = None if isinstance(message, QueuedEvents) else message.hook.provider
        # Until it is known to be stored it is one that will be tried again.
        log.fields |= {"target": _TARGET, "attempts": 1, "retries": 1}
        tally = self._accept(message)
        log.fields["retries"] = 0
        log.tenant_id = ",".join(sorted(tally.tenant_ids)) or None
        log.fields |= {
            "accepted": tally.accepted,
            "duplicates": tally.duplicates,
            "quarantined": tally.quarantined,
        }
