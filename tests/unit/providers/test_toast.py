from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import JSON_OBJECTS, TEXT
from tests.unit.providers.hook_requests import hook_request
from tests.vendors import TOAST_SECRET, mac_base64, toast_body, toast_headers
from tillgate.domain.errors import UnreadableDeliveryError
from tillgate.providers.toast import Toast

SIGNATURE = "toast-signature"
# Computed by two independent implementations.
VECTOR_BODY = (
    b'{"timestamp":"2018-08-31T20:27:47.000Z","eventCategory":"stock",'
    b'"eventType":"out_of_stock","guid":"f3a1c5a0-7c3f-4d2e-9b7a-1f0d2c3b4a59",'
    b'"details":{"restaurantGuid":"0a1b2c3d-1111-2222-3333-444455556666"}}'
)
VECTOR = {SIGNATURE: "bPWMSONwdgqUY6g1qXSiLrJmIImlhCKNBKW7GfaEQbk="}


def verifies(body: bytes, headers: dict[str, str], secret: str = TOAST_SECRET) -> bool:
    return Toast().verify(hook_request(body, headers), secret)


def test_the_vector_verifies_years_after_its_timestamp() -> None:
    assert verifies(VECTOR_BODY, VECTOR, "toast-secret")


def test_another_secret_or_body_does_not() -> None:
    assert not verifies(VECTOR_BODY, VECTOR, "Toast-secret")
    assert not verifies(VECTOR_BODY + b"\n", VECTOR, "toast-secret")
    assert not verifies(VECTOR_BODY[:-1], VECTOR, "toast-secret")


def test_neither_the_url_nor_the_restaurant_s_header_is_signed() -> None:
    headers = {**VECTOR, "toast-restaurant-external-id": "another"}
    request = hook_request(VECTOR_BODY, headers, url="https://elsewhere.example")

    assert Toast().verify(request, "toast-secret")


def test_the_body_alone_is_not_what_is_signed() -> None:
    body = toast_body()

    assert not verifies(body, {SIGNATURE: mac_base64(TOAST_SECRET.encode(), body)})


@given(more=JSON_OBJECTS, timestamp=TEXT.filter(bool), secret=TEXT)
def test_any_signed_body_verifies_with_its_own_secret_only(
    more: dict[str, object], timestamp: str, secret: str
) -> None:
    body = toast_body(more=more, timestamp=timestamp)
    headers = toast_headers(body, timestamp=timestamp, secret=secret)

    assert verifies(body, headers, secret)
    assert not verifies(body, headers, secret + "x")


@given(JSON_OBJECTS.map(lambda more: toast_body(more=more)), st.data())
def test_one_changed_byte_is_refused(body: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(body) - 1))
    changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
    headers = toast_headers(body)

    assert verifies(body, headers)
    assert not verifies(changed, headers)


@given(st.data())
def test_one_changed_character_of_the_signature_is_refused(data: st.DataObject) -> None:
    body = toast_body()
    signature = toast_headers(body)[SIGNATURE]
    at = data.draw(st.integers(0, len(signature) - 1))
    other = data.draw(st.characters(exclude_characters=signature[at] + " \t\n\r\x0b\x0c"))
    changed = signature[:at] + other + signature[at + 1 :]

    assert not verifies(body, {SIGNATURE: changed})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"\xff\xfe{}",
        b"[]",
        b'"2026"',
        b"{}",
        b'{"timestamp":""}',
        b'{"timestamp":null}',
        b'{"timestamp":1535747267}',
        b'{"timestamp":["2026"]}',
        b'{"timestamp":"a","timestamp":""}',
        b'{"details":{"timestamp":"2026"}}',
        b'{"timestamp":' * 10_000,
    ],
)
@pytest.mark.parametrize("timestamp", ["", "2026", "1535747267", "None", "null"])
def test_without_a_timestamp_no_signature_is_good(body: bytes, timestamp: str) -> None:
    assert not verifies(body, toast_headers(body, timestamp=timestamp))


@pytest.mark.parametrize("escape", [b"\\ud800", b"\\u0000", b"\\udc00\\ud800"])
def test_a_timestamp_that_no_text_can_carry_is_answered(escape: bytes) -> None:
    body = b'{"timestamp":"' + escape + b'"}'

    assert not verifies(body, toast_headers(body))


@pytest.mark.parametrize("signature", ["", " ", "=", "é", "\ud800", "v1,", "A" * 44, "A" * 9_000])
def test_a_malformed_signature_is_refused(signature: str) -> None:
    assert not verifies(toast_body(), {SIGNATURE: signature})
    assert not verifies(toast_body(), {})


def test_a_delivery_is_one_event() -> None:
    [item] = Toast().split(hook_request(toast_body("to-9"), {}))

    assert (item.key, item.type, item.merchant_id) == ("to-9", "order_updated", "rest-1")
    assert (item.entity_id, item.entity_version) == ("order-7", None)
    assert item.occurred_at == "2026-11-23T09:59:58.500Z"
    assert item.data == item.identity


def test_the_restaurant_is_the_signed_one_whatever_the_header_says() -> None:
    headers = {"toast-restaurant-external-id": "another"}

    [named] = Toast().split(hook_request(toast_body(), headers))
    [unnamed] = Toast().split(hook_request(toast_body(details={}), headers))

    assert (named.merchant_id, unnamed.merchant_id) == ("rest-1", None)


@pytest.mark.parametrize(
    ("category", "kind", "type_"),
    [
        ("stock", "out_of_stock", "stock.out_of_stock"),
        ("order_updated", "order_updated", "order_updated"),
        ("stock", None, "stock"),
        ("", "out_of_stock", "out_of_stock"),
        (7, [], "unknown"),
    ],
)
def test_the_type_is_category_and_type(category: object, kind: object, type_: str) -> None:
    body = toast_body(eventCategory=category, eventType=kind)

    assert Toast().split(hook_request(body, {}))[0].type == type_


def test_what_is_missing_or_of_another_kind_is_left_out() -> None:
    body = b'{"guid":7,"details":"x","timestamp":"soon"}'

    [item] = Toast().split(hook_request(body, {}))

    assert (item.key, item.type, item.merchant_id) == ("", "unknown", None)
    assert (item.entity_id, item.entity_version, item.occurred_at) == (None, None, None)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff", b'{"a":1,"a":2}', b"a=1"])
def test_what_is_no_object_cannot_be_read(body: bytes) -> None:
    with pytest.raises(UnreadableDeliveryError):
        Toast().split(hook_request(body, {}))
