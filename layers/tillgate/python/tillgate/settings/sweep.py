"""What functions/sweep is told."""

from __future__ import annotations

from dataclasses import dataclass

from tillgate.settings.function import (
    EVENT_RETENTION_DAYS,
    MAX_EVENT_RETENTION_DAYS,
    MIN_EVENT_RETENTION_DAYS,
    FunctionSettings,
    bounded,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSettings(FunctionSettings):
    """The sweep role's database, where the snapshot is kept, and the queues it feeds.

    ``sweep_seconds`` is for how long one run looks, each second, for what is due.
    ``event_retention_days`` is for how long events are kept of tenants that have no retention of
    their own.
    """

    database_secret_arn: str
    key_ring_secret_arn: str
    objects_bucket: str
    delivery_queue_url: str
    redrive_queue_url: str
    sweep_seconds: int = bounded(57, low=0, high=840)
    event_retention_days: int = bounded(
        EVENT_RETENTION_DAYS, low=MIN_EVENT_RETENTION_DAYS, high=MAX_EVENT_RETENTION_DAYS
    )
