"""The delivery queue: what SQS is given, and when that counts as queued."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from tillgate.adapters.aws.errors import AwsError
from tillgate.adapters.aws.json_client import AwsJsonClient
from tillgate.adapters.delivery_queue import WITHIN_SECONDS, SqsDeliveryQueue
from tillgate.domain.delivery import DueDelivery
from tillgate.domain.errors import QueueUnavailableError
from tillgate.domain.tenant import EventId, TenantId
from tillgate.domain.trace import Trace, parsed

if TYPE_CHECKING:
    from collections.abc import Mapping

QUEUE = "https://sqs.example/delivery"
MEBIBYTE = 1024 * 1024


class BatchSqs(AwsJsonClient):
    """Takes batches as SQS does; each takes ``seconds_each``, and ``lost`` are not kept."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.within: list[float | None] = []
        self.lost: set[str] = set()
        self.spoils = False
        self.is_down_after = 10**6
        self.now = 100.0
        self.seconds_each = 0.0

    def call(
        self, target: str, request: Mapping[str, object], *, within_seconds: float | None = None
    ) -> dict[str, Any]:
        assert (target, request["QueueUrl"]) == ("AmazonSQS.SendMessageBatch", QUEUE)
        entries = request["Entries"]
        assert isinstance(entries, list)
        self.within.append(within_seconds)
        if len(self.batches) >= self.is_down_after or (within_seconds or 0) <= 0:
            raise AwsError("down")
        self.now += self.seconds_each
        self.batches.append(entries)
        kept = [entry for entry in entries if entry["Id"] not in self.lost]
        return {
            "Successful": [
                {"Id": entry["Id"], "MD5OfMessageBody": self._md5(entry["MessageBody"])}
                for entry in kept
            ],
            "Failed": [{"Id": one, "Code": "InternalError"} for one in sorted(self.lost)],
        }

    def _md5(self, body: str) -> str:
        spoilt = body + "x" if self.spoils else body
        return hashlib.md5(spoilt.encode(), usedforsecurity=False).hexdigest()


@pytest.fixture
def sqs() -> BatchSqs:
    return BatchSqs()


@pytest.fixture
def queue(sqs: BatchSqs) -> SqsDeliveryQueue:
    return SqsDeliveryQueue(
        sqs,
        queue_url=QUEUE,
        clock=lambda: sqs.now,
        new_trace=lambda: Trace(f"{len(sqs.batches) + 1:032x}"),
    )


def due(tenant: int, event: int) -> DueDelivery:
    return DueDelivery(
        TenantId(f"00000000-0000-4000-8000-{tenant:012}"),
        EventId(f"01a207d9-2607-7716-9e0b-{event:012}"),
    )


def messages(sqs: BatchSqs) -> list[dict[str, Any]]:
    return [json.loads(entry["MessageBody"]) for batch in sqs.batches for entry in batch]


def without_trace(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != "traceparent"}


def test_each_message_begins_a_trace_of_its_own(sqs: BatchSqs) -> None:
    queue = SqsDeliveryQueue(sqs, queue_url=QUEUE, clock=lambda: sqs.now)
    queue.put([due(1, 1), due(2, 2), *(due(3, n) for n in range(101))])

    traces = [parsed(message["traceparent"]) for message in messages(sqs)]
    assert len({trace.trace_id for trace in traces if trace is not None}) == 4


def test_the_version_before_reads_a_message_with_a_trace(
    sqs: BatchSqs, queue: SqsDeliveryQueue
) -> None:
    queue.put([due(1, 1)])

    # It asks for these three, and for nothing else to be missing.
    [message] = messages(sqs)
    assert message["schema"] == 1
    assert message.keys() - {"traceparent"} == {"schema", "tenant_id", "event_ids"}


def test_a_message_names_one_tenant_and_its_events(sqs: BatchSqs, queue: SqsDeliveryQueue) -> None:
    one, other = due(1, 1), due(2, 2)
    queue.put([one, other, due(1, 3)])

    assert [without_trace(message) for message in messages(sqs)] == [
        {
            "schema": 1, "tenant_id": one.tenant_id,
            "event_ids": [one.event_id, due(1, 3).event_id],
        },
        {"schema": 1, "tenant_id": other.tenant_id, "event_ids": [other.event_id]},
    ]  # fmt: skip
    assert [entry["MessageGroupId"] for entry in sqs.batches[0]] == [one.tenant_id, other.tenant_id]


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (100, [100]), (101, [100, 1])])
def test_a_message_names_at_most_a_hundred_events(
    sqs: BatchSqs, queue: SqsDeliveryQueue, count: int, sizes: list[int]
) -> None:
    queue.put([due(1, n) for n in range(count)])

    assert [len(message["event_ids"]) for message in messages(sqs)] == sizes


@pytest.mark.parametrize(("tenants", "sizes"), [(10, [10]), (11, [10, 1]), (25, [10, 10, 5])])
def test_a_call_has_at_most_ten_messages_each_with_an_id_of_its_own(
    sqs: BatchSqs, queue: SqsDeliveryQueue, tenants: int, sizes: list[int]
) -> None:
    queue.put([due(n, n) for n in range(tenants)])

    assert [len(batch) for batch in sqs.batches] == sizes
    assert all(len({entry["Id"] for entry in batch}) == len(batch) for batch in sqs.batches)


def test_the_largest_call_is_far_below_what_sqs_takes(
    sqs: BatchSqs, queue: SqsDeliveryQueue
) -> None:
    queue.put([due(1, n) for n in range(1_000)])

    [batch] = sqs.batches
    assert len(batch) == 10
    assert len(json.dumps(batch)) < MEBIBYTE // 10


@pytest.mark.parametrize("seconds", [0, 15])
def test_every_message_waits_as_long_as_the_queue_was_told(sqs: BatchSqs, seconds: int) -> None:
    queue = SqsDeliveryQueue(sqs, queue_url=QUEUE, delay_seconds=seconds, clock=lambda: sqs.now)

    queue.put([due(n, n) for n in range(11)])

    # Also none is said: a queue may have one of its own.
    assert [[one["DelaySeconds"] for one in batch] for batch in sqs.batches] == [
        [seconds] * 10,
        [seconds],
    ]


def test_nothing_is_sent_where_nothing_is_due(sqs: BatchSqs, queue: SqsDeliveryQueue) -> None:
    queue.put([])

    assert sqs.batches == []


def test_a_batch_that_failed_in_part_is_not_queued(sqs: BatchSqs, queue: SqsDeliveryQueue) -> None:
    sqs.lost = {"1"}

    with pytest.raises(QueueUnavailableError):
        queue.put([due(n, n) for n in range(3)])


def test_a_message_that_was_kept_as_another_is_not_queued(
    sqs: BatchSqs, queue: SqsDeliveryQueue
) -> None:
    sqs.spoils = True

    with pytest.raises(QueueUnavailableError):
        queue.put([due(1, 1)])


@pytest.mark.parametrize("answer", [{}, {"Successful": None}, {"Successful": [{"Id": "0"}]}])
def test_an_answer_that_says_nothing_of_what_was_kept_is_none(
    sqs: BatchSqs, queue: SqsDeliveryQueue, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]
) -> None:
    monkeypatch.setattr(sqs, "call", lambda *_args, **_more: answer)

    with pytest.raises(QueueUnavailableError):
        queue.put([due(1, 1)])


def test_a_queue_that_fails_half_way_says_so(sqs: BatchSqs, queue: SqsDeliveryQueue) -> None:
    sqs.is_down_after = 1

    with pytest.raises(QueueUnavailableError):
        queue.put([due(n, n) for n in range(20)])
    assert len(sqs.batches) == 1


def test_all_calls_share_one_deadline(sqs: BatchSqs, queue: SqsDeliveryQueue) -> None:
    sqs.seconds_each = 2.0

    with pytest.raises(QueueUnavailableError):
        queue.put([due(n, n) for n in range(40)])

    assert sqs.within == [
        WITHIN_SECONDS,
        WITHIN_SECONDS - 2,
        WITHIN_SECONDS - 4,
        WITHIN_SECONDS - 6,
    ]
    assert len(sqs.batches) == 3
