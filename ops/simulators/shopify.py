"""Shopify: an order rung up at Shopify POS.

https://shopify.dev/docs/apps/build/webhooks/subscribe/https
https://shopify.dev/docs/api/admin-rest/latest/resources/order
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from ops.simulators.macs import hmac_base64
from ops.simulators.simulator import (
    JSON_TYPE,
    SentEvent,
    Simulator,
    Unsigned,
    json_bytes,
    milliseconds,
    rfc3339,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.simulators.simulator import Sale, Sending

TOPIC = "orders/create"


class Shopify(Simulator):
    """Signs the body alone; id, topic and shop are headers that nobody signs."""

    name = "shopify"
    signature_header = "X-Shopify-Hmac-SHA256"
    signs_merchant = False

    def new_secret(self) -> str:
        return f"shpss_{secrets.token_hex(16)}"

    def merchant_id(self, number: int) -> str:
        return f"demo-coffee-{number}.myshopify.com"

    def write(self, sales: Sequence[Sale]) -> Unsigned:
        [sale] = sales
        price = f"{sale.amount // 100}.{sale.amount % 100:02d}"
        body = json_bytes(
            {
                "id": milliseconds(sale.at),
                "created_at": rfc3339(sale.at),
                "currency": "USD",
                "financial_status": "paid",
                "name": f"#{sale.key}",
                "note": sale.note,
                "source_name": "pos",
                "total_price": price,
                "line_items": [{"title": "Flat white", "quantity": 1, "price": price}],
            }
        )
        headers = {
            **JSON_TYPE,
            "X-Shopify-Topic": TOPIC,
            "X-Shopify-Shop-Domain": sale.merchant_id or "",
            "X-Shopify-Webhook-Id": sale.key,
            "X-Shopify-API-Version": "2026-10",
            "X-Shopify-Triggered-At": rfc3339(sale.at),
        }
        event = SentEvent(key=sale.key, type=TOPIC, merchant_id=sale.merchant_id)
        return Unsigned(body=body, headers=headers, events=(event,))

    def signature(self, request: Unsigned, sending: Sending) -> dict[str, str]:
        return {self.signature_header: hmac_base64(sending.secret.encode(), request.body)}
