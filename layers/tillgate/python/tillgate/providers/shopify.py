"""Shopify POS.

https://shopify.dev/docs/apps/build/webhooks/subscribe/https
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.hook_body import identifier, json_object, occurred_at
from tillgate.domain.provider import HookItem, HookRequest, Vendor
from tillgate.domain.signatures import hmac_sha256, matches_base64
from tillgate.domain.vendor_rules import RetryRules

if TYPE_CHECKING:
    from collections.abc import Sequence


class Shopify(Vendor):
    """Signs the body alone with the app's secret; id, topic and shop are unsigned headers."""

    name = "shopify"
    signs_merchant = False
    # Eight, exponential, over four hours; when exactly is not published. Doubling fills them.
    retries = RetryRules(
        documents="https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
        answer_seconds=5,
        delays_seconds=tuple(56 * 2**n for n in range(8)),
        ends_when_exhausted=True,
    )

    def verify(self, request: HookRequest, secret: str) -> bool:
        return matches_base64(
            hmac_sha256(secret.encode(), request.body),
            request.headers.get("x-shopify-hmac-sha256", ""),
        )

    def split(self, request: HookRequest) -> Sequence[HookItem]:
        headers = request.headers
        body = json_object(request.body)
        # Of the delivery, kept by its resends. The event's own id, by which newer pages tell
        # repeats, may be shared by two topics (orders/create, orders/updated): two events here.
        key = headers.get("x-shopify-webhook-id") or headers.get("x-shopify-event-id", "")
        return [
            HookItem(
                key=key,
                type=headers.get("x-shopify-topic") or "unknown",
                data=body,
                identity=body,
                merchant_id=headers.get("x-shopify-shop-domain") or None,
                occurred_at=occurred_at(body, "updated_at") or occurred_at(body, "created_at"),
                entity_id=identifier(body, "id"),
            )
        ]


PROVIDER = Shopify()
