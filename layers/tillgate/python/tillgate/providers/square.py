"""Square.

https://developer.squareup.com/docs/webhooks/step3validate
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.provider import HookItem, HookRequest, NoHandshake
from tillgate.domain.signatures import hmac_sha256, matches_base64
from tillgate.providers.body import integer_text, json_object, member, occurred_at, text

if TYPE_CHECKING:
    from collections.abc import Sequence


class Square(NoHandshake):
    """Signs the notification URL and the body with the subscription's key, used as text."""

    name = "square"
    signs_merchant = True

    def verify(self, request: HookRequest, secret: str) -> bool:
        signed = request.notification_url.encode() + request.body
        return matches_base64(
            hmac_sha256(secret.encode(), signed),
            request.headers.get("x-square-hmacsha256-signature", ""),
        )

    def split(self, request: HookRequest) -> Sequence[HookItem]:
        body = json_object(request.body)
        data = member(body, "data")
        entity = member(member(data, "object"), text(data, "type"))
        return [
            HookItem(
                key=text(body, "event_id"),
                type=text(body, "type") or "unknown",
                data=body,
                identity=body,
                merchant_id=text(body, "merchant_id") or text(body, "location_id") or None,
                occurred_at=occurred_at(body, "created_at"),
                entity_id=text(data, "id") or None,
                entity_version=integer_text(entity, "version"),
            )
        ]
