"""Zettle by PayPal.

https://developer.zettle.com/docs/api/pusher/user-guides/create-subscriptions
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.errors import UnreadableDeliveryError
from tillgate.domain.hook_body import identifier, json_object, member, occurred_at, text
from tillgate.domain.provider import Handshake, HookItem, HookRequest, Vendor
from tillgate.domain.signatures import hmac_sha256, matches_hex
from tillgate.domain.vendor_rules import HOUR, MINUTE, RetryRules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tillgate.domain.provider import Hook

_SIGNATURE = "x-izettle-signature"
_TEST = "TestMessage"
# It has about 300. Anyone can post one: what is longer is not read.
_MAX_HANDSHAKE_BYTES = 1024
# What a payload's object is called in it, by the kinds of events there are.
_ENTITIES = ("purchaseUuid", "uuid", "productUuid")


class Zettle(Vendor):
    """Signs two of the body's fields: ``timestamp``, a dot, and ``payload``.

    The payload is JSON written as a text, and signed as that text. The event holds the whole
    envelope as it came, with the payload still a text: what was signed stays what is kept,
    number for number, and a reader finds what Zettle documents. It is read here for the id of
    what it is about alone. The timestamp is the event's and stays as it was in a resend, days
    later, so it is not held against the clock.

    Id, name and organization stand outside the signature. So the organization chooses no
    tenant, it is only held against the source's; and whoever knows one good delivery can
    send it again under another ``messageId``: the same source's event is stored a second
    time. A fingerprint is compared under one key only, so none can tell; a key made from
    what is signed could, and would make one event of two that say the same at the same
    millisecond. An event that is there twice can be told by ``data.timestamp`` and
    ``data.payload``; one that is missing cannot. Under the same id, another name or
    organization is a conflict.

    Its signing key is in the answer to the call that makes the subscription, which Zettle
    gives only after the URL answered its test message.
    """

    name = "zettle"
    signs_merchant = False
    has_handshake = True
    retries = RetryRules(
        documents="https://developer.zettle.com/docs/api/pusher/overview",
        answer_seconds=10,
        delays_seconds=(*[MINUTE] * 10, *[10 * MINUTE] * 9, *[HOUR] * 68),
        ends_when_exhausted=True,
    )

    def handshake(self, hook: Hook) -> Handshake | None:
        """Read a test message: it has nothing that is worth keeping, whoever sent it.

        Its payload is an object, where an event's is a text. One was seen with a signature
        (https://github.com/iZettle/api-documentation/issues/80), by the key that nobody has
        yet: whether there is one does not matter.
        """
        if len(hook.body) > _MAX_HANDSHAKE_BYTES or _TEST.encode() not in hook.body:
            return None
        try:
            body = json_object(hook.body)
        except UnreadableDeliveryError:
            return None
        is_test = text(body, "eventName") == _TEST and isinstance(body.get("payload"), dict)
        return Handshake() if is_test else None

    def verify(self, request: HookRequest, secret: str) -> bool:
        signature = request.headers.get(_SIGNATURE, "")
        # What is signed stands inside the body: it is not read without need.
        if not signature:
            return False
        try:
            body = json_object(request.body)
        except UnreadableDeliveryError:
            return False
        timestamp, payload = text(body, "timestamp"), text(body, "payload")
        # Timestamps have dots too. An object begins the payload, so that there is one way
        # only to take the signed text apart.
        if not timestamp or "{" in timestamp or not payload.startswith("{"):
            return False
        signed = f"{timestamp}.{payload}".encode("utf-8", "surrogatepass")
        return matches_hex(hmac_sha256(secret.encode(), signed), signature)

    def split(self, request: HookRequest) -> Sequence[HookItem]:
        body = json_object(request.body)
        return [
            HookItem(
                key=text(body, "messageId"),
                type=text(body, "eventName") or "unknown",
                data=body,
                identity=body,
                merchant_id=text(body, "organizationUuid") or None,
                occurred_at=occurred_at(body, "timestamp"),
                entity_id=_entity_id(text(body, "payload")),
            )
        ]


def _entity_id(payload: str) -> str | None:
    """Name what the event is about; None where the payload does not say, or cannot be read."""
    try:
        read = json_object(payload.encode("utf-8", "surrogatepass"))
    except UnreadableDeliveryError:
        return None
    named = (identifier(read, name) for name in _ENTITIES)
    return next(filter(None, named), None) or identifier(member(read, "newEntity"), "uuid")


PROVIDER = Zettle()
