"""Deliveries of each provider, signed as the vendor signs them."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bench.workload import CONTENT_TYPE, data, gateway_event
from tests import vendors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.workload import Load

ROUTE = "POST /v1/hooks/{provider}/{endpoint_id}"
MERCHANT = "M-bench"
SHOP = "bench.myshopify.com"
SECRETS = {
    "clover": vendors.CLOVER_CODE,
    "lightspeed": vendors.LIGHTSPEED_SECRET,
    "shopify": vendors.SHOPIFY_SECRET,
    "square": vendors.SQUARE_KEY,
    "standard": vendors.STANDARD_SECRET,
    "stripe": vendors.STRIPE_SECRET,
    "sumup": vendors.SUMUP_SECRET,
    "toast": vendors.TOAST_SECRET,
}
# Who the merchant is, in each vendor's own words.
MERCHANTS = {
    "clover": MERCHANT,
    "lightspeed": MERCHANT,
    "shopify": SHOP,
    "square": MERCHANT,
    "standard": None,
    "stripe": MERCHANT,
    "sumup": MERCHANT,
    "toast": MERCHANT,
}


def notification_url(endpoint_id: str) -> str:
    return f"https://hooks.example.test/{endpoint_id}"


def hook_events(load: Load, calls: int, *, endpoints: Mapping[str, str]) -> list[dict[str, Any]]:
    """Make so many first deliveries of the load's provider; ``endpoints``: ids by provider."""
    endpoint_id = endpoints[load.provider]
    return [_hook(load, endpoint_id) for _ in range(calls)]


def _hook(load: Load, endpoint_id: str) -> dict[str, Any]:
    headers, body = _SIGNED[load.provider](load, endpoint_id)
    event = gateway_event(
        f"/v1/hooks/{load.provider}/{endpoint_id}",
        headers={**CONTENT_TYPE, **headers},
        body=body.decode(),
        route=ROUTE,
        path_parameters={"provider": load.provider, "endpoint_id": endpoint_id},
    )
    if event["headers"]["content-type"] != CONTENT_TYPE["content-type"]:
        # API Gateway takes a form for binary.
        event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return event


def _order(load: Load) -> str:
    # As text within text: what is signed and stored has the size that was asked for.
    return data(load.kilobytes)


def _clover(_load: Load, _endpoint_id: str) -> tuple[dict[str, str], bytes]:
    # Clover says which object changed, and never to what: its deliveries are small.
    updates: dict[str, Any] = {MERCHANT: [vendors.clover_update(f"O:{uuid.uuid4().hex}")]}
    body = vendors.clover_body(**updates)
    return vendors.clover_headers(), body


def _square(load: Load, endpoint_id: str) -> tuple[dict[str, str], bytes]:
    body = vendors.square_body(str(uuid.uuid4()), merchant_id=MERCHANT, order=_order(load))
    return vendors.square_headers(body, url=notification_url(endpoint_id)), body


def _shopify(load: Load, _endpoint_id: str) -> tuple[dict[str, str], bytes]:
    body = vendors.shopify_body(order=_order(load))
    return vendors.shopify_headers(body, webhook_id=str(uuid.uuid4()), shop=SHOP), body


def _toast(load: Load, _endpoint_id: str) -> tuple[dict[str, str], bytes]:
    body = vendors.toast_body(str(uuid.uuid4()), restaurant=MERCHANT, order=_order(load))
    return vendors.toast_headers(body), body


def _standard(load: Load, _endpoint_id: str) -> tuple[dict[str, str], bytes]:
    body = vendors.standard_body(order=_order(load))
    sent_at, message_id = datetime.now(UTC), str(uuid.uuid4())
    return vendors.standard_headers(body, sent_at=sent_at, message_id=message_id), body


def _stripe(load: Load, _endpoint_id: str) -> tuple[dict[str, str], bytes]:
    body = vendors.stripe_body(f"evt_{uuid.uuid4().hex}", account=MERCHANT, order=_order(load))
    return vendors.stripe_headers(body, sent_at=datetime.now(UTC)), body


def _sumup(load: Load, _endpoint_id: str) -> tuple[dict[str, str], bytes]:
    body = vendors.sumup_body(str(uuid.uuid4()), merchant_code=MERCHANT, order=_order(load))
    return vendors.sumup_headers(body), body


def _lightspeed(load: Load, _endpoint_id: str) -> tuple[dict[str, str], bytes]:
    payload = vendors.lightspeed_payload(str(uuid.uuid4()), order=_order(load))
    body = vendors.lightspeed_body(payload, domain_prefix=MERCHANT)
    return vendors.lightspeed_headers(body), body


_SIGNED: dict[str, Callable[[Load, str], tuple[dict[str, str], bytes]]] = {
    "clover": _clover,
    "lightspeed": _lightspeed,
    "shopify": _shopify,
    "square": _square,
    "standard": _standard,
    "stripe": _stripe,
    "sumup": _sumup,
    "toast": _toast,
}
