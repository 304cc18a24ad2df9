from __future__ import annotations

import pytest
from hypothesis import given

from tests.strategies import JSON_OBJECTS
from tests.unit.providers.hook_requests import hook_request
from tests.vendors import SHOPIFY_SECRET, shopify_body, shopify_headers
from tillgate.domain.errors import UnreadableDeliveryError
from tillgate.providers.shopify import Shopify

SIGNATURE = "x-shopify-hmac-sha256"
# Computed by two independent implementations: PROVIDERS.md.
VECTOR_BODY = b'{"id":820982911946154508,"email":"jon@example.com","total_price":"403.00"}'
VECTOR = {SIGNATURE: "U1ccMjH2FYDvXHngNSLFAi0QhStcm696l5sTvIkdLr8="}


def test_the_vector_verifies() -> None:
    assert Shopify().verify(hook_request(VECTOR_BODY, VECTOR), "hush")


def test_another_secret_or_body_does_not() -> None:
    assert not Shopify().verify(hook_request(VECTOR_BODY, VECTOR), "Hush")
    assert not Shopify().verify(hook_request(VECTOR_BODY + b"\n", VECTOR), "hush")


def test_the_url_is_not_signed() -> None:
    request = hook_request(VECTOR_BODY, VECTOR, url="https://elsewhere.example")

    assert Shopify().verify(request, "hush")


@given(JSON_OBJECTS)
def test_any_signed_body_verifies_with_its_own_secret_only(
    more: dict[str, object],
) -> None:
    body = shopify_body(more=more)
    request = hook_request(body, shopify_headers(body))

    assert Shopify().verify(request, SHOPIFY_SECRET)
    assert not Shopify().verify(request, SHOPIFY_SECRET + "x")


def test_id_topic_and_shop_are_in_the_headers() -> None:
    body = shopify_body()

    [item] = Shopify().split(hook_request(body, shopify_headers(body)))

    assert (item.key, item.type) == ("sh-1", "orders/create")
    assert item.merchant_id == "one.myshopify.com"
    assert item.entity_id == "820982911946154508"
    assert item.occurred_at == "2026-11-23T05:00:00-05:00"
    assert item.data == item.identity


def test_the_time_of_the_last_change_goes_before_that_of_making() -> None:
    body = shopify_body(updated_at="2026-11-23T06:00:00-05:00")

    assert Shopify().split(hook_request(body, {}))[0].occurred_at == "2026-11-23T06:00:00-05:00"


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({"x-shopify-webhook-id": "w", "x-shopify-event-id": "e"}, "w"),
        ({"x-shopify-event-id": "e"}, "e"),
        ({"x-shopify-webhook-id": "", "x-shopify-event-id": "e"}, "e"),
        ({}, ""),
    ],
)
def test_the_id_is_the_webhook_s_or_else_the_event_s(headers: dict[str, str], key: str) -> None:
    assert Shopify().split(hook_request(b"{}", headers))[0].key == key


def test_what_is_missing_is_left_out() -> None:
    [item] = Shopify().split(hook_request(b"{}", {}))

    assert (item.type, item.merchant_id, item.entity_id) == ("unknown", None, None)
    assert item.occurred_at is None


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{]", b"\xff\xfe"])
def test_what_is_no_object_cannot_be_read(body: bytes) -> None:
    with pytest.raises(UnreadableDeliveryError):
        Shopify().split(hook_request(body, {}))
