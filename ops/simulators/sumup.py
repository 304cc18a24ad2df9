"""SumUp: a checkout that was paid.

https://developer.sumup.com/webhook-docs/events
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from ops.simulators.macs import hmac_hex
from ops.simulators.simulator import JSON_TYPE, SentEvent, Simulator, Unsigned, json_bytes, rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.simulators.simulator import Sale, Sending

TYPE = "checkout.status.updated"


class Sumup(Simulator):
    """Signs the body."""

    name = "sumup"
    signature_header = "x-payload-signature"

    def new_secret(self) -> str:
        return secrets.token_hex(32)

    def merchant_id(self, number: int) -> str:
        return f"MDEMO{number:04d}"

    def write(self, sales: Sequence[Sale]) -> Unsigned:
        [sale] = sales
        payload = {
            "checkout_id": f"checkout-{sale.key}",
            "reference": f"sale-{sale.key}",
            "merchant_code": sale.merchant_id,
            "status": "PAID",
            "amount": sale.amount / 100,
            "currency": "EUR",
            "description": sale.note,
        }
        body = json_bytes(
            {
                "id": sale.key,
                "event_type": TYPE,
                "payload": payload,
                "timestamp": rfc3339(sale.at),
            }
        )
        event = SentEvent(key=sale.key, type=TYPE, merchant_id=sale.merchant_id)
        return Unsigned(body=body, headers=JSON_TYPE, events=(event,))

    def signature(self, request: Unsigned, sending: Sending) -> dict[str, str]:
        return {self.signature_header: hmac_hex(sending.secret.encode(), request.body)}
