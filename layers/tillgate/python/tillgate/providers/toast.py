"""Toast.

https://doc.toasttab.com/doc/devguide/apiMessageSigning.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.errors import UnreadableDeliveryError
from tillgate.domain.hook_body import json_object, member, occurred_at, text
from tillgate.domain.provider import HookItem, HookRequest, Vendor
from tillgate.domain.signatures import hmac_sha256, matches_base64
from tillgate.domain.vendor_rules import MINUTE, Pausing, RetryRules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tillgate.domain.json_value import JsonValue


class Toast(Vendor):
    """Signs the body, and the body's ``timestamp`` after it with nothing between.

    The timestamp is the event's and stays as it was in a resend, so it is not held against
    the clock. The event's type is category and type, joined with a dot
    (``stock.out_of_stock``); where both are one word, as for orders, it stands once
    (``order_updated``). The merchant is the restaurant that the body names; the header
    ``Toast-Restaurant-External-ID`` is unsigned and not read.
    """

    name = "toast"
    signs_merchant = True
    # The pauses stand on apiBackOffSupport.html, beside the page named.
    # Whether what a pause holds back is sent after it is left open, and whether a pause
    # forgets the errors before it: no, and no.
    retries = RetryRules(
        documents="https://doc.toasttab.com/doc/devguide/apiRetrySupport.html",
        answer_seconds=2,
        delays_seconds=(5 * MINUTE, 10 * MINUTE),
        resent=frozenset({404, 429, *range(500, 600)}),
        pausing=Pausing(
            errors=50,
            errors_within_seconds=5 * MINUTE,
            pause_seconds=MINUTE,
            pauses=9,
            pauses_within_seconds=10 * MINUTE,
        ),
    )

    def verify(self, request: HookRequest, secret: str) -> bool:
        signature = request.headers.get("toast-signature", "")
        # The one vendor whose body must be read before it is verified: not without need.
        if not signature:
            return False
        try:
            timestamp = text(json_object(request.body), "timestamp")
        except UnreadableDeliveryError:
            return False
        if not timestamp:
            return False
        signed = request.body + timestamp.encode("utf-8", "surrogatepass")
        return matches_base64(hmac_sha256(secret.encode(), signed), signature)

    def split(self, request: HookRequest) -> Sequence[HookItem]:
        body = json_object(request.body)
        details = member(body, "details")
        return [
            HookItem(
                key=text(body, "guid"),
                type=_type(body),
                data=body,
                identity=body,
                merchant_id=text(details, "restaurantGuid") or None,
                occurred_at=occurred_at(body, "timestamp"),
                entity_id=text(member(details, "order"), "guid") or None,
            )
        ]


def _type(body: Mapping[str, JsonValue]) -> str:
    # Keyed by the words: the same one twice stands once.
    words = dict.fromkeys((text(body, "eventCategory"), text(body, "eventType")))
    return ".".join(filter(None, words)) or "unknown"


PROVIDER = Toast()
