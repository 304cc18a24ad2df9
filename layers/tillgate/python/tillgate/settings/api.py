"""What functions/api is told."""

from __future__ import annotations

from dataclasses import dataclass

from tillgate.settings.function import (
    EVENT_RETENTION_DAYS,
    MAX_BURST,
    MAX_EVENT_RETENTION_DAYS,
    MAX_EVENTS_PER_SECOND,
    MIN_EVENT_RETENTION_DAYS,
    FunctionSettings,
    bounded,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings(FunctionSettings):
    """The database under two roles: the tenants' reader, and the operator's.

    ``event_retention_days`` is sweep's, which the operator is told.
    ``tenant_events_per_second`` and ``tenant_burst`` are ingest's, and here for a tenant's reads.
    """

    database_secret_arn: str
    admin_database_secret_arn: str
    key_ring_secret_arn: str
    operator_secret_arn: str
    allow_private_destinations: int = bounded(0, low=0, high=1)
    event_retention_days: int = bounded(
        EVENT_RETENTION_DAYS, low=MIN_EVENT_RETENTION_DAYS, high=MAX_EVENT_RETENTION_DAYS
    )
    tenant_events_per_second: int = bounded(
        MAX_EVENTS_PER_SECOND, low=1, high=MAX_EVENTS_PER_SECOND
    )
    tenant_burst: int = bounded(MAX_BURST, low=1, high=MAX_BURST)
