"""Toast: an order that changed at a till.

https://doc.toasttab.com/doc/devguide/apiMessageSigning.html
https://doc.toasttab.com/doc/devguide/apiOrdersWebhook.html
"""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from ops.simulators.macs import hmac_base64
from ops.simulators.simulator import JSON_TYPE, SentEvent, Simulator, Unsigned, json_bytes, rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ops.simulators.simulator import Delivery, Sale, Sending

TYPE = "order_updated"
ATTEMPT = "Toast-Attempt-Number"


class Toast(Simulator):
    """Signs the body with the body's own timestamp after it, which stays as it was.

    An order's category and type are one word, by which it is known. The secret's form is not
    documented: 64 hex digits taken.
    """

    name = "toast"
    signature_header = "Toast-Signature"

    def new_secret(self) -> str:
        return secrets.token_hex(32)

    def merchant_id(self, number: int) -> str:
        return f"c0ffee00-0000-4000-8000-{number:012d}"

    def write(self, sales: Sequence[Sale]) -> Unsigned:
        [sale] = sales
        order = {
            "guid": f"order-{sale.key}",
            "openedDate": rfc3339(sale.at),
            "checks": [{"amount": sale.amount / 100, "paymentStatus": "PAID"}],
            "deliveryInfo": {"notes": sale.note},
        }
        body = json_bytes(
            {
                "timestamp": rfc3339(sale.at),
                "eventCategory": TYPE,
                "eventType": TYPE,
                "guid": sale.key,
                "details": {"restaurantGuid": sale.merchant_id, "order": order},
            }
        )
        headers = {
            **JSON_TYPE,
            "Toast-Restaurant-External-ID": sale.merchant_id or "",
            "Toast-Event-Category": TYPE,
            "Toast-Event-Type": TYPE,
            ATTEMPT: "1",
        }
        event = SentEvent(key=sale.key, type=TYPE, merchant_id=sale.merchant_id)
        return Unsigned(body=body, headers=headers, events=(event,))

    def signature(self, request: Unsigned, sending: Sending) -> dict[str, str]:
        timestamp: str = json.loads(request.body)["timestamp"]
        signed = request.body + timestamp.encode()
        return {self.signature_header: hmac_base64(sending.secret.encode(), signed)}

    def resend(self, delivery: Delivery, *, attempt: int, at: datetime) -> Delivery:  # noqa: ARG002  It stays as signed.
        return replace(delivery, headers={**delivery.headers, ATTEMPT: str(attempt)})

    def spoil(self, request: Unsigned) -> Unsigned:
        """Take its id away: of a body that is no JSON there would be no timestamp to sign."""
        document = json.loads(request.body)
        del document["guid"]
        return replace(request, body=json_bytes(document))
