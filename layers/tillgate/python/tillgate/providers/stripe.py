"""Stripe, for payments at its terminals.

https://docs.stripe.com/webhooks#verify-manually
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.hook_body import json_object, member, since_1970, text
from tillgate.domain.provider import HookItem, HookRequest, Vendor
from tillgate.domain.signatures import hmac_sha256, is_one_hex, is_recent, timed_signatures
from tillgate.domain.vendor_rules import HOUR, RetryRules

if TYPE_CHECKING:
    from collections.abc import Sequence


class Stripe(Vendor):
    """Signs time of sending and body; the time may be five minutes off, either way.

    The merchant is the connected account, which events of the account's own do not name. Of
    the payload styles it is the snapshots that are read: the thin ones hold no object.
    """

    name = "stripe"
    signs_merchant = True
    # The whole text is the key, prefix and all.
    secret_pattern = r"^whsec_[A-Za-z0-9_+/=-]+$"  # noqa: S105  What they look like.
    secret_form = "must be whsec_ and what follows it, as Stripe shows it"  # noqa: S105  For people.
    # Exponential for three days; when exactly is not published. Doubling from an hour.
    retries = RetryRules(
        documents="https://docs.stripe.com/webhooks#event-delivery-behaviors",
        answer_seconds=None,
        delays_seconds=tuple(HOUR * 2**n for n in range(6)),
    )

    def new_secret(self) -> str:
        return "whsec_" + super().new_secret()

    def verify(self, request: HookRequest, secret: str) -> bool:
        # Several are sent while a secret is rolled; other schemes are not for live events.
        timestamp, signatures = timed_signatures(request.headers.get("stripe-signature", ""))
        if not is_recent(timestamp, request.received_at):
            return False
        signed = f"{timestamp}.".encode() + request.body
        return is_one_hex(hmac_sha256(secret.encode(), signed), signatures)

    def split(self, request: HookRequest) -> Sequence[HookItem]:
        body = json_object(request.body)
        return [
            HookItem(
                key=text(body, "id"),
                type=text(body, "type") or "unknown",
                data=body,
                # How many endpoints are still to acknowledge it: fewer at a resend.
                identity={name: body[name] for name in body if name != "pending_webhooks"},
                merchant_id=text(body, "account") or None,
                occurred_at=since_1970(body, "created", unit="seconds"),
                entity_id=text(member(member(body, "data"), "object"), "id") or None,
            )
        ]


PROVIDER = Stripe()
