"""One delivery of any vendor, by the vendor's name: what tests send that hold for all of them.

Another vendor is a function and a line of VENDORS; what it signs stands in ``tests/vendors.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.vendors import (
    CLOVER_CODE,
    LIGHTSPEED_SECRET,
    SHOPIFY_SECRET,
    SQUARE_KEY,
    STANDARD_SECRET,
    STRIPE_SECRET,
    SUMUP_SECRET,
    TOAST_SECRET,
    clover_body,
    clover_headers,
    clover_update,
    lightspeed_body,
    lightspeed_headers,
    lightspeed_payload,
    shopify_body,
    shopify_headers,
    square_body,
    square_headers,
    standard_body,
    standard_headers,
    stripe_body,
    stripe_headers,
    sumup_body,
    sumup_headers,
    toast_body,
    toast_headers,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """``key`` tells the event from others; ``url`` is as registered; ``sent_at`` this attempt's.

    ``n`` counts the attempts, for what a vendor changes in a body that it sends again.
    """

    key: str
    merchant: str
    url: str
    secret: str
    sent_at: datetime
    n: int = 1


Delivery = tuple[bytes, dict[str, str]]


def _square(asked: Asked) -> Delivery:
    body = square_body(asked.key, merchant_id=asked.merchant)
    return body, square_headers(body, url=asked.url, key=asked.secret)


def _shopify(asked: Asked) -> Delivery:
    body = shopify_body(note=asked.key)
    return body, shopify_headers(
        body, webhook_id=asked.key, shop=asked.merchant, secret=asked.secret
    )


def _toast(asked: Asked) -> Delivery:
    body = toast_body(asked.key, restaurant=asked.merchant)
    headers = toast_headers(body, secret=asked.secret)
    return body, headers | {"toast-attempt-number": str(asked.n)}


def _clover(asked: Asked) -> Delivery:
    updates: dict[str, Any] = {asked.merchant: [clover_update(f"O:{asked.key}")]}
    return clover_body(**updates), clover_headers(code=asked.secret)


def _lightspeed(asked: Asked) -> Delivery:
    body = lightspeed_body(lightspeed_payload(asked.key), domain_prefix=asked.merchant)
    return body, lightspeed_headers(body, secret=asked.secret)


def _sumup(asked: Asked) -> Delivery:
    body = sumup_body(asked.key, merchant_code=asked.merchant)
    return body, sumup_headers(body, secret=asked.secret)


def _stripe(asked: Asked) -> Delivery:
    body = stripe_body(asked.key, account=asked.merchant, pending_webhooks=max(3 - asked.n, 0))
    return body, stripe_headers(body, sent_at=asked.sent_at, secret=asked.secret)


def _standard(asked: Asked) -> Delivery:
    body = standard_body()
    return body, standard_headers(
        body, sent_at=asked.sent_at, message_id=asked.key, secret=asked.secret
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """``merchant`` is who a delivery is of, in the vendor's words; None where it names nobody.

    ``signature`` is the header that says who sent it, and ``other_algorithm`` makes its value
    name another. ``another_secret`` could be the vendor's as well, and is not. ``signs_url`` and
    ``signs_sending`` say what is signed beside the body.
    """

    deliver: Callable[[Asked], Delivery]
    secret: str
    signature: str
    merchant: str | None = "M1"
    another_secret: str = "another-secret"
    other_algorithm: Callable[[str], str] = "sha1=".__add__
    signs_body: bool = True
    signs_url: bool = False
    signs_sending: bool = False

    def delivery(
        self,
        key: str = "e-1",
        *,
        url: str,
        sent_at: datetime,
        merchant: str | None = None,
        secret: str | None = None,
        n: int = 1,
    ) -> Delivery:
        """Give body and headers of the n-th attempt to deliver one event."""
        return self.deliver(
            Asked(
                key=key,
                merchant=merchant or self.merchant or "",
                url=url,
                secret=secret or self.secret,
                sent_at=sent_at,
                n=n,
            )
        )


VENDORS = {
    "square": Vendor(
        deliver=_square,
        secret=SQUARE_KEY,
        signature="x-square-hmacsha256-signature",
        signs_url=True,
    ),
    "shopify": Vendor(
        deliver=_shopify,
        secret=SHOPIFY_SECRET,
        signature="x-shopify-hmac-sha256",
        merchant="one.myshopify.com",
    ),
    "toast": Vendor(
        deliver=_toast, secret=TOAST_SECRET, signature="toast-signature", merchant="rest-1"
    ),
    "clover": Vendor(
        deliver=_clover, secret=CLOVER_CODE, signature="x-clover-auth", signs_body=False
    ),
    "lightspeed": Vendor(
        deliver=_lightspeed,
        secret=LIGHTSPEED_SECRET,
        signature="x-signature",
        merchant="corner",
        other_algorithm=lambda value: value.replace("SHA256", "SHA512"),
    ),
    "sumup": Vendor(
        deliver=_sumup, secret=SUMUP_SECRET, signature="x-payload-signature", merchant="MC1"
    ),
    "stripe": Vendor(
        deliver=_stripe,
        secret=STRIPE_SECRET,
        signature="stripe-signature",
        merchant="acct_1",
        another_secret="whsec_another",
        other_algorithm=lambda value: value.replace("v1=", "v0="),
        signs_sending=True,
    ),
    "standard": Vendor(
        deliver=_standard,
        secret=STANDARD_SECRET,
        signature="webhook-signature",
        merchant=None,
        another_secret="whsec_YW5vdGhlcg==",
        other_algorithm=lambda value: value.replace("v1,", "v1a,"),
        signs_sending=True,
    ),
}
