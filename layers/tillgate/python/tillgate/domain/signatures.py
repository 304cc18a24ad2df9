"""HMAC-SHA256, as vendors encode it. Comparing takes the same time whatever differs."""

from __future__ import annotations

import base64
import binascii
import hmac


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def matches_base64(expected: bytes, signature: str) -> bool:
    """Tell whether ``signature`` is the base64 text of the expected MAC."""
    return _same(base64.b64encode(expected), signature)


def matches_hex(expected: bytes, signature: str) -> bool:
    """Tell whether ``signature`` is the expected MAC in hex, of whichever case."""
    return _same(expected.hex().encode(), signature.lower())


def decoded_base64(text: str) -> bytes | None:
    """Decode standard base64, or give None when the text is not that."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _same(expected: bytes, signature: str) -> bool:
    return hmac.compare_digest(expected, signature.strip().encode("utf-8", "surrogatepass"))
