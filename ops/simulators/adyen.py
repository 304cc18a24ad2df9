"""Adyen: payments authorised at terminals.

https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures
"""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ops.simulators.macs import hmac_base64
from ops.simulators.simulator import JSON_TYPE, Delivery, SentEvent, Simulator, Unsigned, json_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ops.simulators.simulator import Sale, Sending

TYPE = "AUTHORISATION"
SIGNATURE = "hmacSignature"
Item = dict[str, Any]


class Adyen(Simulator):
    """Signs fields of each item, inside the item. One delivery holds many merchants' items."""

    name = "adyen"
    # Inside the body; no header has it.
    signature_header = ""
    holds_many = True
    wants_text = "[accepted]"

    def new_secret(self) -> str:
        return secrets.token_hex(32).upper()

    def merchant_id(self, number: int) -> str:
        return f"DemoCoffee{number:03d}POS"

    def write(self, sales: Sequence[Sale]) -> Unsigned:
        items = [_item(sale) for sale in sales]
        events = tuple(
            SentEvent(
                key=f"{sale.key}:{TYPE}:true:{item['eventDate']}",
                type=TYPE,
                merchant_id=sale.merchant_id,
            )
            for sale, item in zip(sales, items, strict=True)
        )
        return Unsigned(body=_body(items), headers=JSON_TYPE, events=events)

    def signature(self, request: Unsigned, sending: Sending) -> dict[str, str]:  # noqa: ARG002  It has its signatures in its body.
        return {}

    def unsigned(self, delivery: Delivery) -> Delivery:
        def strip(item: Item) -> None:
            del item["additionalData"][SIGNATURE]

        return replace(delivery, body=_changed(delivery.body, strip))

    def spoil(self, request: Unsigned) -> Unsigned:
        """Take away what is not signed and yet needed: of no JSON there is nothing to sign."""

        def undate(item: Item) -> None:
            del item["eventDate"]

        return replace(request, body=_changed(request.body, undate))

    def signed(self, request: Unsigned, sending: Sending) -> Delivery:
        def sign(item: Item) -> None:
            item["additionalData"][SIGNATURE] = item_signature(item, secret=sending.secret)

        return Delivery(
            provider=self.name,
            body=_changed(request.body, sign),
            headers=request.headers,
            events=request.events,
            secret=sending.secret,
        )


def item_signature(item: Mapping[str, Any], *, secret: str) -> str:
    """Sign an item with a key of hex digits; no field is escaped, absent ones are empty."""
    amount = item.get("amount", {})
    fields = [
        item.get("pspReference", ""),
        item.get("originalReference", ""),
        item.get("merchantAccountCode", ""),
        item.get("merchantReference", ""),
        str(amount.get("value", "")),
        amount.get("currency", ""),
        item.get("eventCode", ""),
        item.get("success", ""),
    ]
    return hmac_base64(bytes.fromhex(secret), ":".join(fields).encode())


def _item(sale: Sale) -> Item:
    return {
        "additionalData": {"shopperInteraction": "POS", "metadata.note": sale.note},
        "amount": {"currency": "EUR", "value": sale.amount},
        "eventCode": TYPE,
        "eventDate": sale.at.isoformat(timespec="seconds"),
        "merchantAccountCode": sale.merchant_id,
        "merchantReference": f"sale-{sale.key}",
        "operations": ["CANCEL", "CAPTURE", "REFUND"],
        "paymentMethod": "visa",
        "pspReference": sale.key,
        "reason": "033899:1111:03/2030",
        "success": "true",
    }


def _body(items: Sequence[Item]) -> bytes:
    wrapped = [{"NotificationRequestItem": item} for item in items]
    return json_bytes({"live": "false", "notificationItems": wrapped})


def _changed(body: bytes, change: Callable[[Item], None]) -> bytes:
    """Write a body again, each of its items changed in place."""
    items = [one["NotificationRequestItem"] for one in json.loads(body)["notificationItems"]]
    for item in items:
        change(item)
    return _body(items)
