"""Standard Webhooks 1.0: a partner's own till.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from ops.simulators.macs import hmac_base64
from ops.simulators.simulator import (
    JSON_TYPE,
    Sending,
    SentEvent,
    Simulator,
    Unsigned,
    json_bytes,
    rfc3339,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ops.simulators.simulator import Delivery, Sale

TYPE = "sale.completed"


class Standard(Simulator):
    """Signs id, time of sending and body; another attempt is signed anew. No merchant is named."""

    name = "standard"
    signature_header = "webhook-signature"
    signs_merchant = False

    def new_secret(self) -> str:
        return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()

    def merchant_id(self, number: int) -> None:  # noqa: ARG002  There is none.
        return None

    def write(self, sales: Sequence[Sale]) -> Unsigned:
        [sale] = sales
        key = f"msg_{sale.key}"
        data = {
            "id": f"sale-{sale.key}",
            "till": "till-3",
            "amount": sale.amount,
            "currency": "EUR",
            "note": sale.note,
        }
        body = json_bytes({"type": TYPE, "timestamp": rfc3339(sale.at), "data": data})
        event = SentEvent(key=key, type=TYPE, merchant_id=None)
        return Unsigned(body=body, headers={**JSON_TYPE, "webhook-id": key}, events=(event,))

    def signature(self, request: Unsigned, sending: Sending) -> dict[str, str]:
        sent_at = str(int(sending.at.timestamp()))
        signed = f"{request.headers['webhook-id']}.{sent_at}.".encode() + request.body
        key = base64.b64decode(sending.secret.removeprefix("whsec_"))
        return {
            "webhook-timestamp": sent_at,
            self.signature_header: f"v1,{hmac_base64(key, signed)}",
        }

    def resend(self, delivery: Delivery, *, attempt: int, at: datetime) -> Delivery:  # noqa: ARG002  It is not counted.
        request = Unsigned(body=delivery.body, headers=delivery.headers)
        sending = Sending(secret=delivery.secret, notification_url="", at=at)
        headers = self.signature(request, sending)
        return replace(delivery, headers={**delivery.headers, **headers})
