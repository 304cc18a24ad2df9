"""Messages of the accept queue opened: what never opens, and what does not open now."""

from __future__ import annotations

import base64
import json
import os

import pytest

from tests.unit.adapters.sqs_stand import ONE_ID, QUEUE, TWO_ID, Stand, hook
from tillgate.adapters.accept_queue import (
    SqsAcceptQueue,
)
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.adapters.queue_message import encode
from tillgate.domain.errors import (
    ObjectsUnavailableError,
    SecretUnavailableError,
)

# Where a sealed text says by how many bytes its key is named, and by which.
NAME_OF_KEY = range(1, 4)


@pytest.fixture
def stand() -> Stand:
    return Stand()


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
    assert stand.not_understood({**stand.put(hook()), "schema": schema}) == "unknown-schema"


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
        if place in NAME_OF_KEY:
            assert stand.not_understood(made) == "unknown-key"
        else:
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


@pytest.mark.parametrize("claim", ["registry/snapshot", "", "claims", "claims/\ud800", "\ud800"])
def test_a_claim_for_what_is_no_claim_is_not_even_looked_for(stand: Stand, claim: str) -> None:
    stand.objects.is_down = True

    assert stand.reason({"schema": 1, "message_id": ONE_ID, "claim": claim}) == "unreadable"


def test_a_claim_for_another_message_s_object_does_not_open(stand: Stand) -> None:
    other = stand.put(hook(os.urandom(2 * 1024 * 1024), message_id=TWO_ID))

    claim = {"schema": 1, "message_id": ONE_ID, "claim": other["claim"]}
    assert stand.reason(claim) == "seal-broken"


def test_what_is_sealed_here_and_is_no_message_is_unreadable(stand: Stand) -> None:
    box = KeyRingSecretBox(stand.ring)
    sealed = base64.b64encode(box.seal(b"junk", context=f"accept-queue:{ONE_ID}")).decode()

    assert stand.reason({"schema": 1, "message_id": ONE_ID, "sealed": sealed}) == "unreadable"


def test_a_claim_that_is_gone_is_named_so(stand: Stand) -> None:
    envelope = stand.put(hook(os.urandom(2 * 1024 * 1024)))
    stand.objects.objects.clear()

    assert stand.reason(envelope) == "claim-expired"


def test_a_message_whose_key_left_the_ring_waits_for_it(stand: Stand) -> None:
    envelope = stand.put(hook())
    stand.ring.keys = {"k2": "another"}

    stand.worker = stand.new_worker()
    assert stand.not_understood(envelope) == "unknown-key"
    stand.ring.keys = {"k1": "made up"}
    assert stand.worker.open(json.dumps(envelope)) == hook()


def test_a_message_that_another_key_of_its_name_sealed_never_opens(stand: Stand) -> None:
    envelope = stand.put(hook())
    stand.ring.keys = {"k1": "another"}

    stand.worker = stand.new_worker()
    assert stand.reason(envelope) == "seal-broken"


def test_members_of_an_envelope_that_a_later_version_adds_are_ignored(stand: Stand) -> None:
    envelope = {**stand.put(hook()), "priority": [1], "sealed_by": None}

    assert stand.worker.open(json.dumps(envelope)) == hook()


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


def test_a_message_that_names_itself_otherwise_inside_is_unreadable(stand: Stand) -> None:
    box = KeyRingSecretBox(stand.ring)
    inside = encode(hook(message_id=TWO_ID))
    sealed = base64.b64encode(box.seal(inside, context=f"accept-queue:{ONE_ID}")).decode()

    assert stand.reason({"schema": 1, "message_id": ONE_ID, "sealed": sealed}) == "unreadable"
