"""What functions/watch is told."""

from __future__ import annotations

from dataclasses import dataclass

from tillgate.settings.function import FunctionSettings, bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings(FunctionSettings):
    """The watch role's database, and the queues whose messages it counts.

    ``watch_seconds`` is what one run may take, whatever it waits for.
    """

    database_secret_arn: str
    accept_queue_url: str
    accept_dead_letter_queue_url: str
    delivery_queue_url: str
    redrive_queue_url: str
    delivery_dead_letter_queue_url: str
    watch_seconds: int = bounded(45, low=3, high=840)
