"""The accept queue: what SQS and S3 are given, and when that counts as kept."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.adapters.sqs_stand import DEAD, ENVELOPE, ONE_ID, QUEUE, SQS_LIMIT, Stand, hook
from tillgate.adapters import accept_queue
from tillgate.adapters.accept_queue import (
    MAX_MESSAGE_BYTES,
    SqsBacklog,
    SqsQueueProbe,
)
from tillgate.domain.errors import (
    ObjectsUnavailableError,
    QueueUnavailableError,
    SecretUnavailableError,
)
from tillgate.domain.queued import QueuedEvents
from tillgate.domain.tenant import TenantId


@pytest.fixture
def stand() -> Stand:
    return Stand()


def test_a_message_is_opened_as_it_was_put(stand: Stand) -> None:
    envelope = stand.put(hook())

    assert envelope.keys() == {"schema", "message_id", "sealed"}
    assert (envelope["schema"], envelope["message_id"]) == (1, ONE_ID)
    assert stand.worker.open(json.dumps(envelope)) == hook()
    assert not stand.objects.objects


def test_sqs_is_shown_nothing_of_what_is_inside(stand: Stand) -> None:
    envelope = stand.put(hook())

    seen = json.dumps(envelope).encode() + base64.b64decode(envelope["sealed"])
    assert b"canary" not in seen


def test_a_message_too_large_for_sqs_is_a_claim(stand: Stand) -> None:
    large = hook(os.urandom(4 * 1024 * 1024))

    envelope = stand.put(large)

    assert envelope == {
        "schema": 1, "message_id": ONE_ID, "claim": f"claims/2026-11-23/{ONE_ID}",
    }  # fmt: skip
    assert list(stand.objects.objects) == [envelope["claim"]]
    assert stand.worker.open(json.dumps(envelope)) == large


@pytest.mark.parametrize(("extra", "is_claim"), [(-1, False), (0, False), (1, True)])
def test_the_limit_is_kept_to_the_byte(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, extra: int, *, is_claim: bool
) -> None:
    size = len(json.dumps(stand.put(hook())))
    monkeypatch.setattr(accept_queue, "MAX_MESSAGE_BYTES", size - extra)

    assert ("claim" in stand.put(hook())) is is_claim


def test_what_the_dead_letter_queue_adds_fits_as_well(stand: Stand) -> None:
    stand.queue.put(hook(os.urandom((MAX_MESSAGE_BYTES - ENVELOPE) * 3 // 4 - 1_500)))
    body = stand.sqs.body()
    assert MAX_MESSAGE_BYTES - 4_000 < len(body) <= MAX_MESSAGE_BYTES
    backlog = SqsBacklog(stand.sqs, queue_url=QUEUE, dead_letter_queue_url=DEAD)

    backlog.bury(body, reason="X" * 200, message_id=ONE_ID, receive_count=10**6)

    _, request = stand.sqs.calls[-1]
    attributes = request["MessageAttributes"]
    told = sum(len(name) + len(json.dumps(value)) for name, value in attributes.items())
    assert len(request["MessageBody"]) + told < SQS_LIMIT


def test_a_claim_is_kept_before_sqs_is_told_of_it(stand: Stand) -> None:
    stand.objects.is_down = True

    with pytest.raises(ObjectsUnavailableError):
        stand.queue.put(hook(os.urandom(2 * 1024 * 1024)))
    assert not stand.sqs.calls


def test_a_queue_that_gives_no_answer_kept_nothing(stand: Stand) -> None:
    stand.sqs.is_down = True

    with pytest.raises(QueueUnavailableError):
        stand.queue.put(hook())


@pytest.mark.parametrize("answer", [{}, {"MD5OfMessageBody": "0" * 32}, {"MessageId": "1"}])
def test_a_queue_that_does_not_say_what_it_kept_kept_nothing(
    stand: Stand, answer: dict[str, Any]
) -> None:
    stand.sqs.answer = answer

    with pytest.raises(QueueUnavailableError):
        stand.queue.put(hook())


def test_without_a_key_ring_nothing_is_put(stand: Stand) -> None:
    stand.ring.is_down = True

    with pytest.raises(SecretUnavailableError):
        stand.queue.put(hook())
    assert not stand.sqs.calls


def test_the_probe_asks_for_the_queue_and_tells_when_it_is_not_there(stand: Stand) -> None:
    probe = SqsQueueProbe(stand.sqs, queue_url=QUEUE)
    probe.check()
    [(target, request)] = stand.sqs.calls
    assert (target, request["QueueUrl"]) == ("AmazonSQS.GetQueueAttributes", QUEUE)

    stand.sqs.is_down = True
    with pytest.raises(QueueUnavailableError):
        probe.check()


def test_what_is_hidden_is_named_with_its_time(stand: Stand) -> None:
    backlog = SqsBacklog(stand.sqs, queue_url=QUEUE, dead_letter_queue_url=DEAD)

    assert backlog.hide([("receipt-a", 5), ("receipt-b", 900)]) == 0

    [(target, request)] = stand.sqs.calls
    assert (target, request["QueueUrl"]) == ("AmazonSQS.ChangeMessageVisibilityBatch", QUEUE)
    assert request["Entries"] == [
        {"Id": "0", "ReceiptHandle": "receipt-a", "VisibilityTimeout": 5},
        {"Id": "1", "ReceiptHandle": "receipt-b", "VisibilityTimeout": 900},
    ]


def test_hiding_tells_for_how_many_it_did_not_work(stand: Stand) -> None:
    backlog = SqsBacklog(stand.sqs, queue_url=QUEUE, dead_letter_queue_url=DEAD)
    stand.sqs.answer = {
        "Successful": [{"Id": "0"}],
        "Failed": [
            {"Id": "1", "Code": "ReceiptHandleIsInvalid", "SenderFault": True},
            {"Id": "2", "Code": "InternalError", "SenderFault": False},
        ],
    }

    assert backlog.hide([("a", 5), ("b", 5), ("c", 5)]) == 2
    stand.sqs.answer = {"Successful": [{"Id": "0"}], "Failed": []}
    assert backlog.hide([("a", 5)]) == 0


def test_sqs_is_told_whose_backlog_a_message_is_part_of(stand: Stand) -> None:
    forged = replace(hook(), is_refused=True)
    events = QueuedEvents(
        message_id=ONE_ID,
        tenant_id=TenantId("tenant-1"),
        token_digest=b"",
        received_at=hook().received_at,
        rid="r",
        events=(),
    )
    for message in (hook(), forged, events):
        stand.queue.put(message)

    groups = [request["MessageGroupId"] for _, request in stand.sqs.calls]
    assert groups == ["e", "refused", "tenant-1"]


def test_a_claim_is_part_of_the_same_backlog(stand: Stand) -> None:
    stand.queue.put(hook(os.urandom(2 * 1024 * 1024)))

    [(_, request)] = stand.sqs.calls
    assert "claim" in json.loads(request["MessageBody"])
    assert request["MessageGroupId"] == "e"


def test_what_is_buried_goes_to_the_dead_letter_queue_with_its_reason(stand: Stand) -> None:
    backlog = SqsBacklog(stand.sqs, queue_url=QUEUE, dead_letter_queue_url=DEAD)

    backlog.bury("body", reason="seal-broken", message_id="sqs-1", receive_count=3)

    [(target, request)] = stand.sqs.calls
    assert (target, request["QueueUrl"]) == ("AmazonSQS.SendMessage", DEAD)
    assert request["MessageBody"] == "body"
    assert {name: made["StringValue"] for name, made in request["MessageAttributes"].items()} == {
        "reason": "seal-broken", "sqs_message_id": "sqs-1", "receive_count": "3",
    }  # fmt: skip


def test_a_backlog_that_gives_no_answer_says_so(stand: Stand) -> None:
    stand.sqs.is_down = True
    backlog = SqsBacklog(stand.sqs, queue_url=QUEUE, dead_letter_queue_url=DEAD)

    with pytest.raises(QueueUnavailableError):
        backlog.hide([("r", 5)])
    with pytest.raises(QueueUnavailableError):
        backlog.bury("b", reason="r", message_id="m", receive_count=1)
