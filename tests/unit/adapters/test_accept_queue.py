"""The accept queue: what SQS is given, what is opened of it again, and what never opens."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes import InMemoryObjects
from tillgate.adapters import accept_queue
from tillgate.adapters.accept_queue import (
    MAX_MESSAGE_BYTES,
    SealedMessages,
    SqsAcceptQueue,
    SqsBacklog,
    SqsQueueProbe,
)
from tillgate.adapters.aws.errors import AwsError
from tillgate.adapters.aws.json_client import AwsJsonClient
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.domain.errors import (
    BadMessageError,
    ObjectsUnavailableError,
    QueueUnavailableError,
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

    def reason(self, body: object) -> str:
        """Give why it can never be opened."""
        text = body if isinstance(body, str) else json.dumps(body)
        with pytest.raises(BadMessageError) as caught:
            self.worker.open(text)
        return caught.value.reason


@pytest.fixture
def stand() -> Stand:
    return Stand()


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

    backlog.bury(body, reason="unforeseen-" + "X" * 200, message_id=ONE_ID, receive_count=10**6)

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


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        "7",
        '"x"',
        "{}",
        "[" * 100_000,
        '{"schema":1}',
        '{"message_id":"x"}',
        '{"schema":1,"message_id":"x"}',
        '{"schema":1,"message_id":"x","claim":7}',
        '{"schema":1,"message_id":"x","sealed":"not base64"}',
        '{"schema":1,"message_id":"x","sealed":"é"}',
    ],
)
def test_what_is_no_envelope_is_unreadable(stand: Stand, body: str) -> None:
    assert stand.reason(body) == "unreadable"


@pytest.mark.parametrize("schema", [0, 2, None, "1", [1], {"x": 1}])
def test_an_envelope_of_another_version_is_named_so(stand: Stand, schema: object) -> None:
    assert stand.reason({**stand.put(hook()), "schema": schema}) == "unknown-schema"


@pytest.mark.parametrize("length", [0, 1, 2, 13, 14, 15, 16, 31, -1])
def test_what_is_cut_short_does_not_open(stand: Stand, length: int) -> None:
    envelope = stand.put(hook())
    sealed = base64.b64decode(envelope["sealed"])[:length]

    assert stand.reason({**envelope, "sealed": base64.b64encode(sealed).decode()}) == "seal-broken"


def test_one_bit_changed_anywhere_does_not_open(stand: Stand) -> None:
    envelope = stand.put(hook())
    good = base64.b64decode(envelope["sealed"])
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 1 << place % 8
        made = {**envelope, "sealed": base64.b64encode(bytes(bad)).decode()}
        assert stand.reason(made) == "seal-broken"


@pytest.mark.parametrize("message_id", [TWO_ID, "", None, 7, "\ud800", "x" * 10_000])
def test_a_message_under_another_s_name_does_not_open(stand: Stand, message_id: object) -> None:
    assert stand.reason({**stand.put(hook()), "message_id": message_id}) == "seal-broken"


def test_what_is_sealed_for_another_place_does_not_open(stand: Stand) -> None:
    box = KeyRingSecretBox(stand.ring)
    for context in ("registry-snapshot", f"quarantine:{ONE_ID}", f"accept-queue:{TWO_ID}"):
        sealed = base64.b64encode(box.seal(b"x", context=context)).decode()
        envelope = {"schema": 1, "message_id": ONE_ID, "sealed": sealed}
        assert stand.reason(envelope) == "seal-broken"


def test_a_claim_for_another_object_of_the_bucket_does_not_open(stand: Stand) -> None:
    stand.objects.objects["registry/snapshot"] = b"sealed otherwise"

    claim = {"schema": 1, "message_id": ONE_ID, "claim": "registry/snapshot"}
    assert stand.reason(claim) == "seal-broken"


def test_what_is_sealed_here_and_is_no_message_is_unreadable(stand: Stand) -> None:
    box = KeyRingSecretBox(stand.ring)
    sealed = base64.b64encode(box.seal(b"junk", context=f"accept-queue:{ONE_ID}")).decode()

    assert stand.reason({"schema": 1, "message_id": ONE_ID, "sealed": sealed}) == "unreadable"


def test_a_claim_that_is_gone_is_named_so(stand: Stand) -> None:
    envelope = stand.put(hook(os.urandom(2 * 1024 * 1024)))
    stand.objects.objects.clear()

    assert stand.reason(envelope) == "claim-expired"


def test_a_message_whose_key_left_the_ring_does_not_open(stand: Stand) -> None:
    envelope = stand.put(hook())
    stand.ring.keys = {"k2": "another"}

    stand.worker = stand.new_worker()
    assert stand.reason(envelope) == "seal-broken"


def test_a_message_sealed_by_a_key_that_was_just_added_opens(stand: Stand) -> None:
    stand.worker.open(json.dumps(stand.put(hook())))
    stand.ring.keys["k2"] = "newer"
    fresh = SqsAcceptQueue(stand.sqs, stand.objects, KeyRingSecretBox(stand.ring), queue_url=QUEUE)
    fresh.put(hook())

    assert stand.worker.open(stand.sqs.body()) == hook()


def test_what_is_down_is_no_fault_of_the_message(stand: Stand) -> None:
    small = json.dumps(stand.put(hook()))
    claim = json.dumps(stand.put(hook(os.urandom(2 * 1024 * 1024))))
    stand.objects.is_down = True
    with pytest.raises(ObjectsUnavailableError):
        stand.worker.open(claim)
    stand.objects.is_down, stand.ring.is_down = False, True
    worker = stand.new_worker()
    for body in (small, claim):
        with pytest.raises(SecretUnavailableError) as caught:
            worker.open(body)
        assert type(caught.value) is SecretUnavailableError


def test_a_ring_that_cannot_be_read_again_is_no_fault_of_the_message(stand: Stand) -> None:
    stand.worker.open(json.dumps(stand.put(hook())))
    stand.ring.keys["k2"] = "newer"
    fresh = SqsAcceptQueue(stand.sqs, stand.objects, KeyRingSecretBox(stand.ring), queue_url=QUEUE)
    fresh.put(hook())
    stand.ring.is_down = True

    with pytest.raises(SecretUnavailableError) as caught:
        stand.worker.open(stand.sqs.body())
    assert type(caught.value) is SecretUnavailableError


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

    backlog.hide([("receipt-a", 5), ("receipt-b", 900)])

    [(target, request)] = stand.sqs.calls
    assert (target, request["QueueUrl"]) == ("AmazonSQS.ChangeMessageVisibilityBatch", QUEUE)
    assert request["Entries"] == [
        {"Id": "0", "ReceiptHandle": "receipt-a", "VisibilityTimeout": 5},
        {"Id": "1", "ReceiptHandle": "receipt-b", "VisibilityTimeout": 900},
    ]


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
