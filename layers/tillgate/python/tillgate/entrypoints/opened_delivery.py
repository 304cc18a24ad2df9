"""An opened delivery as the operator is shown it: bounded, and without what would let one send."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from tillgate.domain.set_aside import MAX_SHOWN_BYTES

if TYPE_CHECKING:
    from tillgate.domain.set_aside import OpenedDelivery

# These are shown as they came; what is not known to be harmless may be a signature, a code or a
# token, whatever its vendor calls it.
_SHOWN_HEADERS = frozenset(
    {
        "accept", "accept-encoding", "content-encoding", "content-length", "content-type", "date",
        "toast-attempt-number", "toast-restaurant-external-id", "traceparent", "user-agent",
        "webhook-id", "webhook-timestamp", "x-request-id", "x-shopify-api-version",
        "x-shopify-event-id", "x-shopify-shop-domain", "x-shopify-topic",
        "x-shopify-triggered-at", "x-shopify-webhook-id",
    }
)  # fmt: skip
_SHOWN_HEADER_CHARACTERS = 1024
_SHOWN_HEADERS_AT_MOST = 100


def shown(opened: OpenedDelivery) -> dict[str, Any]:
    """Give the content as text where it is text, else as base64, cut at MAX_SHOWN_BYTES."""
    body = opened.content[:MAX_SHOWN_BYTES]
    text = _text(body, is_cut=len(body) < len(opened.content))
    provider, endpoint_id = opened.address or (None, None)
    return {
        "called": {"provider": provider, "endpoint_id": endpoint_id},
        "headers": {
            name[:_SHOWN_HEADER_CHARACTERS]: _header(name, value)
            for name, value in list(opened.headers.items())[:_SHOWN_HEADERS_AT_MOST]
        },
        "encoding": "base64" if text is None else "text",
        "body": base64.b64encode(body).decode() if text is None else text,
        "body_bytes": len(opened.content),
        "is_cut": len(body) < len(opened.content),
        "was_kept_whole": not opened.is_cut,
    }


def _header(name: str, value: str) -> str:
    if name in _SHOWN_HEADERS:
        return value[:_SHOWN_HEADER_CHARACTERS]
    return f"(masked, {len(value)} characters)"


def _text(body: bytes, *, is_cut: bool) -> str | None:
    """Read it as UTF-8; of what was cut, the last character may have been."""
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        whole = body[: error.start]
        if is_cut and len(body) - len(whole) < 4:  # noqa: PLR2004  The bytes of a character.
            return whole.decode()
        return None
