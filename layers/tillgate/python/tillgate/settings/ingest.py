"""What functions/ingest is told."""

from __future__ import annotations

from dataclasses import dataclass

from tillgate.settings.function import (
    MAX_BURST,
    MAX_EVENTS_PER_SECOND,
    MEBIBYTE,
    FunctionSettings,
    bounded,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSettings(FunctionSettings):
    """The ingest role's database, and the largest body that ``/v1/events`` takes.

    ``accept_queue_url`` and ``objects_bucket`` are what stands in for the database.
    ``tenant_events_per_second`` and ``tenant_burst`` are for tenants without a limit of their own.
    """

    database_secret_arn: str
    key_ring_secret_arn: str
    accept_queue_url: str
    objects_bucket: str
    max_body_bytes: int = bounded(MEBIBYTE, low=1024, high=4 * MEBIBYTE)
    tenant_events_per_second: int = bounded(
        MAX_EVENTS_PER_SECOND, low=1, high=MAX_EVENTS_PER_SECOND
    )
    tenant_burst: int = bounded(MAX_BURST, low=1, high=MAX_BURST)
