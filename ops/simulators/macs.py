"""HMAC-SHA256, in the two ways in which vendors write it."""

from __future__ import annotations

import base64
import hashlib
import hmac


def hmac_base64(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def hmac_hex(key: bytes, signed: bytes) -> str:
    return hmac.digest(key, signed, hashlib.sha256).hex()
