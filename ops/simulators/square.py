"""Square: a payment taken at a terminal.

https://developer.squareup.com/docs/webhooks/step3validate
https://developer.squareup.com/reference/square/webhooks/payment.created
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from ops.simulators.macs import hmac_base64
from ops.simulators.simulator import JSON_TYPE, SentEvent, Simulator, Unsigned, json_bytes, rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.simulators.simulator import Sale, Sending


class Square(Simulator):
    """Signs the notification URL and the body; the key is used as the text that it is."""

    name = "square"
    signature_header = "x-square-hmacsha256-signature"

    def new_secret(self) -> str:
        return secrets.token_urlsafe(16)

    def merchant_id(self, number: int) -> str:
        return f"MLDEMO{number:07d}"

    def write(self, sales: Sequence[Sale]) -> Unsigned:
        [sale] = sales
        payment_id, money = f"pay-{sale.key}", {"amount": sale.amount, "currency": "USD"}
        payment = {
            "id": payment_id,
            "created_at": rfc3339(sale.at),
            "updated_at": rfc3339(sale.at),
            "amount_money": money,
            "total_money": money,
            "status": "COMPLETED",
            "source_type": "CARD",
            "card_details": {
                "status": "CAPTURED",
                "entry_method": "CONTACTLESS",
                "card": {"card_brand": "VISA", "last_4": "1111"},
            },
            "location_id": "LDEMO00000001",
            "order_id": f"order-{sale.key}",
            "note": sale.note,
            "version": 1,
        }
        body = json_bytes(
            {
                "merchant_id": sale.merchant_id,
                "type": "payment.created",
                "event_id": sale.key,
                "created_at": rfc3339(sale.at),
                "data": {"type": "payment", "id": payment_id, "object": {"payment": payment}},
            }
        )
        event = SentEvent(key=sale.key, type="payment.created", merchant_id=sale.merchant_id)
        return Unsigned(body=body, headers=JSON_TYPE, events=(event,))

    def signature(self, request: Unsigned, sending: Sending) -> dict[str, str]:
        signed = sending.notification_url.encode() + request.body
        return {self.signature_header: hmac_base64(sending.secret.encode(), signed)}
