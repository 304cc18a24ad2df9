"""Adyen, in person and online: its standard webhooks in JSON.

https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from tillgate.domain.errors import UnreadableDeliveryError
from tillgate.domain.hook_body import json_object, member, occurred_at, text
from tillgate.domain.json_value import Number
from tillgate.domain.provider import HookItem, HookRequest, Vendor
from tillgate.domain.signatures import hmac_sha256, matches_base64
from tillgate.domain.vendor_rules import HOUR, MINUTE, RetryRules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tillgate.domain.json_value import JsonValue

_SECRET_BYTES = 32
_KEY = re.compile(r"([0-9A-Fa-f]{2})+\Z")


class Adyen(Vendor):
    """Signs each notification inside it: eight of its fields, joined with colons.

    The fields are not escaped, so that a colon in one could move the boundaries: who knows
    one good signature (the tenant who reads it in its event, of an order that it numbered
    ``x:y`` itself) could have it say another merchant account. Only Adyen's customer fills
    ``merchantReference``; with a colon in any other field nothing is taken for signed.

    A delivery of many is signed when every one is: each names its merchant account, and
    becomes an event of its own. What the signature leaves out, ``eventDate`` too, may be
    changed by whoever can repeat it: an event of the same account then comes once more.
    """

    name = "adyen"
    signs_merchant = True
    acknowledgement = "[accepted]"
    # Adyen makes 64 digits; one may give it a key of one's own.
    secret_pattern = r"^([0-9A-Fa-f]{2}){16,}$"  # noqa: S105  What they look like.
    secret_form = "must be an even number of hexadecimal digits, 32 or more; Adyen makes 64"  # noqa: S105  For people.
    # Three at once or after 9, 18 and 27 s, by the page; then its queue, up to 30 days.
    retries = RetryRules(
        documents="https://docs.adyen.com/development-resources/webhooks/troubleshoot",
        answer_seconds=10,
        delays_seconds=(
            *(9, 18, 27),
            *(n * MINUTE for n in (2, 5, 10, 15, 30, 60, 120, 240)),
            *[8 * HOUR] * 88,
        ),
    )

    def new_secret(self) -> str:
        return os.urandom(_SECRET_BYTES).hex().upper()

    def verify(self, request: HookRequest, secret: str) -> bool:
        # Nobody's key is empty: whoever knew that could sign.
        if not _KEY.match(secret):
            return False
        key = bytes.fromhex(secret)
        try:
            items = _items(request)
        except UnreadableDeliveryError:
            return False
        return all(_is_signed(item, key) for item in items)

    def split(self, request: HookRequest) -> Sequence[HookItem]:
        return [_item(item) for item in _items(request)]


def _items(request: HookRequest) -> list[dict[str, JsonValue]]:
    """Give the notifications, at least one; what is none is empty, and so neither signed nor read.

    Raises UnreadableDeliveryError.
    """
    wrapped = json_object(request.body).get("notificationItems")
    if not isinstance(wrapped, list) or not wrapped:
        raise UnreadableDeliveryError("the delivery holds no notifications")
    return [_unwrapped(one) for one in wrapped]


def _unwrapped(one: JsonValue) -> dict[str, JsonValue]:
    item = one.get("NotificationRequestItem") if isinstance(one, dict) else None
    return item if isinstance(item, dict) else {}


def _is_signed(item: Mapping[str, JsonValue], key: bytes) -> bool:
    fields = _signed_fields(item)
    if fields is None:
        return False
    signed = ":".join(fields.values()).encode("utf-8", "surrogatepass")
    signature = text(member(item, "additionalData"), "hmacSignature")
    return matches_base64(hmac_sha256(key, signed), signature)


def _signed_fields(item: Mapping[str, JsonValue]) -> dict[str, str] | None:
    """Give the fields that are signed, in that order and as they are; None when one cannot be."""
    amount = {} if item.get("amount") is None else item["amount"]
    if not isinstance(amount, dict):
        return None
    given = {
        "pspReference": item.get("pspReference"),
        "originalReference": item.get("originalReference"),
        "merchantAccountCode": item.get("merchantAccountCode"),
        "merchantReference": item.get("merchantReference"),
        "value": amount.get("value"),
        "currency": amount.get("currency"),
        "eventCode": item.get("eventCode"),
        "success": item.get("success"),
    }
    fields = {}
    for name, value in given.items():
        written = _written(name, value)
        if written is None or (":" in written and name != "merchantReference"):
            return None
        fields[name] = written
    return fields


def _written(name: str, value: JsonValue) -> str | None:
    """Write a field as Adyen does in what it signs; None for what it never sends there."""
    match value:
        case None:
            return ""
        case str():
            return value
        case Number() if name == "value":
            return value.text
        case bool() if name == "success":
            return "true" if value else "false"
        case _:
            return None


def _item(item: dict[str, JsonValue]) -> HookItem:
    fields = _signed_fields(item) or {}
    reference, code = fields.get("pspReference", ""), fields.get("eventCode", "")
    success, date = fields.get("success", ""), text(item, "eventDate")
    is_whole = reference and code and success and date
    return HookItem(
        key=f"{reference}:{code}:{success}:{date}" if is_whole else "",
        type=code or "unknown",
        data=item,
        identity=dict(fields),
        merchant_id=fields.get("merchantAccountCode") or None,
        occurred_at=occurred_at(item, "eventDate"),
        entity_id=reference or None,
    )


PROVIDER = Adyen()
