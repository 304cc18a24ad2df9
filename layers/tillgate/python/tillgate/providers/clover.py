"""Clover.

https://docs.clover.com/dev/docs/webhooks
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING

from tillgate.domain.errors import UnreadableDeliveryError
from tillgate.domain.hook_body import integer_text, json_object, member, since_1970, text
from tillgate.domain.provider import Handshake, HookItem, HookRequest, Vendor
from tillgate.domain.vendor_rules import RetryRules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tillgate.domain.json_value import JsonValue
    from tillgate.domain.provider import Hook

_AUTH = "x-clover-auth"
# A code of a handshake is a UUID so far. Anyone can post one: what is longer is not read.
_CODE = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_MAX_HANDSHAKE_BYTES = 1024

# What an object id's prefix stands for. The page lists the event types by these keys.
_KINDS = {
    "A": "app",
    "C": "customer",
    "CA": "cash_adjustment",
    "E": "employee",
    "I": "item",
    "IC": "category",
    "IG": "modifier_group",
    "IM": "modifier",
    "M": "merchant",
    "O": "order",
    "P": "payment",
    "SH": "service_hour",
}


class Clover(Vendor):
    """Signs nothing, and sends a code that only Clover and the app's owner know.

    One delivery holds many merchants' updates, each of which becomes an event of its own:
    the delivery's envelope with this one update in it, so that a reader finds what Clover
    documents. It says which object changed (``objectId``) and how (``type``), not to what.
    """

    name = "clover"
    # No signature covers the body; but whoever knows the code is Clover, which names the
    # merchants in it.
    signs_merchant = True
    has_handshake = True
    # "Does not guarantee when, or if": none.
    retries = RetryRules(
        documents="https://docs.clover.com/docs/webhooks",
        answer_seconds=None,
        delays_seconds=(),
    )

    def handshake(self, hook: Hook) -> Handshake | None:
        if _AUTH in hook.headers or len(hook.body) > _MAX_HANDSHAKE_BYTES:
            return None
        try:
            code = text(json_object(hook.body), "verificationCode")
        except UnreadableDeliveryError:
            return None
        return Handshake(code=code) if _CODE.match(code) else None

    def verify(self, request: HookRequest, secret: str) -> bool:
        code = request.headers.get(_AUTH, "").encode("utf-8", "surrogatepass")
        # No code is nobody's, whatever the secret.
        return bool(code) and hmac.compare_digest(secret.encode(), code)

    def split(self, request: HookRequest) -> Sequence[HookItem]:
        body = json_object(request.body)
        app_id = text(body, "appId")
        if not app_id:
            raise UnreadableDeliveryError("the delivery names no app")
        items = [
            _item(app_id, merchant_id, update)
            for merchant_id, updates in member(body, "merchants").items()
            # What is no list is one update that cannot be read.
            for update in (updates if isinstance(updates, list) else [updates])
        ]
        if not items:
            raise UnreadableDeliveryError("the delivery holds no updates")
        return items


def _item(app_id: str, merchant_id: str, update: JsonValue) -> HookItem:
    fields = update if isinstance(update, dict) else {}
    object_id, verb = text(fields, "objectId"), text(fields, "type")
    ts = integer_text(fields, "ts")
    data: dict[str, JsonValue] = {"appId": app_id, "merchants": {merchant_id: [update]}}
    is_whole = merchant_id and object_id and verb and ts
    return HookItem(
        key=f"{app_id}:{merchant_id}:{object_id}:{verb}:{ts}" if is_whole else "",
        type=f"{_kind(object_id)}.{verb.lower()}",
        data=data,
        identity=data,
        merchant_id=merchant_id or None,
        occurred_at=since_1970(fields, "ts", unit="milliseconds"),
        entity_id=object_id or None,
        entity_version=ts,
    )


def _kind(object_id: str) -> str:
    """Name the kind of an object; an unknown prefix is its own kind."""
    prefix, colon, _ = object_id.partition(":")
    return _KINDS.get(prefix, prefix.lower() or "unknown") if colon else "unknown"


PROVIDER = Clover()
