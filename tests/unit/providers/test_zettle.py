from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import ANY_BODY, ANY_TEXT, JSON_OBJECTS, TEXT
from tests.unit.providers.hook_requests import hook_request
from tests.vendors import ZETTLE_KEY, zettle_body, zettle_headers, zettle_test
from tillgate.domain.errors import UnreadableDeliveryError
from tillgate.domain.provider import Handshake, Hook
from tillgate.providers.zettle import Zettle

SIGNATURE = "x-izettle-signature"
# Computed by two independent implementations: PROVIDERS.md.
VECTOR_KEY = "zLzClQLQN8yfH8aEjONeXzgJRAHR0zpD7RonFCpizujCUCectBlln0vFArTbLPYa"
VECTOR_BODY = zettle_body(payload='{"data":"payload"}', timestamp="2021-04-19T13:17:56.585Z")
VECTOR = {SIGNATURE: "d56fda929734a5a2e59fd20aa64ff4177fe7a0760ff8c41b21e97b5eb9aabff2"}
TIMESTAMPS = TEXT.filter(lambda text: bool(text) and "{" not in text)
PAYLOADS = TEXT.map("{".__add__)


def verifies(body: bytes, headers: dict[str, str], key: str = ZETTLE_KEY) -> bool:
    return Zettle().verify(hook_request(body, headers), key)


def handshake(body: bytes, headers: dict[str, str] | None = None) -> Handshake | None:
    return Zettle().handshake(
        Hook(
            hook_id=str(uuid.uuid4()),
            provider="zettle",
            endpoint_id="x",
            headers=headers or {},
            body=body,
            received_at=datetime(2026, 11, 23, tzinfo=UTC),
            rid="r",
        )
    )


def test_the_vector_verifies_years_after_its_timestamp() -> None:
    assert verifies(VECTOR_BODY, VECTOR, VECTOR_KEY)
    assert verifies(VECTOR_BODY, {SIGNATURE: VECTOR[SIGNATURE].upper()}, VECTOR_KEY)


def test_another_key_timestamp_or_payload_does_not() -> None:
    payload, timestamp = '{"data":"payload"}', "2021-04-19T13:17:56.585Z"

    assert not verifies(VECTOR_BODY, VECTOR, VECTOR_KEY.lower())
    assert not verifies(zettle_body(payload=payload, timestamp=timestamp + " "), VECTOR, VECTOR_KEY)
    assert not verifies(zettle_body(payload=payload + " ", timestamp=timestamp), VECTOR, VECTOR_KEY)
    assert not verifies(
        zettle_body(payload={"data": "payload"}, timestamp=timestamp), VECTOR, VECTOR_KEY
    )


@given(JSON_OBJECTS, TEXT, TEXT)
def test_nothing_but_timestamp_and_payload_is_signed(
    more: dict[str, object], message_id: str, merchant: str
) -> None:
    others = {name: value for name, value in more.items() if name not in {"timestamp", "payload"}}
    headers = zettle_headers(zettle_body())

    assert verifies(zettle_body(message_id, merchant=merchant, more=others), headers)


@given(timestamp=TIMESTAMPS, payload=PAYLOADS, key=TEXT)
def test_any_signed_delivery_verifies_with_its_own_key_only(
    timestamp: str, payload: str, key: str
) -> None:
    body = zettle_body(timestamp=timestamp, payload=payload)
    headers = zettle_headers(body, key=key)

    assert verifies(body, headers, key)
    assert not verifies(body, headers, key + "x")


def test_a_payload_is_signed_as_its_text_and_not_as_what_it_says() -> None:
    one, other = zettle_body(payload='{"a":1}'), zettle_body(payload='{"a": 1}')

    assert verifies(one, zettle_headers(one))
    assert not verifies(other, zettle_headers(one))


@given(st.data())
def test_the_signed_text_can_be_taken_apart_in_one_way_only(data: st.DataObject) -> None:
    signed = data.draw(
        st.text(st.sampled_from("a.{}:"), min_size=3).filter(lambda text: text.count(".") > 1)
    )
    dots = [n for n, character in enumerate(signed) if character == "."]
    bodies = [zettle_body(timestamp=signed[:n], payload=signed[n + 1 :]) for n in dots]

    assert sum(verifies(body, zettle_headers(body)) for body in bodies) <= 1


def test_a_dot_of_the_timestamp_is_not_the_one_between() -> None:
    moved = zettle_body(timestamp="2021-04-19T13:17:56", payload='585Z.{"data":"payload"}')

    assert zettle_headers(moved, key=VECTOR_KEY) == VECTOR
    assert not verifies(moved, VECTOR, VECTOR_KEY)


@pytest.mark.parametrize(
    "fields",
    [
        {"timestamp": ""},
        {"timestamp": None},
        {"timestamp": 1535747267},
        {"timestamp": ["2026"]},
        {"payload": ""},
        {"payload": None},
        {"payload": "[]"},
        {"payload": " {}"},
        {"payload": ["{}"]},
        {"timestamp": "{"},
    ],
)
def test_without_both_no_signature_is_good(fields: dict[str, Any]) -> None:
    body = zettle_body(**fields)

    assert not verifies(body, zettle_headers(body))


@pytest.mark.parametrize(
    "body",
    [b"", b"no json", b"\xff\xfe{}", b"[]", b"{}", b'{"payload":' * 10_000, b'{"a":1,"a":1}'],
)
def test_what_is_no_object_is_refused(body: bytes) -> None:
    assert not verifies(body, VECTOR, VECTOR_KEY)


@pytest.mark.parametrize("escape", ["\ud800", "\0", "\udc00\ud800"])
def test_what_no_text_can_carry_is_answered(escape: str) -> None:
    body = zettle_body(timestamp=escape, payload="{" + escape)

    assert verifies(body, zettle_headers(body))
    assert Zettle().split(hook_request(body, {}))[0].entity_id is None


@given(st.data())
def test_one_changed_digit_of_the_signature_is_refused(data: st.DataObject) -> None:
    signature = VECTOR[SIGNATURE]
    at = data.draw(st.integers(0, len(signature) - 1))
    other = data.draw(st.characters().filter(lambda c: c.lower().strip() != signature[at]))
    changed = signature[:at] + other + signature[at + 1 :]

    assert not verifies(VECTOR_BODY, {SIGNATURE: changed}, VECTOR_KEY)


@pytest.mark.parametrize("signature", ["", " ", "0x", "é", "\ud800", "0" * 64, "A" * 9_000])
def test_a_malformed_signature_is_refused(signature: str) -> None:
    assert not verifies(VECTOR_BODY, {SIGNATURE: signature}, VECTOR_KEY)
    assert not verifies(VECTOR_BODY, {}, VECTOR_KEY)


def test_a_delivery_is_one_event_with_the_envelope_as_it_came() -> None:
    body = zettle_body("ze-9")

    [item] = Zettle().split(hook_request(body, {}))

    assert (item.key, item.type, item.merchant_id) == ("ze-9", "PurchaseCreated", "org-1")
    assert (item.entity_id, item.entity_version) == ("pu-7", None)
    assert item.occurred_at == "2026-11-23T09:59:58.500Z"
    assert item.data == item.identity == json.loads(body)


@pytest.mark.parametrize(
    ("payload", "entity_id"),
    [
        ({"purchaseUuid": "p", "uuid": "u"}, "p"),
        ({"uuid": "u", "name": "Flat white"}, "u"),
        ({"productUuid": "t"}, "t"),
        ({"newEntity": {"uuid": "n"}, "oldEntity": {"uuid": "o"}}, "n"),
        ({"newEntity": "x"}, None),
        ({"uuid": {}}, None),
        ({}, None),
    ],
)
def test_an_event_is_about_what_its_payload_names(
    payload: dict[str, object], entity_id: str | None
) -> None:
    body = zettle_body(payload=json.dumps(payload))

    assert Zettle().split(hook_request(body, {}))[0].entity_id == entity_id


@pytest.mark.parametrize("payload", ["{", "[]", "null", '{"uuid":1,"uuid":2}', "{" * 100_000])
def test_a_payload_that_cannot_be_read_is_kept_all_the_same(payload: str) -> None:
    [item] = Zettle().split(hook_request(zettle_body(payload=payload), {}))

    assert (item.key, item.entity_id, item.data["payload"]) == ("ze-1", None, payload)


def test_under_the_same_id_another_name_or_merchant_is_another_event() -> None:
    [one] = Zettle().split(hook_request(zettle_body(), {}))

    for changed in (zettle_body(eventName="PurchaseDeleted"), zettle_body(merchant="org-2")):
        [other] = Zettle().split(hook_request(changed, {}))
        assert (other.key == one.key, other.identity == one.identity) == (True, False)


def test_what_is_missing_or_of_another_kind_is_left_out() -> None:
    body = b'{"messageId":7,"eventName":[],"timestamp":"soon","payload":{}}'

    [item] = Zettle().split(hook_request(body, {}))

    assert (item.key, item.type, item.merchant_id) == ("", "unknown", None)
    assert (item.entity_id, item.occurred_at) == (None, None)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff", b'{"a":1,"a":2}', b"a=1"])
def test_what_is_no_object_cannot_be_read(body: bytes) -> None:
    with pytest.raises(UnreadableDeliveryError):
        Zettle().split(hook_request(body, {}))


@pytest.mark.parametrize("signature", [None, "", "0" * 64, "\ud800"])
def test_a_test_message_is_a_handshake_without_a_code_signed_or_not(signature: str | None) -> None:
    headers = {} if signature is None else {SIGNATURE: signature}

    assert handshake(zettle_test(), headers) == Handshake(code=None)


@pytest.mark.parametrize("signature", ["", "0" * 64])
def test_what_calls_itself_a_test_message_over_a_text_is_a_delivery(signature: str) -> None:
    body = zettle_test(payload='{"data":"payload"}')

    assert handshake(body, {SIGNATURE: signature}) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'"TestMessage"',
        b'["TestMessage"]',
        b'{"eventName":"TestMessage"}',
        b'{"eventName":"TestMessage","payload":null}',
        b'{"eventName":"TestMessage","payload":[]}',
        b'{"eventName":"TestMessage","eventName":"TestMessage","payload":{}}',
        b'{"eventName":["TestMessage"],"payload":{}}',
        zettle_test(eventName="testmessage"),
        zettle_test(eventName="PurchaseCreated", note="TestMessage"),
        zettle_test().ljust(1025),
        zettle_body(),
    ],
)
def test_what_is_no_test_message_is_none(body: bytes) -> None:
    assert handshake(body) is None


@given(ANY_BODY | ANY_TEXT.map(lambda text: zettle_test(eventName=text)), ANY_TEXT)
def test_any_body_is_a_handshake_or_none(body: bytes, signature: str) -> None:
    assert handshake(body, {SIGNATURE: signature}) in {None, Handshake(code=None)}
