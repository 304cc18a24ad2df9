"""The vendors' side: deliveries signed as each vendor signs them, written from PROVIDERS.md.

Nothing here imports the code under test.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

SQUARE_KEY = "square-signature-key"
SHOPIFY_SECRET = "shopify-app-secret"
TOAST_SECRET = "toast-webhook-secret"
CLOVER_CODE = "0307e264-b33a-4913-88aa-37b10014a0b8"
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STRIPE_SECRET = "whsec_c0ffee5tripe7erm1nal"
SUMUP_SECRET = "sumup-webhook-secret"
LIGHTSPEED_SECRET = "lightspeed-oauth-client-secret"
ADYEN_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
ZETTLE_KEY = "zLzClQLQN8yfH8aEjONeXzgJRAHR0zpD7RonFCpizujCUCectBlln0vFArTbLPYa"


def mac_base64(key: bytes, message: bytes) -> str:
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


def mac_hex(key: bytes, message: bytes) -> str:
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def square_headers(body: bytes, *, url: str, key: str = SQUARE_KEY) -> dict[str, str]:
    return {"x-square-hmacsha256-signature": mac_base64(key.encode(), url.encode() + body)}


def square_body(event_id: str = "sq-1", *, merchant_id: str = "M1", **more: object) -> bytes:
    document = {
        "merchant_id": merchant_id,
        "type": "payment.updated",
        "event_id": event_id,
        "created_at": "2026-11-23T09:59:58.5Z",
        "data": {
            "type": "payment",
            "id": "pay-7",
            "object": {"payment": {"version": 4, "amount_money": {"amount": 1210}}},
        },
        **more,
    }
    return json.dumps(document).encode()


def shopify_headers(
    body: bytes,
    *,
    webhook_id: str = "sh-1",
    shop: str = "one.myshopify.com",
    secret: str = SHOPIFY_SECRET,
    **more: str,
) -> dict[str, str]:
    return {
        "x-shopify-hmac-sha256": mac_base64(secret.encode(), body),
        "x-shopify-webhook-id": webhook_id,
        "x-shopify-topic": "orders/create",
        "x-shopify-shop-domain": shop,
        **{name.replace("_", "-"): value for name, value in more.items()},
    }


def shopify_body(**more: object) -> bytes:
    document = {"id": 820982911946154508, "created_at": "2026-11-23T05:00:00-05:00", **more}
    return json.dumps(document).encode()


def toast_headers(
    body: bytes, *, timestamp: str = "2026-11-23T09:59:58.500Z", secret: str = TOAST_SECRET
) -> dict[str, str]:
    return {
        "toast-signature": mac_base64(secret.encode(), body + timestamp.encode()),
        "toast-attempt-number": "1",
        "toast-event-type": "order_updated",
    }


def toast_body(guid: str = "to-1", *, restaurant: str = "rest-1", **more: object) -> bytes:
    document = {
        "timestamp": "2026-11-23T09:59:58.500Z",
        "eventCategory": "order_updated",
        "eventType": "order_updated",
        "guid": guid,
        "details": {"restaurantGuid": restaurant, "order": {"guid": "order-7"}},
        **more,
    }
    return json.dumps(document).encode()


def clover_headers(*, code: str = CLOVER_CODE) -> dict[str, str]:
    return {"x-clover-auth": code}


def clover_update(
    object_id: str = "O:ORDER7", *, type_: str = "CREATE", ts: int = 1537970958000
) -> dict[str, object]:
    return {"objectId": object_id, "type": type_, "ts": ts}


def clover_body(*, app_id: str = "APP1", **merchants: object) -> bytes:
    """Give a delivery of each merchant's updates; of none named, one of merchant M1's."""
    return json.dumps(
        {"appId": app_id, "merchants": merchants or {"M1": [clover_update()]}}
    ).encode()


def clover_handshake(code: str = "ce7643c1-83ea-4218-abe6-da876c9c7a0a") -> bytes:
    return json.dumps({"verificationCode": code}).encode()


def standard_headers(
    body: bytes, *, sent_at: datetime, message_id: str = "msg-1", secret: str = STANDARD_SECRET
) -> dict[str, str]:
    timestamp = str(int(sent_at.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{mac_base64(key, signed)}",
    }


def standard_body(**more: object) -> bytes:
    document = {"type": "order.paid", "data": {"id": "o-5"}, **more}
    return json.dumps(document).encode()


def stripe_headers(
    body: bytes, *, sent_at: datetime, secret: str = STRIPE_SECRET
) -> dict[str, str]:
    t = str(int(sent_at.timestamp()))
    return {"stripe-signature": f"t={t},v1={mac_hex(secret.encode(), f'{t}.'.encode() + body)}"}


def stripe_body(
    event_id: str = "evt_1", *, account: str = "acct_1", pending_webhooks: int = 1, **more: object
) -> bytes:
    document = {
        "id": event_id,
        "object": "event",
        "account": account,
        "created": 1795427998,
        "data": {"object": {"id": "pi_7", "object": "payment_intent", "amount": 1210}},
        "pending_webhooks": pending_webhooks,
        "type": "payment_intent.succeeded",
        **more,
    }
    return json.dumps(document).encode()


def sumup_headers(body: bytes, *, secret: str = SUMUP_SECRET) -> dict[str, str]:
    return {"x-payload-signature": mac_hex(secret.encode(), body)}


def sumup_body(event_id: str = "su-1", *, merchant_code: str = "MC1", **more: object) -> bytes:
    document = {
        "id": event_id,
        "event_type": "solo.transaction.updated",
        "payload": {
            "client_transaction_id": "ctx-7",
            "merchant_code": merchant_code,
            "status": "successful",
            "transaction_id": None,
        },
        "timestamp": "2026-11-23T09:59:58.500+00:00",
        **more,
    }
    return json.dumps(document).encode()


def sumup_newer_headers(
    body: bytes, *, sent_at: datetime, secret: str = SUMUP_SECRET
) -> dict[str, str]:
    t = str(int(sent_at.timestamp()))
    mac = mac_hex(secret.encode(), f"v1:{t}:".encode() + body)
    return {"x-sumup-webhook-signature": f"t={t},v1={mac}"}


def lightspeed_headers(body: bytes, *, secret: str = LIGHTSPEED_SECRET) -> dict[str, str]:
    signature = mac_hex(secret.encode(), body)
    return {
        "x-signature": f"signature={signature},algorithm=HMAC-SHA256",
        "content-type": "application/x-www-form-urlencoded",
    }


def lightspeed_payload(sale_id: str = "sale-7", **more: object) -> str:
    document = {"id": sale_id, "version": 4, "total_price": 12.10, "note": "crème & sugar", **more}
    return json.dumps(document, ensure_ascii=False)


def lightspeed_body(
    payload: str | None = None, *, domain_prefix: str | None = "corner", **more: str
) -> bytes:
    """Give a form; None leaves the merchant out."""
    form = {
        "payload": lightspeed_payload() if payload is None else payload,
        "retailer_id": "b8ca3a64-f8f4",
        "environment": "prod",
        "type": "sale.update",
        **({} if domain_prefix is None else {"domain_prefix": domain_prefix}),
        **more,
    }
    return urlencode(form).encode()


def adyen_item(psp: str = "PSP7", *, account: str = "M1", **more: object) -> dict[str, object]:
    """Give a notification that nobody signed yet."""
    return {
        "pspReference": psp,
        "merchantAccountCode": account,
        "merchantReference": "order-7",
        "amount": {"value": 1130, "currency": "EUR"},
        "eventCode": "AUTHORISATION",
        "eventDate": "2026-11-23T10:59:58+01:00",
        "success": "true",
        **more,
    }


def adyen_signed(item: Mapping[str, object], *, key: str = ADYEN_KEY) -> dict[str, object]:
    """Give the notification with its signature inside."""
    amount = item.get("amount") or {}
    assert isinstance(amount, dict)
    fields = [
        item.get("pspReference"),
        item.get("originalReference"),
        item.get("merchantAccountCode"),
        item.get("merchantReference"),
        amount.get("value"),
        amount.get("currency"),
        item.get("eventCode"),
        item.get("success"),
    ]
    # What is no text is written as in JSON: numbers as they are, true and false in small letters.
    texts = ["" if f is None else f if isinstance(f, str) else json.dumps(f) for f in fields]
    signature = mac_base64(bytes.fromhex(key), ":".join(texts).encode("utf-8", "surrogatepass"))
    return {**item, "additionalData": {"hmacSignature": signature}}


def adyen_body(*items: object) -> bytes:
    """Give a delivery of these notifications; of none, one that is signed."""
    wrapped = [{"NotificationRequestItem": item} for item in items or [adyen_signed(adyen_item())]]
    return json.dumps({"live": "false", "notificationItems": wrapped}).encode()


def zettle_body(message_id: str = "ze-1", *, merchant: str = "org-1", **more: object) -> bytes:
    document = {
        "organizationUuid": merchant,
        "messageUuid": "a7c05d90-a111-11eb-b035-58d8b8a0b7f4",
        "eventName": "PurchaseCreated",
        "messageId": message_id,
        "payload": '{"purchaseUuid":"pu-7","amount":35300}',
        "timestamp": "2026-11-23T09:59:58.500Z",
        **more,
    }
    return json.dumps(document).encode()


def zettle_headers(body: bytes, *, key: str = ZETTLE_KEY) -> dict[str, str]:
    """Sign the body's own timestamp and payload."""
    document = json.loads(body)
    signed = f"{document['timestamp']}.{document['payload']}".encode("utf-8", "surrogatepass")
    return {"x-izettle-signature": hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()}


def zettle_test(**more: object) -> bytes:
    """Give the test message that Zettle sends before anybody has a key."""
    document = {
        "eventName": "TestMessage",
        "organizationUuid": "ef64c5e2-4e16-11e8-9c2d-fa7ae01bbebc",
        "messageId": "0f674460-fab5-11e7-a310-0002ebd6a43c",
        "payload": {"data": "payload"},
        **more,
    }
    return json.dumps(document).encode()
