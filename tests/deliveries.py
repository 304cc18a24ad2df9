"""One delivery of any vendor, by the vendor's name: what tests send that hold for all of them.

Another vendor is a function and a line of VENDORS; what it signs stands in ``tests/vendors.py``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.vendors import (
    ADYEN_KEY,
    CLOVER_CODE,
    LIGHTSPEED_SECRET,
    SHOPIFY_SECRET,
    SQUARE_KEY,
    STANDARD_SECRET,
    STRIPE_SECRET,
    SUMUP_SECRET,
    TOAST_SECRET,
    ZETTLE_KEY,
    adyen_body,
    adyen_item,
    adyen_signed,
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
    zettle_body,
    zettle_headers,
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


def _adyen(asked: Asked) -> Delivery:
    item = adyen_item(asked.key, account=asked.merchant)
    return adyen_body(adyen_signed(item, key=asked.secret)), {}


def _zettle(asked: Asked) -> Delivery:
    body = zettle_body(asked.key, merchant=asked.merchant)
    return body, zettle_headers(body, key=asked.secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """``merchant`` is who a delivery is of, in the vendor's words; None where it names nobody.

    ``signature`` is the header, or the member of each signed object in the body, that says who
    sent it, and ``other_algorithm`` makes its value name another. ``another_secret`` could be
    the vendor's as well, and is not. ``signs_url`` and ``signs_sending`` say what is signed
    beside the body. Who signs some fields of it has tests of its own for what those are.
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

    def resigned(self, sent: Delivery, change: Callable[[str], str | None]) -> Delivery:
        """Give the delivery with its signature changed; None takes it out."""
        body, headers = sent
        if self.signature in headers:
            value = change(headers[self.signature])
            kept = {name: held for name, held in headers.items() if name != self.signature}
            return body, kept if value is None else kept | {self.signature: value}

        def changed(members: dict[str, Any]) -> dict[str, Any]:
            if self.signature in members:
                value = change(members.pop(self.signature))
                if value is not None:
                    members[self.signature] = value
            return members

        return json.dumps(json.loads(body, object_hook=changed)).encode(), headers


VENDORS = {
    "adyen": Vendor(
        deliver=_adyen,
        secret=ADYEN_KEY,
        signature="hmacSignature",
        another_secret=ADYEN_KEY[::-1],
        signs_body=False,
    ),
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
    "zettle": Vendor(
        deliver=_zettle,
        secret=ZETTLE_KEY,
        signature="x-izettle-signature",
        merchant="org-1",
        signs_body=False,
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
