"""Batches of the accept queue: each message is opened and stored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tillgate.domain.queued import QueuedEvents
from tillgate.domain.timestamps import rfc3339
from tillgate.entrypoints.emf import NAMESPACE, directive
from tillgate.entrypoints.observability import invocation_trace, write_line
from tillgate.entrypoints.queue_batch import QueueBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tillgate.domain.queued import QueuedMessage
    from tillgate.entrypoints.emf import MessageMetrics
    from tillgate.entrypoints.observability import RequestLog, Sandbox
    from tillgate.entrypoints.queue_batch import Backlog, Record
    from tillgate.services.hook_items import Tally
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
        self._stage = sandbox.stage
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
        if isinstance(message, QueuedEvents):
            log.tenant_id = message.tenant_id
        else:
            log.provider = message.hook.provider
        # Until it is known to be stored it is one that will be tried again.
        log.fields |= {"target": _TARGET, "attempts": 1, "retries": 1}
        tally = self._accept(message)
        log.fields["retries"] = 0
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
        if tally.conflicts:
            rid, now = message.rid, datetime.now(UTC)
            write_line(conflict_line(tally.conflicts, rid=rid, stage=self._stage, now=now))


def conflict_line(conflicts: int, *, rid: str, stage: str, now: datetime) -> dict[str, Any]:
    """Say how many acknowledged events of a request were set aside, for their key was taken.

    A line of its own, beside the message's: they are few, and each has to be told. Whoever stores
    a message twice says it twice.
    """
    name = "conflicts_after_queued"
    metrics = [((("stage",),), [(name, "Count")])]
    return {
        "at": rfc3339(now),
        "task": "accept",
        "rid": rid,
        "stage": stage,
        name: conflicts,
        "_aws": directive(NAMESPACE, metrics, int(now.timestamp() * 1000)),
    }
