"""Idempotency keys and fingerprints (IETF draft-ietf-httpapi-idempotency-key-header-07)."""

from __future__ import annotations

import hashlib
import re

from tillgate.domain.errors import IdempotencyKeyInvalidError, IdempotencyKeyRequiredError

MAX_KEY_LENGTH = 255
API_NAMESPACE = "api"

_BARE = re.compile(r"[!#-+\--\[\]-~]+\Z")  # Visible ASCII without space, quote, comma, backslash.
# RFC 8941, section 3.3.3: a quoted string in which only the quote and the backslash are escaped.
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"\Z')
_VISIBLE = re.compile(r"[!-~]+\Z")


def idempotency_key(header: str | None) -> str:
    """Read the key from the header's value: a bare key, or one structured-field string.

    Raises IdempotencyKeyRequiredError when there is no header, and
    IdempotencyKeyInvalidError when it holds no usable key.
    """
    if header is None:
        raise IdempotencyKeyRequiredError(
            "Send an Idempotency-Key header that is unique to this event, so that it is safe to"
            " repeat the call."
        )
    if len(header) <= MAX_KEY_LENGTH and _BARE.match(header):
        # What nearly every sender sends.
        return header
    value = header.strip(" \t")
    if value.startswith('"'):
        quoted = _QUOTED.match(value)
        if quoted is None:
            raise IdempotencyKeyInvalidError(
                "A value that begins with a quote must be one whole quoted string."
            )
        key = re.sub(r"\\(.)", r"\1", quoted[1])
    elif value and not _BARE.match(value):
        raise IdempotencyKeyInvalidError(
            "An unquoted key is visible ASCII without space, comma, quote or backslash."
        )
    else:
        key = value
    return usable_key(key)


def usable_key(key: str) -> str:
    """Give the key back when it is 1 to 255 visible ASCII characters.

    Raises IdempotencyKeyInvalidError otherwise.
    """
    if not key:
        raise IdempotencyKeyInvalidError("The key is empty.")
    if len(key) > MAX_KEY_LENGTH:
        raise IdempotencyKeyInvalidError(f"The key is longer than {MAX_KEY_LENGTH} characters.")
    if not _VISIBLE.match(key):
        raise IdempotencyKeyInvalidError("The key holds characters that are not visible ASCII.")
    return key


def stored_key(namespace: str, key: str) -> str:
    """Put the key in the namespace of whoever made it, so that two senders cannot collide."""
    return f"{namespace}:{key}"


def fingerprint(*canonical: str) -> str:
    """Give the SHA-256 (hex) over canonical JSON texts: what makes an event the same event."""
    return hashlib.sha256("\n".join(canonical).encode()).hexdigest()
