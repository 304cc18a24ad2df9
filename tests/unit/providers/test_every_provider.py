"""What holds for every vendor, the eleventh too: any delivery gets an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.strategies import ANY_BODY, ANY_TEXT
from tests.unit.providers.half_valid import ADYEN_BODIES
from tests.unit.providers.hook_requests import hook_request
from tillgate.domain.errors import UnreadableDeliveryError
from tillgate.providers import PROVIDERS

if TYPE_CHECKING:
    from tillgate.domain.provider import HookItem, Provider

HEADER_NAMES = [
    "x-square-hmacsha256-signature",
    "x-shopify-hmac-sha256",
    "x-shopify-webhook-id",
    "x-shopify-event-id",
    "x-shopify-topic",
    "x-shopify-shop-domain",
    "toast-signature",
    "toast-restaurant-external-id",
    "x-clover-auth",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "stripe-signature",
    "x-payload-signature",
    "x-sumup-webhook-signature",
    "x-signature",
    "x-izettle-signature",
]
SIGNATURES = [
    "v1,", "v1,=", "v1, v1,\ud800", "1795428000", "=" * 44, "é" * 44, "0" * 64, "é" * 64,
    "t=1795428000,v1=", "t=1795428000,v1=\ud800,v1", "t=,v1=", ",=,", "t=1795428000,v0=0",
    "signature=,algorithm=HMAC-SHA256", "signature=\ud800,algorithm=HMAC-SHA256",
    "algorithm=HMAC-SHA256,signature", "signature=0,algorithm=none",
]  # fmt: skip
HEADERS = st.dictionaries(
    st.sampled_from(HEADER_NAMES),
    ANY_TEXT | st.sampled_from(SIGNATURES),
)
SECRETS = st.sampled_from(["", "whsec_", "whsec_====", "whsec_c2VjcmV0", "secret", "é"]) | st.text(
    st.characters(exclude_categories=["Cs"])
)
every_provider = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)


@every_provider
@given(body=ANY_BODY | ADYEN_BODIES, headers=HEADERS, secret=SECRETS)
def test_any_delivery_is_verified_or_refused(
    provider: Provider, body: bytes, headers: dict[str, str], secret: str
) -> None:
    # Clover's secret is what it sends: guessed right, it is right.
    assume(headers.get("x-clover-auth") != secret)

    assert provider.verify(hook_request(body, headers), secret) is False


@every_provider
@given(body=ANY_BODY | ADYEN_BODIES, headers=HEADERS)
def test_any_delivery_is_split_or_cannot_be_read(
    provider: Provider, body: bytes, headers: dict[str, str]
) -> None:
    items: list[HookItem] = []
    unreadable = False
    try:
        items.extend(provider.split(hook_request(body, headers)))
    except UnreadableDeliveryError:
        unreadable = True

    assert bool(items) is not unreadable


@every_provider
def test_a_delivery_nested_too_deep_cannot_be_read(provider: Provider) -> None:
    with pytest.raises(UnreadableDeliveryError):
        provider.split(hook_request(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, {}))


@every_provider
def test_an_unsigned_delivery_is_refused(provider: Provider) -> None:
    assert provider.verify(hook_request(b"{}", {}), "secret") is False


def test_each_is_known_by_the_name_in_its_url() -> None:
    assert [provider.name for provider in PROVIDERS.values()] == list(PROVIDERS)
