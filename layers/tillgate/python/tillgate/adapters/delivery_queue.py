"""The delivery queue on SQS: ids by tenant, which fair queues tell apart by the message group.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

from tillgate.adapters.aws.errors import AwsError
from tillgate.domain.errors import QueueUnavailableError
from tillgate.domain.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tillgate.adapters.aws.json_client import AwsJsonClient
    from tillgate.domain.delivery import DueDelivery

MESSAGE_SCHEMA = 1
MAX_IDS = 100
# A message of 100 ids has 4 KB, so ten of them are far from the MiB that SQS takes at once.
MAX_ENTRIES = 10
# For all of one ``put``; a transaction is open meanwhile.
WITHIN_SECONDS = 5.0


class SqsDeliveryQueue:
    """Implements DeliveryQueue. A repeated ``put`` queues a second message, which is harmless.

    Nobody is given a message within ``delay_seconds`` (900 at most). ``clock`` gives seconds,
    monotonic; ``new_trace`` makes up a trace for each message, which its every receive is part of.
    """

    def __init__(
        self,
        sqs: AwsJsonClient,
        *,
        queue_url: str,
        delay_seconds: int = 0,
        clock: Callable[[], float] = time.monotonic,
        new_trace: Callable[[], Trace] = lambda: Trace(os.urandom(16).hex()),
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._delay_seconds = delay_seconds
        self._clock = clock
        self._new_trace = new_trace

    def put(self, deliveries: Sequence[DueDelivery]) -> None:
        ends_at = self._clock() + WITHIN_SECONDS
        messages = self._messages(deliveries)
        while batch := list(islice(messages, MAX_ENTRIES)):
            self._send(batch, within_seconds=ends_at - self._clock())

    def _messages(self, deliveries: Iterable[DueDelivery]) -> Iterator[tuple[str, str]]:
        """Give (tenant id, body) for each message, the tenants in the order they first come in."""
        by_tenant: dict[str, list[str]] = {}
        for due in deliveries:
            by_tenant.setdefault(due.tenant_id, []).append(due.event_id)
        for tenant_id, event_ids in by_tenant.items():
            for first in range(0, len(event_ids), MAX_IDS):
                message = {
                    "schema": MESSAGE_SCHEMA,
                    "tenant_id": tenant_id,
                    "event_ids": event_ids[first : first + MAX_IDS],
                    # Optional, so the schema stays: who does not know it goes without.
                    "traceparent": self._new_trace().traceparent(os.urandom(8).hex()),
                }
                yield tenant_id, json.dumps(message, separators=(",", ":"))

    def _send(self, batch: Sequence[tuple[str, str]], *, within_seconds: float) -> None:
        entries = [
            {
                "Id": str(n),
                "MessageGroupId": tenant_id,
                "DelaySeconds": self._delay_seconds,
                "MessageBody": body,
            }
            for n, (tenant_id, body) in enumerate(batch)
        ]
        try:
            answer = self._sqs.call(
                "AmazonSQS.SendMessageBatch",
                {"QueueUrl": self._queue_url, "Entries": entries},
                within_seconds=within_seconds,
            )
        except AwsError as error:
            raise QueueUnavailableError("the delivery queue gave no answer") from error
        # SQS answers 200 where it took a part, and says of each what it has kept.
        if _kept(answer) != {str(n): _md5(body) for n, (_, body) in enumerate(batch)}:
            raise QueueUnavailableError("the delivery queue did not keep every message")


def _kept(answer: Mapping[str, Any]) -> dict[str, str] | None:
    try:
        return {entry["Id"]: entry["MD5OfMessageBody"] for entry in answer["Successful"]}
    except (KeyError, TypeError):
        return None


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
