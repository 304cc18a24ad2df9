"""Batches of an SQS queue in, what is left of them out: one log line for each message.

What is returned as failed SQS gives again when the visibility that was set here has passed.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from tillgate.domain.errors import (
    BadMessageError,
    ObjectsUnavailableError,
    QueueUnavailableError,
    SealBrokenError,
    UpstreamError,
)
from tillgate.domain.queued import MAX_UNFORESEEN_FAILURES, retry_seconds
from tillgate.domain.timestamps import rfc3339
from tillgate.entrypoints.observability import RequestLog, note

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tillgate.entrypoints.observability import Sandbox


class Backlog(Protocol):
    """Tells SQS what becomes of a message that is not done. Raises QueueUnavailableError."""

    def hide(self, receipts: Sequence[tuple[str, int]]) -> None: ...

    def bury(self, body: str, *, reason: str, message_id: str, receive_count: int) -> None: ...


class Fate(StrEnum):
    DONE = "done"
    LATER = "later"
    BURIED = "buried"


@dataclass(frozen=True, slots=True)
class Record:
    """One SQS message as Lambda hands it over."""

    message_id: str
    receipt_handle: str
    receive_count: int
    body: str

    @classmethod
    def from_lambda(cls, record: Mapping[str, Any]) -> Record:
        return cls(
            record["messageId"],
            record["receiptHandle"],
            int(record["attributes"]["ApproximateReceiveCount"]),
            record["body"],
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
    ) -> None:
        self._task = task
        self._work = work
        self._batch_seconds = batch_seconds
        self._sandbox = sandbox
        self._begin = begin

    def __call__(
        self, event: Mapping[str, Any], backlog: Backlog
    ) -> dict[str, list[dict[str, str]]]:
        """Give the batch's failures, in Lambda's form; ``backlog`` is that of its queue."""
        self._sandbox.begin()
        self._begin()
        ends_at = time.monotonic() + self._batch_seconds
        later: list[tuple[Record, int]] = []
        is_down = False
        for record in map(Record.from_lambda, event["Records"]):
            if is_down or time.monotonic() >= ends_at:
                # Not tried, so not its own failure: it comes again with the first that was.
                later.append((record, retry_seconds(record.receive_count)))
                continue
            seconds, is_down = self._one(record, backlog)
            if seconds is not None:
                later.append((record, seconds))
        if later:
            self._hide(later, backlog)
        return {"batchItemFailures": [{"itemIdentifier": r.message_id} for r, _ in later]}

    def _one(self, record: Record, backlog: Backlog) -> tuple[int | None, bool]:
        """Try one message: when it should come again, and whether what it stands on is down."""
        started = time.perf_counter()
        log = RequestLog(fields={"message": record.message_id, "received": record.receive_count})
        is_down = False
        fate = Fate.LATER
        seconds: int | None = retry_seconds(record.receive_count)
        try:
            seconds = self._work(record, log)
            fate = Fate.DONE if seconds is None else Fate.LATER
        except BadMessageError as error:
            fate = _bury(record, log, error.reason, backlog)
        except UpstreamError as error:
            note(log, error)
            # A claim that cannot be read now is the trouble of that one message, and so is a
            # secret that does not open.
            is_down = not isinstance(error, (ObjectsUnavailableError, SealBrokenError))
        except Exception as error:  # noqa: BLE001  One message must not fail its neighbours.
            note(log, error)
            if record.receive_count >= MAX_UNFORESEEN_FAILURES:
                fate = _bury(record, log, f"unforeseen-{type(error).__name__}", backlog)
        self._write(log, fate, started)
        return seconds if fate is Fate.LATER else None, is_down

    def _hide(self, later: Sequence[tuple[Record, int]], backlog: Backlog) -> None:
        try:
            backlog.hide([(record.receipt_handle, seconds) for record, seconds in later])
        except QueueUnavailableError as error:
            # They come again when the queue's own visibility time-out has passed.
            log = RequestLog(fields={"messages": len(later)})
            note(log, error)
            self._write(log, "not-hidden", time.perf_counter())

    def _write(self, log: RequestLog, fate: str, started: float) -> None:
        line = {
            "at": rfc3339(datetime.now(UTC)),
            "task": self._task,
            "tenantId": log.tenant_id,
            "version": self._sandbox.version,
            "latency_ms": round((time.perf_counter() - started) * 1000, 3),
            "provider": log.provider,
            "outcome": fate,
            "sandbox": self._sandbox.sandbox_id,
            **log.fields,
        }
        print(json.dumps(line, separators=(",", ":")))  # noqa: T201  Standard output is Lambda's log.


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
