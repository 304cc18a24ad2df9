"""The vendors' side of the demo: sample deliveries, signed as each vendor signs.

Written apart from the platform's own verifiers, on purpose: a mistake made in
both would have to be made twice.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook: exactly the bytes that were signed, and the key the platform will store."""

    provider: str
    key: str
    type: str
    body: bytes
    headers: dict[str, str]


def _hmac_base64(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def square(*, key: str, secret: str, notification_url: str, merchant_id: str | None) -> Delivery:
    """A payment taken at a Square terminal.

    https://developer.squareup.com/docs/webhooks/step3validate
    """
    payment = {"id": f"pay-{key}", "amount_money": {"amount": 1250, "currency": "USD"}}
    body = _json(
        {
            "merchant_id": merchant_id,
            "type": "payment.created",
            "event_id": key,
            "created_at": _now(),
            "data": {"type": "payment", "id": payment["id"], "object": {"payment": payment}},
        }
    )
    signature = _hmac_base64(secret.encode(), notification_url.encode() + body)
    headers = {"x-square-hmacsha256-signature": signature}
    return Delivery(provider="square", key=key, type="payment.created", body=body, headers=headers)


def shopify(*, key: str, secret: str, merchant_id: str | None) -> Delivery:
    """An order rung up at Shopify POS.

    https://shopify.dev/docs/apps/build/webhooks/subscribe/https
    """
    body = _json({"id": int(time.time() * 1000), "total_price": "403.00", "created_at": _now()})
    headers = {
        "X-Shopify-Hmac-SHA256": _hmac_base64(secret.encode(), body),
        "X-Shopify-Webhook-Id": key,
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Shop-Domain": merchant_id or "",
    }
    return Delivery(provider="shopify", key=key, type="orders/create", body=body, headers=headers)


def toast(*, key: str, secret: str, merchant_id: str | None) -> Delivery:
    """The last of a dish sold at a Toast till.

    https://doc.toasttab.com/doc/devguide/apiMessageSigning.html
    """
    timestamp = _now()
    body = _json(
        {
            "timestamp": timestamp,
            "eventCategory": "stock",
            "eventType": "out_of_stock",
            "guid": key,
            "details": {"restaurantGuid": merchant_id, "quantity": 0},
        }
    )
    headers = {"Toast-Signature": _hmac_base64(secret.encode(), body + timestamp.encode())}
    return Delivery(
        provider="toast", key=key, type="stock.out_of_stock", body=body, headers=headers
    )


def clover_handshake() -> tuple[str, bytes]:
    """The code with which Clover asks whose URL it is, and the unsigned request that has it.

    https://docs.clover.com/dev/docs/webhooks
    """
    code = str(uuid.uuid4())
    return code, _json({"verificationCode": code})


def clover(*, key: str, secret: str, merchant_id: str | None) -> Delivery:
    """An order opened at a Clover station: what changed is fetched, not sent.

    https://docs.clover.com/dev/docs/webhooks
    """
    object_id, at = f"O:{key}", int(time.time() * 1000)
    update = {"objectId": object_id, "type": "CREATE", "ts": at}
    body = _json({"appId": "DEMOAPP", "merchants": {merchant_id or "": [update]}})
    return Delivery(
        provider="clover",
        key=f"DEMOAPP:{merchant_id}:{object_id}:CREATE:{at}",
        type="order.create",
        body=body,
        headers={"X-Clover-Auth": secret},
    )


def standard(*, key: str, secret: str) -> Delivery:
    """A partner's own integration, by Standard Webhooks 1.0.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    body = _json({"type": "shift.closed", "timestamp": _now(), "data": {"id": "till-3"}})
    sent_at = str(int(time.time()))
    signed = f"{key}.{sent_at}.".encode() + body
    signature = _hmac_base64(base64.b64decode(secret.removeprefix("whsec_")), signed)
    headers = {
        "webhook-id": key,
        "webhook-timestamp": sent_at,
        "webhook-signature": f"v1,{signature}",
    }
    return Delivery(provider="standard", key=key, type="shift.closed", body=body, headers=headers)
