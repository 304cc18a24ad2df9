"""Lightspeed Retail, X-Series: a sale that changed.

https://x-series-api.lightspeedhq.com/docs/webhooks
"""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from ops.simulators.macs import hmac_hex
from ops.simulators.simulator import SentEvent, Simulator, Unsigned, milliseconds, rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.simulators.simulator import Sale, Sending

TYPE = "sale.update"
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}


class Lightspeed(Simulator):
    """Signs the body, which is a form, one field of which is JSON."""

    name = "lightspeed"
    signature_header = "X-Signature"

    def new_secret(self) -> str:
        return secrets.token_hex(16)

    def merchant_id(self, number: int) -> str:
        return f"democoffee{number}"

    def write(self, sales: Sequence[Sale]) -> Unsigned:
        [sale] = sales
        prefix, version = sale.merchant_id or "", milliseconds(sale.at)
        total = round(sale.amount / 100, 2)
        payload = {
            "id": sale.key,
            "version": version,
            "status": "CLOSED",
            "sale_date": rfc3339(sale.at),
            "note": sale.note,
            "totals": {"total_price": total, "total_tax": 0, "total_payment": total},
            "register_sale_products": [{"name": "Flat white", "quantity": 1, "price": total}],
        }
        form = {
            "domain_prefix": prefix,
            "environment": "prod",
            "payload": json.dumps(payload, separators=(",", ":")),
            "retailer_id": str(uuid.uuid5(uuid.NAMESPACE_DNS, prefix)),
            "type": TYPE,
        }
        # It has no id of its own: this is what makes it one.
        identity = hashlib.sha256(f"{TYPE}:{sale.key}:{version}".encode()).hexdigest()
        event = SentEvent(key=f"{prefix}:{identity}", type=TYPE, merchant_id=sale.merchant_id)
        return Unsigned(body=urlencode(form).encode(), headers=FORM_TYPE, events=(event,))

    def signature(self, request: Unsigned, sending: Sending) -> dict[str, str]:
        value = hmac_hex(sending.secret.encode(), request.body)
        return {self.signature_header: f"signature={value},algorithm=HMAC-SHA256"}

    def spoil(self, request: Unsigned) -> Unsigned:
        """Break off the JSON inside the form."""
        form = dict(parse_qsl(request.body.decode()))
        form["payload"] = form["payload"][: len(form["payload"]) // 2]
        return replace(request, body=urlencode(form).encode())
