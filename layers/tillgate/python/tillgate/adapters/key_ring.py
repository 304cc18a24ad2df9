"""Sealing with AES-256-GCM under a ring of keys (NIST SP 800-38D)."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tillgate.domain.errors import KeyMissingError, SealBrokenError, SecretUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

_NONCE_BYTES = 12
_VERSION = 1
_MAX_KID_BYTES = 255


class KeyRingSecretBox:
    """Implements SecretBox over ``{"k1": "...", "k2": "..."}``; the last key seals.

    A key is derived from the ring's text by SHA-256: the text is random and long, so it
    needs no slow derivation. Sealed bytes: version (1), length of kid (1), kid, nonce
    (12), ciphertext with its tag (16).
    """

    def __init__(self, read_ring: Callable[[], str]) -> None:
        self._read_ring = read_ring
        self._ring: dict[str, AESGCM] = {}

    @property
    def kids(self) -> tuple[str, ...]:
        """The keys' names, the one that seals last. Raises SecretUnavailableError."""
        if not self._ring:
            self.reload()
        return tuple(self._ring)

    def reload(self) -> None:
        """Read the ring again. Raises SecretUnavailableError, and keeps the old one then."""
        try:
            texts = json.loads(self._read_ring())
            ring = {
                str(kid): AESGCM(hashlib.sha256(f"tillgate-key:{text}".encode()).digest())
                for kid, text in texts.items()
            }
        except (ValueError, AttributeError) as error:
            raise SecretUnavailableError("the key ring is not a JSON object of keys") from error
        if not ring:
            raise SecretUnavailableError("the key ring is empty")
        if not all(kid.isascii() and len(kid) <= _MAX_KID_BYTES for kid in ring):
            # What it would seal could not be opened again.
            raise SecretUnavailableError("a key's name is not ASCII, or too long")
        self._ring = ring

    def seal(self, plain: bytes, *, context: str) -> bytes:
        kid = self.kids[-1]
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ring[kid].encrypt(nonce, plain, context.encode())
        return bytes((_VERSION, len(kid))) + kid.encode() + nonce + sealed

    def open(self, sealed: bytes, *, context: str) -> bytes:
        body = memoryview(sealed)
        if len(body) < 2 + _NONCE_BYTES or body[0] != _VERSION:
            raise SealBrokenError("this is not sealed text")
        kid = bytes(body[2 : 2 + body[1]]).decode("ascii", "replace")
        if kid not in self.kids:
            # Another sandbox may have sealed with a key that was added since.
            self.reload()
        if kid not in self._ring:
            raise KeyMissingError(f"the key ring has no key {kid!r}")
        rest = body[2 + body[1] :]
        try:
            return self._ring[kid].decrypt(
                rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], context.encode()
            )
        except (InvalidTag, ValueError) as error:
            raise SealBrokenError("sealed text does not open here") from error
