"""AcceptBatch over a script, and its log."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.integration.events import event
from tests.integration.polling import pause
from tillgate.domain.errors import (
    QueueUnavailableError,
)
from tillgate.domain.provider import Hook
from tillgate.domain.queued import QueuedEvents, QueuedHook
from tillgate.domain.tenant import TenantId
from tillgate.entrypoints.observability import Sandbox
from tillgate.entrypoints.sqs import AcceptBatch
from tillgate.services.hook_items import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from tillgate.domain.queued import QueuedMessage
    from tillgate.services.metering import Meter


NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
CANARY = "canary"


@dataclass
class ScriptedBacklog:
    """Implements Backlog; either half of it may be down."""

    hidden: list[list[tuple[str, int]]] = field(default_factory=list)
    buried: list[tuple[str, str, str, int]] = field(default_factory=list)
    cannot_hide: bool = False
    cannot_bury: bool = False
    # For so many of those that are hidden at once it does not work.
    fails_to_hide: int = 0

    def hide(self, receipts: Sequence[tuple[str, int]]) -> int:
        if self.cannot_hide:
            raise QueueUnavailableError(CANARY)
        self.hidden.append(list(receipts))
        return self.fails_to_hide

    def bury(self, body: str, *, reason: str, message_id: str, receive_count: int) -> None:
        if self.cannot_bury:
            raise QueueUnavailableError(CANARY)
        self.buried.append((body, reason, message_id, receive_count))


@dataclass
class Worker:
    """AcceptBatch over a script: by a body, what opening or accepting it raises."""

    opening: dict[str, Exception] = field(default_factory=dict)
    accepting: dict[str, Exception] = field(default_factory=dict)
    backlog: ScriptedBacklog = field(default_factory=ScriptedBacklog)
    batch_seconds: float = 60
    accept_seconds: float = 0
    tally: Tally = field(default_factory=lambda: Tally(accepted=1))
    opened: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    meter: Meter | None = None

    def __post_init__(self) -> None:
        self._batch = AcceptBatch(
            open_message=self._open,
            accept=self._accept,
            backlog=self.backlog,
            batch_seconds=self.batch_seconds,
            sandbox=Sandbox("0.2.0"),
            meter=self.meter,
        )

    def run(self, *bodies: str, received: int = 1) -> list[str]:
        """Give the failures; a record is named for its body."""
        event = {"Records": [self.record(body, received=received) for body in bodies]}
        return self.failures(event)

    def failures(self, event: dict[str, Any]) -> list[str]:
        told = self._batch(event)
        json.dumps(told)
        assert told.keys() == {"batchItemFailures"}
        return [item["itemIdentifier"] for item in told["batchItemFailures"]]

    @staticmethod
    def record(body: str, *, received: int = 1) -> dict[str, Any]:
        return {
            "messageId": f"id-{body}",
            "receiptHandle": f"receipt-{body}",
            "body": body,
            "attributes": {"ApproximateReceiveCount": str(received), "SentTimestamp": "1"},
            "messageAttributes": {},
            "md5OfBody": "0",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:accept",
            "awsRegion": "us-east-1",
        }

    def _open(self, body: str) -> QueuedMessage:
        self.opened.append(body)
        if body in self.opening:
            raise self.opening[body]
        return hook(body) if body.startswith("hook") else events(body)

    def _accept(self, message: QueuedMessage) -> Tally:
        pause(self.accept_seconds)
        if message.rid in self.accepting:
            raise self.accepting[message.rid]
        self.accepted.append(message.rid)
        return self.tally


def events(body: str) -> QueuedEvents:
    return QueuedEvents(
        message_id="m",
        tenant_id=TenantId("t"),
        token_digest=CANARY.encode(),
        received_at=NOW,
        rid=body,
        events=(event(CANARY, f'{{"x":"{CANARY}"}}'),),
    )


def hook(body: str) -> QueuedHook:
    return QueuedHook(
        hook=Hook(
            hook_id="m",
            provider="square",
            endpoint_id=CANARY,
            headers={"x-square-hmacsha256-signature": CANARY},
            body=CANARY.encode(),
            received_at=NOW,
            rid=body,
        )
    )


class Lines:
    """Reads what was logged, after looking for what must never be in it."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self) -> list[dict[str, Any]]:
        out, err = self._capsys.readouterr()
        assert CANARY not in out
        assert CANARY.encode().hex() not in out
        assert err == ""
        return [json.loads(line) for line in out.splitlines()]

    def outcomes(self) -> list[str]:
        return [line["outcome"] for line in self()]
