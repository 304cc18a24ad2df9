"""The key ring as every function that seals or opens has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.adapters.key_ring import KeyRingSecretBox

if TYPE_CHECKING:
    from tillgate.adapters.secrets_manager import SecretsManager

# For a look at a ring of which an older one is at hand: a sender waits, and Secrets Manager may
# be down together with the database.
_READ_AGAIN_SECONDS = 0.3


def key_ring(secrets: SecretsManager, secret_id: str) -> KeyRingSecretBox:
    """Seal by the ring in this secret; it is read at first use, and again when it is old."""
    return KeyRingSecretBox(
        lambda: secrets.read(secret_id),
        read_again=lambda: secrets.read(secret_id, within_seconds=_READ_AGAIN_SECONDS),
    )
