"""Square.

https://developer.squareup.com/docs/webhooks/step3validate
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.hook_body import integer_text, json_object, member, occurred_at, text
from tillgate.domain.provider import HookItem, HookRequest, Vendor
from tillgate.domain.signatures import hmac_sha256, matches_base64
from tillgate.domain.vendor_rules import DAY, HOUR, MINUTE, RetryRules

if TYPE_CHECKING:
    from collections.abc import Sequence


class Square(Vendor):
    """Signs the notification URL and the body with the subscription's key, used as text."""

    name = "square"
    signs_merchant = True
    # Retries run for 24 or 72 hours, by the page; 24 taken.
    retries = RetryRules(
        documents="https://developer.squareup.com/docs/webhooks-api/delivery-sla",
        answer_seconds=10,
        delays_seconds=(*(MINUTE * 2**n for n in range(6)), *[HOUR] * 22),
        ends_after_silent_seconds=21 * DAY,
    )

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


PROVIDER = Square()
