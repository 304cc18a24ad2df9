"""Lightspeed Retail (X-Series).

https://x-series-api.lightspeedhq.com/docs/webhooks
"""

from __future__ import annotations

import hashlib
import re
from binascii import a2b_qp
from typing import TYPE_CHECKING

from tillgate.domain.errors import UnreadableDeliveryError
from tillgate.domain.hook_body import identifier, integer_text, json_object, occurred_at
from tillgate.domain.json_value import LoneSurrogateError, dump
from tillgate.domain.provider import HookItem, HookRequest, Vendor
from tillgate.domain.signatures import hmac_sha256, matches_hex
from tillgate.domain.vendor_rules import MINUTE, RetryRules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tillgate.domain.json_value import JsonValue

_ALGORITHM = "HMAC-SHA256"
# Five are known.
_MAX_FIELDS = 50
_MALFORMED_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class Lightspeed(Vendor):
    """Signs the body, a form, with the app's client secret, and names the algorithm beside it.

    The form's field ``payload`` is JSON, and the only one that is promised: what is stored is
    the form with that read. An event has no id, so it is made of type, object and version.
    ``domain_prefix`` is the merchant, and ``type`` the event's type, where the form has them.
    """

    name = "lightspeed"
    signs_merchant = True
    # Twenty over 48 hours; when exactly is not published. Doubling, then evenly.
    retries = RetryRules(
        documents="https://x-series-api.lightspeedhq.com/docs/webhooks",
        answer_seconds=5,
        delays_seconds=(*(MINUTE * 2**n for n in range(8)), *[216 * MINUTE] * 12),
    )

    def verify(self, request: HookRequest, secret: str) -> bool:
        parts = [
            part.strip().partition("=")
            for part in request.headers.get("x-signature", "").split(",")
        ]
        named = {name: value for name, _, value in parts}
        if len(named) != len(parts) or named.get("algorithm") != _ALGORITHM:
            return False
        return matches_hex(hmac_sha256(secret.encode(), request.body), named.get("signature", ""))

    def split(self, request: HookRequest) -> Sequence[HookItem]:
        form = _form(request.body)
        if "payload" not in form:
            raise UnreadableDeliveryError("the form has no payload")
        payload = json_object(form["payload"].encode())
        type_, prefix = form.get("type") or "unknown", form.get("domain_prefix", "")
        digest = _digest(type_, payload)
        return [
            HookItem(
                key=f"{prefix}:{digest}" if prefix else digest,
                type=type_,
                data={**form, "payload": payload},
                identity=payload,
                merchant_id=prefix or None,
                occurred_at=occurred_at(payload, "updated_at"),
                entity_id=identifier(payload, "id"),
                entity_version=integer_text(payload, "version"),
            )
        ]


def _form(body: bytes) -> dict[str, str]:
    """Read a form. Raises UnreadableDeliveryError for anything out of order in it."""
    fields = body.split(b"&", _MAX_FIELDS)
    if len(fields) > _MAX_FIELDS or _MALFORMED_ESCAPE.search(body):
        raise UnreadableDeliveryError("the form has too many fields, or is not percent-encoded")
    form = {}
    for field in fields:
        name, equals, value = field.partition(b"=")
        if not equals:
            raise UnreadableDeliveryError("the body is not a form")
        try:
            form[_decoded(name)] = _decoded(value)
        except UnicodeDecodeError:
            raise UnreadableDeliveryError("the form is not UTF-8") from None
    if len(form) != len(fields):
        raise UnreadableDeliveryError("the form holds a field twice")
    return form


def _decoded(text: bytes) -> str:
    """Undo the encoding of a form's name or value, in which every escape is whole."""
    # Quoted-printable is the same with another sign, and is read in C: urllib's own takes 40
    # times as long, a fifth of a second for a payload of 600 KB.
    plain = text.replace(b"+", b" ").replace(b"=", b"=3D").replace(b"%", b"=")
    return a2b_qp(plain).decode()


def _digest(type_: str, payload: Mapping[str, JsonValue]) -> str:
    """Give the SHA-256 of what makes this event itself; of all of it where it has no version."""
    entity_id, version = identifier(payload, "id"), identifier(payload, "version")
    if entity_id and version:
        text = f"{type_}:{entity_id}:{version}"
    else:
        try:
            text = f"{type_}:{dump(dict(payload))}"
        except LoneSurrogateError as error:
            raise UnreadableDeliveryError(str(error)) from error
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


PROVIDER = Lightspeed()
