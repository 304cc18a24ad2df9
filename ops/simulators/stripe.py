"""Stripe Terminal: a card that was presented and charged.

https://docs.stripe.com/webhooks#verify-manually
https://docs.stripe.com/api/events/object
"""

from __future__ import annotations

import json
import secrets
import string
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ops.simulators.macs import hmac_hex
from ops.simulators.simulator import Sending, SentEvent, Simulator, Unsigned

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ops.simulators.simulator import Delivery, Sale

TYPE = "payment_intent.succeeded"
CONTENT_TYPE = {"Content-Type": "application/json; charset=utf-8"}
_ALPHABET = string.ascii_letters + string.digits


class Stripe(Simulator):
    """Signs the time of sending and the body; another attempt is signed anew, and tells so."""

    name = "stripe"
    signature_header = "Stripe-Signature"

    def new_secret(self) -> str:
        return "whsec_" + "".join(secrets.choice(_ALPHABET) for _ in range(32))

    def merchant_id(self, number: int) -> str:
        return f"acct_1Demo{number:011d}"

    def write(self, sales: Sequence[Sale]) -> Unsigned:
        [sale] = sales
        event_id, created = f"evt_{sale.key}", int(sale.at.timestamp())
        intent = {
            "id": f"pi_{sale.key}",
            "object": "payment_intent",
            "amount": sale.amount,
            "amount_received": sale.amount,
            "created": created,
            "currency": "usd",
            "description": sale.note,
            "payment_method_types": ["card_present"],
            "status": "succeeded",
        }
        document = {
            "id": event_id,
            "object": "event",
            "account": sale.merchant_id,
            "api_version": "2026-10-28",
            "created": created,
            "data": {"object": intent},
            "livemode": True,
            # Of endpoints that have not taken it yet: this one, and another.
            "pending_webhooks": 2,
            "request": {"id": None, "idempotency_key": None},
            "type": TYPE,
        }
        event = SentEvent(key=event_id, type=TYPE, merchant_id=sale.merchant_id)
        return Unsigned(body=_indented(document), headers=CONTENT_TYPE, events=(event,))

    def signature(self, request: Unsigned, sending: Sending) -> dict[str, str]:
        sent_at = int(sending.at.timestamp())
        value = hmac_hex(sending.secret.encode(), f"{sent_at}.".encode() + request.body)
        return {self.signature_header: f"t={sent_at},v1={value}"}

    def resend(self, delivery: Delivery, *, attempt: int, at: datetime) -> Delivery:  # noqa: ARG002  It is not counted.
        """Sign it anew; the other endpoint has taken it meanwhile."""
        document = {**json.loads(delivery.body), "pending_webhooks": 1}
        request = Unsigned(body=_indented(document), headers=CONTENT_TYPE)
        sending = Sending(secret=delivery.secret, notification_url="", at=at)
        headers = self.signature(request, sending)
        return replace(delivery, body=request.body, headers={**delivery.headers, **headers})


def _indented(document: dict[str, Any]) -> bytes:
    # As Stripe writes it.
    return json.dumps(document, indent=2).encode()
