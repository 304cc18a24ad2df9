"""Batches of the accept queue in, what is left of them out: one log line for each message.

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
    NotUnderstoodError,
    ObjectsUnavailableError,
    QueueUnavailableError,
    SealBrokenError,
    StoreRefusedError,
    UpstreamError,
)
from tillgate.domain.queued import (
    LONGEST_UNTRIED_SECONDS,
    MAX_OWN_FAILURES,
    QueuedEvents,
    retry_seconds,
)
from tillgate.domain.timestamps import rfc3339
from tillgate.entrypoints.observability import RequestLog, note

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tillgate.domain.queued import QueuedMessage
    from tillgate.entrypoints.observability import Sandbox
    from tillgate.services.hooks import Tally


class Backlog(Protocol):
    """Tells SQS what becomes of a message that was not stored. Raises QueueUnavailableError."""

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


class _Fate(StrEnum):
    DONE = "done"
    LATER = "later"
    BURIED = "buried"


@dataclass(frozen=True, slots=True)
class _Record:
    """One SQS message as Lambda hands it over."""

    message_id: str
    receipt_handle: str
    receive_count: int
    body: str

    @classmethod
    def from_lambda(cls, record: Mapping[str, Any]) -> _Record:
        return cls(
            record["messageId"],
            record["receiptHandle"],
            int(record["attributes"]["ApproximateReceiveCount"]),
            record["body"],
        )


class AcceptBatch:
    """Stores each message of a batch, or leaves it for later, or buries it with its reason.

    ``open_message`` raises BadMessageError; ``accept`` raises UpstreamError. No message is
    begun when ``batch_seconds`` are over, nor after the database gave no answer. ``begin``
    is called first: the batch's time runs from then.
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
    ) -> None:
        self._open_message = open_message
        self._accept = accept
        self._backlog = backlog
        self._batch_seconds = batch_seconds
        self._sandbox = sandbox
        self._begin = begin

    def __call__(self, event: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
        """Give the batch's failures, in Lambda's form."""
        self._sandbox.begin()
        self._begin()
        ends_at = time.monotonic() + self._batch_seconds
        later: list[tuple[_Record, int]] = []
        down_for: int | None = None
        for record in map(_Record.from_lambda, event["Records"]):
            wait = retry_seconds(record.receive_count)
            if down_for is not None or time.monotonic() >= ends_at:
                # Not tried, so not for its own sake out of sight.
                later.append((record, min(down_for or wait, LONGEST_UNTRIED_SECONDS)))
                continue
            fate, is_down = self._one(record)
            if fate is _Fate.LATER:
                later.append((record, wait))
            if is_down:
                down_for = wait
        if later:
            self._hide(later)
        return {"batchItemFailures": [{"itemIdentifier": r.message_id} for r, _ in later]}

    def _one(self, record: _Record) -> tuple[_Fate, bool]:
        """Try one message; tell also whether what it stands on is down."""
        started = time.perf_counter()
        log = RequestLog(fields={"message": record.message_id, "received": record.receive_count})
        is_down = False
        try:
            fate = self._stored(record, log)
        except BadMessageError as error:
            fate = self._bury(record, log, error.reason)
        except _OWN_TROUBLES as error:
            fate = self._troubled(record, log, error)
        except UpstreamError as error:
            note(log, error)
            fate, is_down = _Fate.LATER, True
        except Exception as error:  # noqa: BLE001  One message must not fail its neighbours.
            fate = self._troubled(record, log, error)
        self._write(log, fate, started)
        return fate, is_down

    def _troubled(self, record: _Record, log: RequestLog, error: Exception) -> _Fate:
        """Leave it for later, for as long as there may be something to wait for."""
        note(log, error)
        if record.receive_count < MAX_OWN_FAILURES:
            return _Fate.LATER
        reason = error.reason if isinstance(error, NotUnderstoodError) else type(error).__name__
        return self._bury(record, log, reason)

    def _stored(self, record: _Record, log: RequestLog) -> _Fate:
        message = self._open_message(record.body)
        log.fields["rid"] = message.rid
        log.provider = None if isinstance(message, QueuedEvents) else message.hook.provider
        tally = self._accept(message)
        log.tenant_id = ",".join(sorted(tally.tenant_ids)) or None
        log.fields |= {
            "accepted": tally.accepted,
            "duplicates": tally.duplicates,
            "quarantined": tally.quarantined,
        }
        return _Fate.DONE

    def _bury(self, record: _Record, log: RequestLog, reason: str) -> _Fate:
        log.fields["reason"] = reason
        try:
            self._backlog.bury(
                record.body,
                reason=reason,
                message_id=record.message_id,
                receive_count=record.receive_count,
            )
        except QueueUnavailableError as error:
            note(log, error)
            return _Fate.LATER
        return _Fate.BURIED

    def _hide(self, later: Sequence[tuple[_Record, int]]) -> None:
        started = time.perf_counter()
        log = RequestLog(fields={"messages": len(later)})
        try:
            failed = self._backlog.hide(
                [(record.receipt_handle, seconds) for record, seconds in later]
            )
        except QueueUnavailableError as error:
            note(log, error)
            failed = len(later)
        if failed:
            # They come again when the queue's own visibility time-out has passed.
            log.fields["not_hidden"] = failed
            self._write(log, "not-hidden", started)

    def _write(self, log: RequestLog, fate: str, started: float) -> None:
        line = {
            "at": rfc3339(datetime.now(UTC)),
            "task": "accept",
            "tenantId": log.tenant_id,
            "version": self._sandbox.version,
            "latency_ms": round((time.perf_counter() - started) * 1000, 3),
            "provider": log.provider,
            "outcome": fate,
            "sandbox": self._sandbox.sandbox_id,
            **log.fields,
        }
        print(json.dumps(line, separators=(",", ":")))  # noqa: T201  Standard output is Lambda's log.
