"""SumUp.

https://developer.sumup.com/webhook-docs/introduction/getting-started
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.hook_body import identifier, json_object, member, occurred_at, text
from tillgate.domain.provider import HookItem, HookRequest, Vendor
from tillgate.domain.signatures import (
    hmac_sha256,
    is_one_hex,
    is_recent,
    matches_hex,
    timed_signatures,
)
from tillgate.domain.vendor_rules import HOUR, MINUTE, RetryRules

if TYPE_CHECKING:
    from collections.abc import Sequence


# SumUp's own SDKs for Go, Java, Rust and TypeScript verify this one; its pages know the other.
# https://github.com/sumup/sumup-go and https://docs.rs/crate/sumup/0.5.14/source/src/events.rs
_NEWER = "x-sumup-webhook-signature"
_OLDER = "x-payload-signature"


class SumUp(Vendor):
    """Signs the body alone, or in a newer header the time of sending and the body.

    That time may be five minutes off, either way. What SumUp posts to the ``return_url`` of a
    checkout is another thing: nobody signs it, and its ``id`` is the checkout's, the same for
    each of its states. That is refused. Card readers' events name the merchant; others do not.
    """

    name = "sumup"
    signs_merchant = True
    # Four by these delays, or nine by an exponential back-off; four taken.
    retries = RetryRules(
        documents="https://developer.sumup.com/online-payments/introduction/webhooks",
        answer_seconds=None,
        delays_seconds=(MINUTE, 5 * MINUTE, 20 * MINUTE, 2 * HOUR),
    )

    def verify(self, request: HookRequest, secret: str) -> bool:
        key, header = secret.encode(), request.headers.get(_NEWER)
        if header is None:
            return matches_hex(hmac_sha256(key, request.body), request.headers.get(_OLDER, ""))
        timestamp, signatures = timed_signatures(header)
        if not is_recent(timestamp, request.received_at):
            return False
        return is_one_hex(hmac_sha256(key, f"v1:{timestamp}:".encode() + request.body), signatures)

    def split(self, request: HookRequest) -> Sequence[HookItem]:
        body = json_object(request.body)
        payload = member(body, "payload")
        return [
            HookItem(
                key=identifier(body, "id") or "",
                type=text(body, "event_type") or text(body, "type") or "unknown",
                data=body,
                identity=body,
                merchant_id=text(payload, "merchant_code") or None,
                occurred_at=occurred_at(body, "timestamp") or occurred_at(body, "created_at"),
                # Of a card reader's checkout, the id under which SumUp's API has the payment.
                entity_id=text(payload, "checkout_id")
                or text(payload, "client_transaction_id")
                or text(member(body, "object"), "id")
                or None,
            )
        ]


PROVIDER = SumUp()
