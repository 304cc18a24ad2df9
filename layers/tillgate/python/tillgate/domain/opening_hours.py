"""What the operator says of when tenants' sources are to be heard, and who is quiet now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tillgate.domain.tenant import SourceId, TenantId

# Of one answer; the longest quiet come first.
MAX_QUIET_LISTED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursRecord:
    """When a tenant is open, by weekday ("mon": ["09:00-18:00"]) in its own time zone.

    After ``quiet_after_minutes`` of open time without an event a source of its is quiet.
    """

    tenant_id: TenantId
    time_zone: str
    opening_hours: Mapping[str, Sequence[str]]
    quiet_after_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietSourceRecord:
    """A source that is quiet since ``quiet_since``, the first open instant without an event.

    ``last_event_at`` is None where it was never heard; ``noticed_at`` is when the watcher said so.
    """

    source_id: SourceId
    tenant_id: TenantId
    slug: str
    provider: str
    name: str
    quiet_since: datetime
    last_event_at: datetime | None
    noticed_at: datetime
