"""The accept queue and its worker over a scripted SQS, a bucket and a key ring."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes import InMemoryObjects
from tillgate.adapters.accept_queue import (
    SealedMessages,
    SqsAcceptQueue,
)
from tillgate.adapters.aws.errors import AwsError
from tillgate.adapters.aws.json_client import AwsJsonClient
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.domain.errors import (
    BadMessageError,
    NotUnderstoodError,
    SecretUnavailableError,
)
from tillgate.domain.provider import Hook
from tillgate.domain.queued import QueuedHook

if TYPE_CHECKING:
    from collections.abc import Mapping


QUEUE, DEAD = "https://sqs.example/accept", "https://sqs.example/dead"
ONE_ID, TWO_ID = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
SQS_LIMIT = 1024 * 1024
# Of a sealed message's length so many characters are the envelope's.
ENVELOPE = len(json.dumps({"schema": 1, "message_id": ONE_ID, "sealed": ""}))


class ScriptedSqs(AwsJsonClient):
    """Keeps what it is told, and answers as SQS does."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.is_down = False
        self.answer: dict[str, Any] | None = None

    def call(
        self,
        target: str,
        request: Mapping[str, object],
        *,
        within_seconds: float | None = None,  # noqa: ARG002  The client's.
    ) -> dict[str, Any]:
        if self.is_down:
            raise AwsError("down")
        self.calls.append((target, request))
        if self.answer is not None:
            return self.answer
        body = str(request.get("MessageBody", ""))
        return {"MD5OfMessageBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()}

    def body(self) -> str:
        """Give the one message that was sent."""
        [(target, request)] = self.calls
        assert (target, request["QueueUrl"]) == ("AmazonSQS.SendMessage", QUEUE)
        body = request["MessageBody"]
        assert isinstance(body, str)
        return body


class Ring:
    """A key ring that may not be to be read."""

    def __init__(self) -> None:
        self.keys = {"k1": "made up"}
        self.is_down = False

    def __call__(self) -> str:
        if self.is_down:
            raise SecretUnavailableError("down")
        return json.dumps(self.keys)


class Stand:
    """Queue and worker over one ring and one bucket, each with a box of its own."""

    def __init__(self) -> None:
        self.sqs = ScriptedSqs()
        self.objects = InMemoryObjects()
        self.ring = Ring()
        box = KeyRingSecretBox(self.ring)
        self.queue = SqsAcceptQueue(self.sqs, self.objects, box, queue_url=QUEUE)
        self.worker = self.new_worker()

    def new_worker(self) -> SealedMessages:
        return SealedMessages(self.objects, KeyRingSecretBox(self.ring))

    def put(self, message: QueuedHook) -> dict[str, Any]:
        """Give the envelope."""
        self.queue.put(message)
        envelope: dict[str, Any] = json.loads(self.sqs.body())
        self.sqs.calls.clear()
        return envelope

    def sealed(self, compressed: bytes, **head: object) -> dict[str, Any]:
        """Give the envelope of a message whose head says something else."""
        first, _, content = zlib.decompress(compressed).partition(b"\n")
        told = {**json.loads(first), **head}
        plain = zlib.compress(json.dumps(told).encode() + b"\n" + content)
        box = KeyRingSecretBox(self.ring)
        sealed = box.seal(plain, context=f"accept-queue:{told['message_id']}")
        return {
            "schema": 1,
            "message_id": told["message_id"],
            "sealed": base64.b64encode(sealed).decode(),
        }

    def reason(self, body: object) -> str:
        """Give why it can never be opened."""
        text = body if isinstance(body, str) else json.dumps(body)
        with pytest.raises(BadMessageError) as caught:
            self.worker.open(text)
        return caught.value.reason

    def not_understood(self, body: object) -> str:
        """Give why it cannot be opened yet."""
        with pytest.raises(NotUnderstoodError) as caught:
            self.worker.open(json.dumps(body))
        return caught.value.reason


def hook(body: bytes = b"canary-payload", *, message_id: str = ONE_ID) -> QueuedHook:
    return QueuedHook(
        hook=Hook(
            hook_id=message_id,
            provider="square",
            endpoint_id="e",
            headers={"x": "canary-signature"},
            body=body,
            received_at=datetime(2026, 11, 23, 23, 59, tzinfo=UTC),
            rid="r",
        )
    )
