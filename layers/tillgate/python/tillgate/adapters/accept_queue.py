"""The accept queue on SQS: sealed messages, those too large for SQS as claims on S3.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

from tillgate.adapters.aws.errors import AwsError
from tillgate.adapters.queue_message import ENVELOPE_SCHEMA, decode, encode
from tillgate.domain.errors import (
    BadMessageError,
    KeyMissingError,
    NotUnderstoodError,
    QueueUnavailableError,
    SealBrokenError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tillgate.adapters.aws.json_client import AwsJsonClient
    from tillgate.domain.ports import ObjectStore, SecretBox
    from tillgate.domain.queued import QueuedMessage

# SQS takes 1 MiB, attributes included. What the dead-letter queue adds has to fit as well.
MAX_MESSAGE_BYTES = 1024 * 1024 - 4096

_CLAIMS = "claims/"


def _seal_context(message_id: str) -> str:
    """Name the message that sealed text belongs to."""
    return f"accept-queue:{message_id}"


class SqsAcceptQueue:
    """Implements AcceptQueue."""

    def __init__(
        self, sqs: AwsJsonClient, objects: ObjectStore, secret_box: SecretBox, *, queue_url: str
    ) -> None:
        self._sqs = sqs
        self._objects = objects
        self._secret_box = secret_box
        self._queue_url = queue_url

    def put(self, message: QueuedMessage) -> None:
        message_id = message.message_id
        sealed = self._secret_box.seal(encode(message), context=_seal_context(message_id))
        envelope = {"schema": ENVELOPE_SCHEMA, "message_id": message_id}
        body = json.dumps({**envelope, "sealed": base64.b64encode(sealed).decode()})
        if len(body) > MAX_MESSAGE_BYTES:
            claim = f"{_CLAIMS}{message.received_at:%Y-%m-%d}/{message_id}"
            self._objects.put(claim, sealed)
            body = json.dumps({**envelope, "claim": claim})
        try:
            answer = self._sqs.call(
                "AmazonSQS.SendMessage",
                # By the group SQS lets no tenant's backlog hold up the others' (fair queues).
                {
                    "QueueUrl": self._queue_url,
                    "MessageBody": body,
                    "MessageGroupId": message.group,
                },
            )
        except AwsError as error:
            raise QueueUnavailableError("the accept queue gave no answer") from error
        # SQS says what it has kept.
        if answer.get("MD5OfMessageBody") != _md5(body):
            raise QueueUnavailableError("the accept queue kept something else")


class SqsQueueProbe:
    """Implements QueueProbe."""

    def __init__(self, sqs: AwsJsonClient, *, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def check(self) -> None:
        try:
            self._sqs.call(
                "AmazonSQS.GetQueueAttributes",
                {"QueueUrl": self._queue_url, "AttributeNames": ["QueueArn"]},
            )
        except AwsError as error:
            raise QueueUnavailableError("the accept queue gave no answer") from error


class SealedMessages:
    """Opens what ``SqsAcceptQueue`` put, for the worker."""

    def __init__(self, objects: ObjectStore, secret_box: SecretBox) -> None:
        self._objects = objects
        self._secret_box = secret_box

    def open(self, body: str) -> QueuedMessage:
        """Give the message in the body of an SQS message.

        Raises BadMessageError when that can never be had; NotUnderstoodError,
        ObjectsUnavailableError or SecretUnavailableError when it cannot be had now.
        """
        try:
            envelope = json.loads(body)
            schema, message_id = envelope["schema"], envelope["message_id"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BadMessageError("unreadable") from error
        if schema != ENVELOPE_SCHEMA:
            # A later version may have written it, which a rollback took away.
            raise NotUnderstoodError("unknown-schema")
        sealed = self._sealed(envelope)
        try:
            plain = self._secret_box.open(sealed, context=_seal_context(message_id))
        except KeyMissingError as error:
            raise NotUnderstoodError("unknown-key") from error
        except SealBrokenError as error:
            raise BadMessageError("seal-broken") from error
        message = decode(plain)
        if message.message_id != message_id:
            raise BadMessageError("unreadable")
        return message

    def _sealed(self, envelope: Mapping[str, object]) -> bytes:
        claim = envelope.get("claim")
        if isinstance(claim, str):
            # What else is in the bucket, or cannot be a key, was never put here.
            if not claim.isascii() or not claim.startswith(_CLAIMS):
                raise BadMessageError("unreadable")
            content = self._objects.get(claim)
            if content is None:
                raise BadMessageError("claim-expired")
            return content
        try:
            return base64.b64decode(str(envelope["sealed"]), validate=True)
        except (ValueError, KeyError) as error:
            raise BadMessageError("unreadable") from error


class SqsBacklog:
    """What the worker tells SQS about messages that it could not store."""

    def __init__(self, sqs: AwsJsonClient, *, queue_url: str, dead_letter_queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._dead_letter_queue_url = dead_letter_queue_url

    def hide(self, receipts: Sequence[tuple[str, int]]) -> int:
        """Let each message, by its receipt handle, stay out of sight for so many seconds.

        At most ten at once; gives for how many it did not work. Raises
        QueueUnavailableError when the call failed.
        """
        entries = [
            {"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
            for n, (handle, seconds) in enumerate(receipts)
        ]
        answer = self._call(
            "AmazonSQS.ChangeMessageVisibilityBatch",
            {"QueueUrl": self._queue_url, "Entries": entries},
        )
        return len(answer.get("Failed", ()))

    def bury(self, body: str, *, reason: str, message_id: str, receive_count: int) -> None:
        """Put a message on the dead-letter queue, with the reason as an attribute.

        ``message_id`` is SQS's. Raises QueueUnavailableError.
        """
        told = {
            "reason": reason,
            "sqs_message_id": message_id,
            "receive_count": str(receive_count),
        }
        self._call(
            "AmazonSQS.SendMessage",
            {
                "QueueUrl": self._dead_letter_queue_url,
                "MessageBody": body,
                "MessageAttributes": {
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in told.items()
                },
            },
        )

    def _call(self, target: str, request: Mapping[str, object]) -> dict[str, Any]:
        try:
            return self._sqs.call(target, request)
        except AwsError as error:
            raise QueueUnavailableError("the accept queue gave no answer") from error


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
