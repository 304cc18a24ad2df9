"""Deliveries of each provider, signed as the vendor signs them."""

from __future__ import annotations

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
    "adyen": vendors.ADYEN_KEY,
    "clover": vendors.CLOVER_CODE,
    "shopify": vendors.SHOPIFY_SECRET,
    "square": vendors.SQUARE_KEY,
    "standard": vendors.STANDARD_SECRET,
    "toast": vendors.TOAST_SECRET,
    "zettle": vendors.ZETTLE_KEY,
}
# Who the merchant is, in each vendor's own words.
MERCHANTS = {
    "adyen": MERCHANT,
    "clover": MERCHANT,
    "shopify": SHOP,
    "square": MERCHANT,
    "standard": None,
    "toast": MERCHANT,
    "zettle": MERCHANT,
}


def notification_url(endpoint_id: str) -> str:
    return f"https://hooks.example.test/{endpoint_id}"


def hook_events(load: Load, calls: int, *, endpoints: Mapping[str, str]) -> list[dict[str, Any]]:
    """Make so many first deliveries of the load's provider; ``endpoints``: ids by provider."""
    endpoint_id = endpoints[load.provider]
    return [_hook(load, endpoint_id) for _ in range(calls)]


def _hook(load: Load, endpoint_id: str) -> dict[str, Any]:
    headers, body = _SIGNED[load.provider](load, endpoint_id)
    return gateway_event(
        f"/v1/hooks/{load.provider}/{endpoint_id}",
        headers={**CONTENT_TYPE, **headers},
        body=body.decode(),
        route=ROUTE,
        path_parameters={"provider": load.provider, "endpoint_id": endpoint_id},
    )


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


def _adyen(load: Load, _endpoint_id: str) -> tuple[dict[str, str], bytes]:
    item = vendors.adyen_item(uuid.uuid4().hex, account=MERCHANT, order=_order(load))
    return {}, vendors.adyen_body(vendors.adyen_signed(item))


def _zettle(load: Load, _endpoint_id: str) -> tuple[dict[str, str], bytes]:
    # The order itself: Zettle's payload is JSON within a text.
    body = vendors.zettle_body(str(uuid.uuid4()), merchant=MERCHANT, payload=_order(load))
    return vendors.zettle_headers(body), body


_SIGNED: dict[str, Callable[[Load, str], tuple[dict[str, str], bytes]]] = {
    "adyen": _adyen,
    "clover": _clover,
    "shopify": _shopify,
    "square": _square,
    "standard": _standard,
    "toast": _toast,
    "zettle": _zettle,
}
