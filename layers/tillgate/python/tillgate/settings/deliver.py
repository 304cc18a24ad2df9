"""What functions/deliver is told."""

from __future__ import annotations

from dataclasses import dataclass

from tillgate.settings.function import FunctionSettings, bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverSettings(FunctionSettings):
    """The deliver role's database, and the queue that deliver is fed from.

    ``allow_private_destinations`` is 1 only where the stage is a machine's own: then a
    destination may be plain http at an address that is not public. ``batch_seconds`` is
    what one batch of messages may take.
    """

    database_secret_arn: str
    key_ring_secret_arn: str
    delivery_queue_url: str
    redrive_queue_url: str
    dead_letter_queue_url: str
    allow_private_destinations: int = bounded(0, low=0, high=1)
    batch_seconds: int = bounded(40, low=5, high=600)
