"""Zettle: a purchase made with the app.

https://developer.zettle.com/docs/api/pusher/user-guides/verify-webhook-signature
https://github.com/iZettle/api-documentation/blob/master/pusher-api/concept/event-payloads.md
"""

from __future__ import annotations

import json
import secrets
import string
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ops.simulators.macs import hmac_hex
from ops.simulators.simulator import (
    JSON_TYPE,
    Handshake,
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

TYPE = "PurchaseCreated"
_ALPHABET = string.ascii_letters + string.digits


class Zettle(Simulator):
    """Signs the event's time and its payload, which is JSON written into a string of the body."""

    name = "zettle"
    signature_header = "X-iZettle-Signature"
    signs_merchant = False

    def new_secret(self) -> str:
        return "".join(secrets.choice(_ALPHABET) for _ in range(64))

    def merchant_id(self, number: int) -> str:
        return f"d3f0c0de-a110-11eb-8000-{number:012d}"

    def write(self, sales: Sequence[Sale]) -> Unsigned:
        [sale] = sales
        payload = {
            "purchaseUuid": f"purchase-{sale.key}",
            "source": "POS",
            "currency": "GBP",
            "country": "GB",
            "amount": sale.amount,
            "vatAmount": 0,
            "timestamp": milliseconds(sale.at),
            "purchaseNumber": 1,
            "products": [{"name": "Flat white", "quantity": "1", "unitPrice": sale.amount}],
            "payments": [{"amount": sale.amount, "type": "IZETTLE_CARD"}],
            "note": sale.note,
        }
        text = json.dumps(payload, separators=(",", ":"))
        body = json_bytes(_envelope(sale.key, TYPE, text, merchant_id=sale.merchant_id, at=sale.at))
        event = SentEvent(key=sale.key, type=TYPE, merchant_id=sale.merchant_id)
        return Unsigned(body=body, headers=JSON_TYPE, events=(event,))

    def signature(self, request: Unsigned, sending: Sending) -> dict[str, str]:
        document = json.loads(request.body)
        signed = f"{document['timestamp']}.{document['payload']}".encode()
        return {self.signature_header: hmac_hex(sending.secret.encode(), signed)}

    def handshake(self) -> Handshake:
        """Give the message that a new subscription is tried with, whose payload is an object."""
        test = _envelope(
            str(uuid.uuid4()), "TestMessage", {"data": "payload"},
            merchant_id=self.merchant_example, at=datetime.now(UTC),
        )  # fmt: skip
        return Handshake(body=json_bytes(test), headers=JSON_TYPE, code=None)

    def spoil(self, request: Unsigned) -> Unsigned:
        """Take its id away: of a body that is no JSON there would be nothing to sign."""
        document = json.loads(request.body)
        del document["messageId"]
        return replace(request, body=json_bytes(document))


def _envelope(
    message_id: str, name: str, payload: object, *, merchant_id: str | None, at: datetime
) -> dict[str, object]:
    return {
        "organizationUuid": merchant_id,
        "messageUuid": str(uuid.uuid5(uuid.NAMESPACE_OID, message_id)),
        "eventName": name,
        "messageId": message_id,
        "payload": payload,
        "timestamp": rfc3339(at),
    }
