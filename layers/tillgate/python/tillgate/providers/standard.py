"""Standard Webhooks 1.0, for partners' own integrations.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.provider import HookItem, HookRequest, NoHandshake
from tillgate.domain.signatures import decoded_base64, hmac_sha256, matches_base64
from tillgate.providers.body import identifier, json_object, member, occurred_at, text

if TYPE_CHECKING:
    from collections.abc import Sequence

TOLERANCE_SECONDS = 300


class Standard(NoHandshake):
    """Signs id, time of sending and body; the time may be five minutes off, either way."""

    name = "standard"
    signs_merchant = False

    def verify(self, request: HookRequest, secret: str) -> bool:
        headers = request.headers
        message_id = headers.get("webhook-id", "")
        timestamp = headers.get("webhook-timestamp", "")
        key = decoded_base64(secret.removeprefix("whsec_"))
        if not message_id or key is None or not _is_recent(timestamp, request):
            return False
        prefix = f"{message_id}.{timestamp}.".encode("utf-8", "surrogatepass")
        expected = hmac_sha256(key, prefix + request.body)
        # Several signatures are sent while the sender's own secret is rotated. Every one
        # is compared, so that the time taken does not tell which.
        matches = [
            matches_base64(expected, signature.removeprefix("v1,"))
            for signature in headers.get("webhook-signature", "").split(" ")
            if signature.startswith("v1,")
        ]
        return True in matches

    def split(self, request: HookRequest) -> Sequence[HookItem]:
        body = json_object(request.body)
        return [
            HookItem(
                key=request.headers.get("webhook-id", ""),
                type=text(body, "type") or "unknown",
                data=body,
                identity=body,
                occurred_at=occurred_at(body, "timestamp"),
                entity_id=identifier(member(body, "data"), "id"),
            )
        ]


def _is_recent(timestamp: str, request: HookRequest) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= len("9999999999")):
        return False
    return abs(request.received_at.timestamp() - int(timestamp)) <= TOLERANCE_SECONDS
