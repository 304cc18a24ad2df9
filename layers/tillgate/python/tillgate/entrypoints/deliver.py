"""Batches of the delivery queue and of the redrive queue: each message is a tenant's events."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from tillgate.domain.errors import BadMessageError
from tillgate.domain.tenant import EventId, TenantId
from tillgate.entrypoints.emf import MAX_VALUES
from tillgate.entrypoints.observability import invocation_trace
from tillgate.entrypoints.queue_batch import QueueBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tillgate.domain.trace import Trace
    from tillgate.entrypoints.emf import MessageMetrics
    from tillgate.entrypoints.observability import RequestLog, Sandbox
    from tillgate.entrypoints.queue_batch import Backlog, Record
    from tillgate.services.deliver import Deliver
    from tillgate.services.metering import Meter

# A deployed version reads what the one before it queued: another schema has another number.
MESSAGE_SCHEMA = 1

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class DeliverBatch:
    """Delivers each message of a batch, or leaves it for later, or buries it with its reason.

    ``backlogs`` has one for each queue, by the queue's name: a message is hidden on the queue
    that it came from. ``begin_trace`` is told the message's trace. The rest is QueueBatch's.
    """

    def __init__(
        self,
        *,
        deliver: Deliver,
        backlogs: Mapping[str, Backlog],
        batch_seconds: float,
        sandbox: Sandbox,
        begin: Callable[[], None] = lambda: None,
        meter: Meter | None = None,
        metrics: MessageMetrics | None = None,
        begin_trace: Callable[[Trace], None] = lambda _trace: None,
    ) -> None:
        self._deliver = deliver
        self._begin_trace = begin_trace
        self._backlogs = backlogs
        self._batch = QueueBatch(
            task="deliver",
            work=self._one,
            batch_seconds=batch_seconds,
            sandbox=sandbox,
            begin=begin,
            meter=meter,
            metrics=metrics,
        )

    def __call__(self, event: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
        """Give the batch's failures, in Lambda's form. A batch is of one queue."""
        arn = str(event["Records"][0]["eventSourceARN"])
        return self._batch(event, self._backlogs[arn.rpartition(":")[2]])

    def _one(self, record: Record, log: RequestLog) -> int | None:
        tenant_id, event_ids, traceparent = opened(record.body)
        trace = invocation_trace(traceparent)
        self._begin_trace(trace)
        log.tenant_id = tenant_id
        log.fields |= {
            "trace_id": trace.trace_id,
            "events": len(event_ids),
            "event_ids": event_ids,
        }
        report = self._deliver.deliver(tenant_id, event_ids, receive_count=record.receive_count)
        log.fields |= {
            "delivered": report.delivered,
            "gave_up": report.gave_up,
            "target": report.target,
            "status": report.status,
            "attempts": report.attempts,
            "retries": report.retries,
            "delivery_lag_ms": report.lags_ms[:MAX_VALUES],
            "enriched": report.enriched,
            "unenriched": report.unenriched,
            "reasons": report.reasons,
            "later_seconds": report.later_seconds,
        }
        return report.later_seconds


class Opened(NamedTuple):
    """What a message says; ``traceparent`` is None where its sender knew of none."""

    tenant_id: TenantId
    event_ids: tuple[EventId, ...]
    traceparent: str | None


def opened(body: str) -> Opened:
    """Read ``{"schema": 1, "tenant_id": ..., "event_ids": [...]}``; raises BadMessageError.

    What it says beyond that is optional.
    """
    try:
        message = json.loads(body)
        schema, tenant_id, event_ids = (
            message[name] for name in ("schema", "tenant_id", "event_ids")
        )
        traceparent = message.get("traceparent")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadMessageError("unreadable") from error
    if schema != MESSAGE_SCHEMA:
        raise BadMessageError("unknown-schema")
    if not isinstance(event_ids, list) or not event_ids:
        raise BadMessageError("unreadable")
    if not all(isinstance(one, str) and _UUID.fullmatch(one) for one in (tenant_id, *event_ids)):
        raise BadMessageError("unreadable")
    return Opened(
        TenantId(tenant_id),
        tuple(dict.fromkeys(EventId(one) for one in event_ids)),
        traceparent if isinstance(traceparent, str) else None,
    )
