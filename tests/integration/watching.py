"""Tenants and sources as the watcher finds them."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tillgate.domain.tenant import SourceId

if TYPE_CHECKING:
    from tests.integration.deliveries import DeliveryStand
    from tillgate.domain.tenant import TenantId

LONG_AGO = datetime(2026, 1, 5, 9, tzinfo=UTC)
ALWAYS = {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


def add_source(
    stand: DeliveryStand,
    tenant: TenantId,
    *,
    quiet_after: int | None = None,
    made_at: datetime = LONG_AGO,
) -> SourceId:
    source_id = SourceId(str(uuid.uuid4()))
    stand.superuser.execute(
        "INSERT INTO tillgate.source (source_id, tenant_id, provider, name, notification_url,"
        " sealed_secret, quiet_after_minutes, created_at)"
        " VALUES (%s, %s, 'standard', 's', 'https://x', '\\x01', %s, %s)",
        (source_id, tenant, quiet_after, made_at),
    )
    return source_id


def open_always(stand: DeliveryStand, tenant: TenantId, *, since: datetime = LONG_AGO) -> None:
    stand.admin.execute(
        "UPDATE tillgate.tenant SET time_zone = 'Europe/Berlin', opening_hours = %s,"
        " quiet_after_minutes = 60 WHERE tenant_id = %s",
        (json.dumps(ALWAYS), tenant),
    )
    stand.superuser.execute(
        "UPDATE tillgate.tenant SET heeded_since = %s WHERE tenant_id = %s", (since, tenant)
    )


def hear(stand: DeliveryStand, tenant: TenantId, source: SourceId, at: datetime) -> None:
    stand.superuser.execute(
        "INSERT INTO tillgate.source_activity (source_id, tenant_id, last_event_at)"
        " VALUES (%s, %s, %s) ON CONFLICT (source_id) DO UPDATE"
        " SET last_event_at = excluded.last_event_at",
        (source, tenant, at),
    )


def answer(
    stand: DeliveryStand, tenant: str, width: str, ago: timedelta, requests: int, errors: int
) -> None:
    """Have answered that much in the bucket which began that long ago."""
    stand.superuser.execute(
        "INSERT INTO tillgate.tenant_activity (tenant_id, width, starts_at, requests,"
        " server_errors, client_errors, events, duplicates, conflicts, rejected, quarantined,"
        " handler_us, database_us, latency)"
        " VALUES (%s, %s, now() - %s, %s, %s, 0, 0, 0, 0, 0, 0, 0, 0, '{}')",
        (tenant, width, ago, requests, errors),
    )
