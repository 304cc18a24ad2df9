"""Batches of an SQS queue in, what is left of them out: one log line for each message.

What is returned as failed SQS gives again when the visibility that was set here has passed.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from tillgate.domain.errors import (
    BadMessageError,
    NotUnderstoodError,
    ObjectsUnavailableError,
    QueueUnavailableError,
    SealBrokenError,
    StoreRefusedError,
    UpstreamError,
)
from tillgate.domain.queued import LONGEST_UNTRIED_SECONDS, MAX_OWN_FAILURES, retry_seconds
from tillgate.domain.timestamps import rfc3339
from tillgate.entrypoints.observability import (
    RequestLog,
    invocation_trace,
    note,
    waited_ms,
    write_line,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tillgate.domain.metrics import Recorder
    from tillgate.entrypoints.emf import MessageMetrics
    from tillgate.entrypoints.observability import Sandbox
    from tillgate.services.metering import Meter


class Backlog(Protocol):
    """Tells SQS what becomes of a message that is not done. Raises QueueUnavailableError."""

    def hide(self, receipts: Sequence[tuple[str, int]]) -> int: ...

    def bury(self, body: str, *, reason: str, message_id: str, receive_count: int) -> None: ...


# What one message alone may suffer from, until somebody has mended it: a later version's form,
# a key or a secret that is gone, a claim that cannot be read, a refusal of the database.
_OWN_TROUBLES = (
    NotUnderstoodError,
    SealBrokenError,
    ObjectsUnavailableError,
    StoreRefusedError,
)


class Fate(StrEnum):
    DONE = "done"
    LATER = "later"
    BURIED = "buried"
    # It comes again, too, and nothing was known or done about it.
    UNTRIED = "untried"


@dataclass(frozen=True, slots=True)
class Record:
    """One SQS message as Lambda hands it over; ``queue`` is the name of where it came from."""

    message_id: str
    receipt_handle: str
    receive_count: int
    body: str
    queue: str

    @classmethod
    def from_lambda(cls, record: Mapping[str, Any]) -> Record:
        return cls(
            record["messageId"],
            record["receiptHandle"],
            int(record["attributes"]["ApproximateReceiveCount"]),
            record["body"],
            record.get("eventSourceARN", "").rpartition(":")[2],
        )


class QueueBatch:
    """Works each message of a batch off, or leaves it for later, or buries it with its reason.

    ``work`` gives None for a message that is done, or the seconds after which it should come
    again, and writes what the log should say into ``RequestLog``. It raises BadMessageError
    for what is to be buried, and UpstreamError. No message is begun when ``batch_seconds`` are
    over, nor after the database gave no answer. ``begin`` is called first: the batch's time
    runs from then.
    """

    def __init__(
        self,
        *,
        task: str,
        work: Callable[[Record, RequestLog], int | None],
        batch_seconds: float,
        sandbox: Sandbox,
        begin: Callable[[], None] = lambda: None,
        meter: Meter | None = None,
        metrics: MessageMetrics | None = None,
    ) -> None:
        self._task = task
        self._work = work
        self._batch_seconds = batch_seconds
        self._sandbox = sandbox
        self._begin = begin
        self._meter = meter
        self._metrics = metrics
        self._is_cold = False

    def __call__(
        self, event: Mapping[str, Any], backlog: Backlog
    ) -> dict[str, list[dict[str, str]]]:
        """Give the batch's failures, in Lambda's form; ``backlog`` is that of its queue."""
        self._is_cold = self._sandbox.begin()
        self._begin()
        ends_at = time.monotonic() + self._batch_seconds
        later: list[tuple[Record, int]] = []
        down_for: int | None = None
        for record in map(Record.from_lambda, event["Records"]):
            self._wait_anew()
            wait = retry_seconds(record.receive_count)
            if down_for is not None or time.monotonic() >= ends_at:
                # Not tried, so not for its own sake out of sight.
                later.append((record, min(down_for or wait, LONGEST_UNTRIED_SECONDS)))
                self._write(_log_of(record), Fate.UNTRIED, time.perf_counter(), record)
                continue
            seconds, is_down = self._one(record, backlog)
            if seconds is not None:
                later.append((record, seconds))
            if is_down:
                down_for = wait
        if later:
            self._hide(later, backlog)
        if self._meter is not None:
            self._meter.flush_if_due()
        return {"batchItemFailures": [{"itemIdentifier": r.message_id} for r, _ in later]}

    def _one(self, record: Record, backlog: Backlog) -> tuple[int | None, bool]:
        """Try one message: when it should come again, and whether what it stands on is down."""
        started = time.perf_counter()
        log = _log_of(record)
        is_down = False
        fate = Fate.LATER
        seconds: int | None = retry_seconds(record.receive_count)
        try:
            seconds = self._work(record, log)
            fate = Fate.DONE if seconds is None else Fate.LATER
        except BadMessageError as error:
            fate = _bury(record, log, error.reason, backlog)
        except _OWN_TROUBLES as error:
            fate = _troubled(record, log, error, backlog)
        except UpstreamError as error:
            note(log, error)
            is_down = True
        except Exception as error:  # noqa: BLE001  One message must not fail its neighbours.
            fate = _troubled(record, log, error, backlog)
        if self._meter is not None:
            _count_activity(self._meter.recorder, log, seconds=time.perf_counter() - started)
        self._write(log, fate, started, record)
        return seconds if fate is Fate.LATER else None, is_down

    def _wait_anew(self) -> None:
        """Say that what is waited for from now on is of another line."""
        if self._meter is not None:
            self._meter.recorder.begin()

    def _hide(self, later: Sequence[tuple[Record, int]], backlog: Backlog) -> None:
        self._wait_anew()
        started = time.perf_counter()
        log = RequestLog(fields={"messages": len(later)})
        try:
            failed = backlog.hide([(record.receipt_handle, seconds) for record, seconds in later])
        except QueueUnavailableError as error:
            note(log, error)
            failed = len(later)
        if failed:
            # They come again when the queue's own visibility time-out has passed.
            log.fields["not_hidden"] = failed
            self._write(log, "not-hidden", started)

    def _write(
        self, log: RequestLog, fate: str, started: float, record: Record | None = None
    ) -> None:
        """Write the line of a message, or, without one, of the batch."""
        now = datetime.now(UTC)
        cold_start, self._is_cold = self._is_cold, False
        line = {
            "at": rfc3339(now),
            "task": self._task,
            # Where no request is known that it came from, it is a cause by itself.
            "rid": record.message_id if record else None,
            "tenantId": log.tenant_id,
            "version": self._sandbox.version,
            "stage": self._sandbox.stage,
            "function": self._sandbox.function,
            "path": record.queue if record else None,
            "route": f"SQS {self._task}",
            "status": None,
            "latency_ms": round((time.perf_counter() - started) * 1000, 3),
            "database_ms": waited_ms(self._meter),
            "provider": log.provider,
            "outcome": fate,
            "cold_start": cold_start,
            "sandbox": self._sandbox.sandbox_id,
            **log.fields,
        }
        if "trace_id" not in line:
            line["trace_id"] = invocation_trace().trace_id
        at_ms = int(now.timestamp() * 1000)
        write_line(line, aws=self._metrics.add(line, at_ms=at_ms) if self._metrics else "")


def _log_of(record: Record) -> RequestLog:
    return RequestLog(fields={"message": record.message_id, "received": record.receive_count})


def _count_activity(recorder: Recorder, log: RequestLog, *, seconds: float) -> None:
    """Count what one message took, for each tenant whose it is known to be."""
    recorder.activity.work(
        log.tenant_id if log.shares is None else None,
        log.events,
        shares=log.shares,
        heard=log.heard,
        seconds=seconds,
        database_seconds=recorder.database_seconds,
    )


def _troubled(record: Record, log: RequestLog, error: Exception, backlog: Backlog) -> Fate:
    """Leave it for later, for as long as there may be something to wait for."""
    note(log, error)
    if record.receive_count < MAX_OWN_FAILURES:
        return Fate.LATER
    reason = error.reason if isinstance(error, NotUnderstoodError) else type(error).__name__
    return _bury(record, log, reason, backlog)


def _bury(record: Record, log: RequestLog, reason: str, backlog: Backlog) -> Fate:
    log.fields["reason"] = reason
    try:
        backlog.bury(
            record.body,
            reason=reason,
            message_id=record.message_id,
            receive_count=record.receive_count,
        )
    except QueueUnavailableError as error:
        note(log, error)
        return Fate.LATER
    return Fate.BURIED
