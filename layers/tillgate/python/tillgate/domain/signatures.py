"""HMAC-SHA256, as vendors encode it. Comparing takes the same time whatever differs."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

# How far off a time of sending may be that a vendor signs; both that do so name it.
TOLERANCE_SECONDS = 300
_MAX_TIMESTAMP_DIGITS = len("9999999999")


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def matches_base64(expected: bytes, signature: str) -> bool:
    """Tell whether ``signature`` is the base64 text of the expected MAC."""
    return _same(base64.b64encode(expected), signature)


def matches_hex(expected: bytes, signature: str) -> bool:
    """Tell whether ``signature`` is the expected MAC in hex, of whichever case."""
    return _same(expected.hex().encode(), signature.lower())


def timed_signatures(header: str) -> tuple[str, list[str]]:
    """Read ``t=<time of sending>,v1=<signature>``: the first time, and every signature.

    What is of another scheme than v1 is left out.
    """
    parts = [part.strip().partition("=") for part in header.split(",")]
    timestamp = next((value for name, _, value in parts if name == "t"), "")
    return timestamp, [value for name, _, value in parts if name == "v1"]


def is_one_hex(expected: bytes, signatures: Sequence[str]) -> bool:
    """Tell whether one of them is the expected MAC in hex.

    Every one is compared, so that the time taken does not tell which.
    """
    return True in [matches_hex(expected, signature) for signature in signatures]


def is_recent(timestamp: str, received_at: datetime) -> bool:
    """Tell whether a time of sending, in seconds since 1970, is five minutes off at most.

    Either way, and for any text: what is no such number is not recent.
    """
    if not (
        timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _MAX_TIMESTAMP_DIGITS
    ):
        return False
    return abs(received_at.timestamp() - int(timestamp)) <= TOLERANCE_SECONDS


def decoded_base64(text: str) -> bytes | None:
    """Decode standard base64, or give None when the text is not that."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _same(expected: bytes, signature: str) -> bool:
    return hmac.compare_digest(expected, signature.strip().encode("utf-8", "surrogatepass"))
