"""Sealing with AES-256-GCM under a ring of keys (NIST SP 800-38D)."""

from __future__ import annotations

import hashlib
import json
import os
import time
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tillgate.domain.errors import KeyMissingError, SealBrokenError, SecretUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.adapters.secrets_manager import SecretsManager

_NONCE_BYTES = 12
_VERSION = 1
_MAX_KID_BYTES = 255


# A ring that is older is read again before it seals or opens, so that a new key comes into use,
# and one that was taken out, out of it.
RING_FRESH_SECONDS = 300.0
# When that was to no avail, the old ring serves for so long before the next look.
_LOOK_AGAIN_SECONDS = 60.0
# For a look at a ring of which an older one is at hand: a sender waits, and Secrets Manager may
# be down together with the database.
_READ_AGAIN_SECONDS = 0.3


class KeyRingSecretBox:
    """Implements SecretBox over ``{"k1": "...", "k2": "..."}``; the last key seals.

    A key is derived from the ring's text by SHA-256: the text is random and long, so it
    needs no slow derivation. Sealed bytes: version (1), length of kid (1), kid, nonce
    (12), ciphertext with its tag (16).

    ``read_again`` reads it where an older one is at hand, so it may give up sooner. ``clock``
    gives seconds by the wall clock: a sandbox's monotonic one may stand still between requests.
    """

    def __init__(
        self,
        read_ring: Callable[[], str],
        *,
        read_again: Callable[[], str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._read_ring = read_ring
        self._read_again = read_again or read_ring
        self._clock = clock
        self._ring: dict[str, AESGCM] = {}
        self._looked_at = 0.0
        self._look_after = 0.0

    @property
    def kids(self) -> tuple[str, ...]:
        """The keys' names, the one that seals last. Raises SecretUnavailableError."""
        return tuple(self._fresh())

    def reload(self) -> None:
        """Read the ring again. Raises SecretUnavailableError, and keeps the old one then."""
        self._load(self._read_ring)

    def _fresh(self) -> dict[str, AESGCM]:
        """Give the ring, an old one only where no newer is to be had."""
        if not self._ring:
            self.reload()
        # An age below zero means that the clock was set back.
        elif not 0 <= self._clock() - self._looked_at < self._look_after:
            try:
                self._load(self._read_again)
            except SecretUnavailableError:
                self._looked_at, self._look_after = self._clock(), _LOOK_AGAIN_SECONDS
        return self._ring

    def _load(self, read_ring: Callable[[], str]) -> None:
        try:
            texts = json.loads(read_ring())
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
        self._looked_at, self._look_after = self._clock(), RING_FRESH_SECONDS

    def seal(self, plain: bytes, *, context: str) -> bytes:
        ring = self._fresh()
        kid = next(reversed(ring))
        nonce = os.urandom(_NONCE_BYTES)
        sealed = ring[kid].encrypt(nonce, plain, context.encode())
        return bytes((_VERSION, len(kid))) + kid.encode() + nonce + sealed

    def open(self, sealed: bytes, *, context: str) -> bytes:
        body = memoryview(sealed)
        if len(body) < 2 + _NONCE_BYTES or body[0] != _VERSION:
            raise SealBrokenError("this is not sealed text")
        kid = bytes(body[2 : 2 + body[1]]).decode("ascii", "replace")
        ring = self._fresh()
        if kid not in ring:
            # Another sandbox may have sealed with a key that was added since.
            self.reload()
            ring = self._ring
        if kid not in ring:
            raise KeyMissingError(f"the key ring has no key {kid!r}")
        rest = body[2 + body[1] :]
        try:
            return ring[kid].decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError) as error:
            raise SealBrokenError("sealed text does not open here") from error


def key_ring(secrets: SecretsManager, secret_id: str) -> KeyRingSecretBox:
    """Seal by the ring in this secret; it is read at first use, and again when it is old."""
    return KeyRingSecretBox(
        lambda: secrets.read(secret_id),
        read_again=lambda: secrets.read(secret_id, within_seconds=_READ_AGAIN_SECONDS),
    )
