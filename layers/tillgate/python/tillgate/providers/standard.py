"""Standard Webhooks 1.0, for partners' own integrations.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

from tillgate.domain.hook_body import identifier, json_object, member, occurred_at, text
from tillgate.domain.provider import HookItem, HookRequest, Vendor
from tillgate.domain.signatures import decoded_base64, hmac_sha256, is_recent, matches_base64
from tillgate.domain.vendor_rules import DAY, HOUR, MINUTE, RetryRules

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECRET_BYTES = 32


class Standard(Vendor):
    """Signs id, time of sending and body; the time may be five minutes off, either way."""

    name = "standard"
    signs_merchant = False
    # The key is decoded from base64, so it has to be that.
    secret_pattern = (
        r"^(whsec_)?([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$"  # noqa: S105  What they look like.
    )
    secret_form = "must be whsec_ and base64, as Standard Webhooks says"  # noqa: S105  For people.
    # The specification leaves it to the sender; these are those of the one that wrote it.
    retries = RetryRules(
        documents="https://docs.svix.com/retries",
        answer_seconds=15,
        delays_seconds=(5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR),
        ends_after_silent_seconds=5 * DAY,
    )

    def new_secret(self) -> str:
        return "whsec_" + base64.b64encode(os.urandom(_SECRET_BYTES)).decode()

    def verify(self, request: HookRequest, secret: str) -> bool:
        headers = request.headers
        message_id = headers.get("webhook-id", "")
        timestamp = headers.get("webhook-timestamp", "")
        key = decoded_base64(secret.removeprefix("whsec_"))
        if not message_id or key is None or not is_recent(timestamp, request.received_at):
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


PROVIDER = Standard()
