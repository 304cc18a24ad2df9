from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import JSON_OBJECTS
from tests.unit.providers.hook_requests import NOW, hook_request
from tests.vendors import (
    SUMUP_SECRET,
    mac_base64,
    mac_hex,
    sumup_body,
    sumup_headers,
    sumup_newer_headers,
)
from tillgate.domain.errors import UnreadableDeliveryError
from tillgate.providers.sumup import SumUp

SIGNATURE = "x-payload-signature"
# RFC 4231, test case 2: what HMAC-SHA256 is, whoever uses it.
RFC_4231 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
MAC_WITH_A_DOT = mac_hex(SUMUP_SECRET.encode(), f"{int(NOW.timestamp())}.".encode() + sumup_body())
# As https://developer.sumup.com/webhook-docs/events shows one.
CHECKOUT = (
    b'{"id":"c56dc7d23e1dad876cb1e2954854db9e","event_type":"checkout.status.updated",'
    b'"payload":{"checkout_id":"e24bab0f","reference":"6bda4155","status":"FAILED"},'
    b'"timestamp":"2024-09-12T12:43:24.818+00:00"}'
)


def verifies(body: bytes, signature: str, secret: str = SUMUP_SECRET) -> bool:
    return SumUp().verify(hook_request(body, {SIGNATURE: signature}), secret)


def test_the_rfc_s_vector_verifies() -> None:
    assert verifies(b"what do ya want for nothing?", RFC_4231, "Jefe")
    assert verifies(b"what do ya want for nothing?", RFC_4231.upper(), "Jefe")
    assert not verifies(b"what do ya want for nothing", RFC_4231, "Jefe")
    assert not verifies(b"what do ya want for nothing?", RFC_4231, "jefe")


@given(JSON_OBJECTS, st.data())
def test_one_changed_byte_is_refused(more: dict[str, object], data: st.DataObject) -> None:
    body = sumup_body(more=more)
    at = data.draw(st.integers(0, len(body) - 1))
    changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
    headers = sumup_headers(body)

    assert verifies(body, headers[SIGNATURE])
    assert not verifies(changed, headers[SIGNATURE])


@given(st.data())
def test_one_changed_character_of_the_signature_is_refused(data: st.DataObject) -> None:
    signature = sumup_headers(sumup_body())[SIGNATURE]
    at = data.draw(st.integers(0, len(signature) - 1))
    same = signature[at].lower() + signature[at].upper() + " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"
    other = data.draw(st.characters(exclude_characters=same, exclude_categories=["Zs", "Zl", "Zp"]))

    assert not verifies(sumup_body(), signature[:at] + other + signature[at + 1 :])


def test_another_encoding_or_algorithm_is_refused() -> None:
    body, key = sumup_body(), SUMUP_SECRET.encode()

    assert not verifies(body, mac_base64(key, body))
    assert not verifies(body, hmac.new(key, body, hashlib.sha512).hexdigest())
    assert not verifies(body, f"sha256={sumup_headers(body)[SIGNATURE]}")


def verifies_newer(
    body: bytes, signed: bytes, *, seconds: float = 0, secret: str = SUMUP_SECRET
) -> bool:
    headers = sumup_newer_headers(signed, sent_at=NOW + timedelta(seconds=seconds))
    return SumUp().verify(hook_request(body, headers), secret)


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_the_newer_header_signs_the_time_of_sending_too(seconds: int) -> None:
    body = sumup_body()

    assert verifies_newer(body, body, seconds=seconds)
    assert not verifies_newer(body + b" ", body, seconds=seconds)
    assert not verifies_newer(body, body, seconds=seconds, secret="another")


@pytest.mark.parametrize("seconds", [-301, 301])
def test_an_older_or_later_delivery_is_refused_well_signed_or_not(seconds: int) -> None:
    assert not verifies_newer(b"{}", b"{}", seconds=seconds)


def test_the_newer_header_is_the_one_that_counts() -> None:
    body = sumup_body()
    newer = sumup_newer_headers(body, sent_at=NOW)
    forged = {"x-sumup-webhook-signature": newer["x-sumup-webhook-signature"] + "0"}
    stripe_s = {"x-sumup-webhook-signature": f"t={int(NOW.timestamp())},v1={MAC_WITH_A_DOT}"}

    assert SumUp().verify(hook_request(body, newer | {SIGNATURE: "00"}), SUMUP_SECRET)
    for headers in (forged, stripe_s):
        assert not SumUp().verify(hook_request(body, headers | sumup_headers(body)), SUMUP_SECRET)


def test_an_event_of_the_newer_kind_names_the_object() -> None:
    body = (
        b'{"id":"ev-1","type":"checkouts.paid","created_at":"2026-11-23T09:59:58Z",'
        b'"object":{"id":"co-7","type":"checkout","url":"https://api.sumup.com/v0.1/checkouts/co-7"}}'
    )

    [item] = SumUp().split(hook_request(body, {}))

    assert (item.key, item.type, item.entity_id) == ("ev-1", "checkouts.paid", "co-7")
    assert (item.merchant_id, item.occurred_at) == (None, "2026-11-23T09:59:58Z")


def test_a_card_reader_s_payment_is_one_event() -> None:
    [item] = SumUp().split(hook_request(sumup_body("su-9"), {}))

    assert (item.key, item.type) == ("su-9", "solo.transaction.updated")
    assert (item.merchant_id, item.entity_id) == ("MC1", "ctx-7")
    assert item.occurred_at == "2026-11-23T09:59:58.500+00:00"
    assert item.data == item.identity


def test_a_checkout_s_event_names_no_merchant() -> None:
    [item] = SumUp().split(hook_request(CHECKOUT, {}))

    assert (item.key, item.type) == (
        "c56dc7d23e1dad876cb1e2954854db9e",
        "checkout.status.updated",
    )
    assert (item.merchant_id, item.entity_id) == (None, "e24bab0f")


def test_an_id_may_be_a_number() -> None:
    assert SumUp().split(hook_request(b'{"id":17}', {}))[0].key == "17"


def test_what_is_missing_or_of_another_kind_is_left_out() -> None:
    body = b'{"id":[],"event_type":1,"payload":"x","timestamp":"soon"}'

    [item] = SumUp().split(hook_request(body, {}))

    assert (item.key, item.type, item.merchant_id) == ("", "unknown", None)
    assert (item.entity_id, item.occurred_at) == (None, None)


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{", b"\xff", b'{"a":1,"a":2}'])
def test_what_is_no_object_cannot_be_read(body: bytes) -> None:
    with pytest.raises(UnreadableDeliveryError):
        SumUp().split(hook_request(body, {}))
