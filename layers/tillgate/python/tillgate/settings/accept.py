"""What functions/accept is told."""

from __future__ import annotations

from dataclasses import dataclass

from tillgate.settings.function import FunctionSettings, bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptSettings(FunctionSettings):
    """The accept role's database, and the queue that is stored into it.

    ``batch_seconds`` is what one batch of messages may take; the rest is left for later.
    """

    database_secret_arn: str
    key_ring_secret_arn: str
    accept_queue_url: str
    dead_letter_queue_url: str
    objects_bucket: str
    batch_seconds: int = bounded(20, low=5, high=600)
