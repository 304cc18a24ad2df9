from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from square.utils.webhooks_helper import verify_signature

from tests.strategies import JSON_OBJECTS, TEXT
from tests.unit.providers.hook_requests import URL, hook_request
from tests.vendors import SQUARE_KEY, square_body, square_headers
from tillgate.domain.errors import UnreadableDeliveryError
from tillgate.providers.square import Square

SIGNATURE = "x-square-hmacsha256-signature"
# From the vendor's documents and its SDK's test suite: PROVIDERS.md.
VECTORS = [
    (
        "Ibxx_5AKakO-3qeNVR61Dw",
        "https://webhook.site/679a4f3a-dcfa-49ee-bac5-9d0edad886b9",
        (
            b'{"merchant_id":"MLEFBHHSJGVHD","type":"webhooks.test_notification",'
            b'"event_id":"ac3ac95b-f97d-458c-a6e6-18981597e05f",'
            b'"created_at":"2022-07-13T20:30:59.037339943Z",'
            b'"data":{"type":"webhooks","id":"bc368e64-01aa-407e-b46e-3231809b1129"}}'
        ),
        "GF4YkrJgGBDZ9NIYbNXBnMzqb2HoL4RW/S6vkZ9/2N4=",
    ),
    (
        "signature-key",
        "https://webhook.site/webhooks",
        b'{"data":{"type":"webhooks","id":">id<"}}',
        "Cxt7+aTi4rKgcA0bC4g9EHdVtLSDWdqccmL5MvihU4U=",
    ),
]


@pytest.mark.parametrize(("key", "url", "body", "signature"), VECTORS)
def test_the_vendor_s_vectors_verify(key: str, url: str, body: bytes, signature: str) -> None:
    assert Square().verify(hook_request(body, {SIGNATURE: signature}, url=url), key)


@pytest.mark.parametrize(("key", "url", "body", "signature"), VECTORS)
def test_another_key_url_or_body_does_not(key: str, url: str, body: bytes, signature: str) -> None:
    headers = {SIGNATURE: signature}

    assert not Square().verify(hook_request(body, headers, url=url), key + "x")
    assert not Square().verify(hook_request(body, headers, url=url + "/"), key)
    assert not Square().verify(hook_request(body + b" ", headers, url=url), key)
    assert not Square().verify(hook_request(body[:-1], headers, url=url), key)


@given(body=TEXT, key=TEXT.filter(bool), url=TEXT.filter(bool), honest=st.booleans())
def test_the_vendor_s_own_sdk_agrees(body: str, key: str, url: str, *, honest: bool) -> None:
    body = body or "{}"
    headers = square_headers(body.encode(), url=url, key=key if honest else key + "x")
    oracle = verify_signature(
        request_body=body,
        signature_header=headers[SIGNATURE],
        signature_key=key,
        notification_url=url,
    )

    assert Square().verify(hook_request(body.encode(), headers, url=url), key) is oracle is honest


@given(JSON_OBJECTS.map(lambda more: square_body(more=more)), st.data())
def test_one_changed_byte_is_refused(body: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(body) - 1))
    changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
    headers = square_headers(body, url=URL)

    assert Square().verify(hook_request(body, headers), SQUARE_KEY)
    assert not Square().verify(hook_request(changed, headers), SQUARE_KEY)


@given(st.data())
def test_one_changed_character_of_the_signature_is_refused(data: st.DataObject) -> None:
    body = square_body()
    signature = square_headers(body, url=URL)[SIGNATURE]
    at = data.draw(st.integers(0, len(signature) - 1))
    other = data.draw(st.characters(exclude_characters=signature[at] + " \t\n\r\x0b\x0c"))
    changed = signature[:at] + other + signature[at + 1 :]

    assert not Square().verify(hook_request(body, {SIGNATURE: changed}), SQUARE_KEY)


def test_the_older_sha_1_signature_is_not_taken() -> None:
    headers = {"x-square-signature": square_headers(square_body(), url=URL)[SIGNATURE]}

    assert not Square().verify(hook_request(square_body(), headers), SQUARE_KEY)


def test_a_delivery_is_one_event() -> None:
    [item] = Square().split(hook_request(square_body("sq-9"), {}))

    assert (item.key, item.type, item.merchant_id) == ("sq-9", "payment.updated", "M1")
    assert (item.entity_id, item.entity_version) == ("pay-7", "4")
    assert item.occurred_at == "2026-11-23T09:59:58.5Z"
    assert item.data == item.identity


def test_a_location_stands_in_for_the_merchant() -> None:
    body = b'{"event_id":"e","location_id":"L1"}'

    assert Square().split(hook_request(body, {}))[0].merchant_id == "L1"


def test_what_is_missing_or_of_another_kind_is_left_out() -> None:
    body = b'{"event_id":7,"type":[],"merchant_id":{},"data":"x","created_at":"soon"}'

    [item] = Square().split(hook_request(body, {}))

    assert (item.key, item.type, item.merchant_id) == ("", "unknown", None)
    assert (item.entity_id, item.entity_version, item.occurred_at) == (None, None, None)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff", b'{"a":1,"a":2}', b"a=1"])
def test_what_is_no_object_cannot_be_read(body: bytes) -> None:
    with pytest.raises(UnreadableDeliveryError):
        Square().split(hook_request(body, {}))
