"""What tenants did, by time, as the admin role reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from tillgate.domain.activity import PLATFORM
from tillgate.domain.slo import Counts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.slo import Window
    from tillgate.domain.tenant import TenantId

# The buckets of one tenant in each window, by the primary key.
_COUNTS: LiteralString = """
    SELECT coalesce(sum(a.requests), 0), coalesce(sum(a.server_errors), 0),
        ARRAY[
            sum(a.latency[1]), sum(a.latency[2]), sum(a.latency[3]), sum(a.latency[4]),
            sum(a.latency[5]), sum(a.latency[6]), sum(a.latency[7]), sum(a.latency[8]),
            sum(a.latency[9]), sum(a.latency[10]), sum(a.latency[11]), sum(a.latency[12]),
            sum(a.latency[13]), sum(a.latency[14]), sum(a.latency[15])
        ]
    FROM unnest(%s::text[], %s::timestamptz[]) WITH ORDINALITY AS w (width, since, place)
    LEFT JOIN tillgate.tenant_activity AS a
        ON a.tenant_id = %s AND a.width = w.width AND a.starts_at > w.since AND a.starts_at <= %s
    GROUP BY w.place
    ORDER BY w.place
"""


class PostgresActivity:
    """Implements ActivityReader. ``within_seconds`` is the deadline of one call."""

    def __init__(self, database: Database, *, within_seconds: float) -> None:
        self._database = database
        self._within_seconds = within_seconds

    def counts(
        self, tenant_id: TenantId | None, windows: Sequence[Window], *, at: datetime
    ) -> list[Counts]:
        rows = self._database.rows(
            _COUNTS,
            (
                [window.width for window in windows],
                [at - window.length - window.bucket for window in windows],
                tenant_id or PLATFORM,
                at,
            ),
            within_seconds=self._within_seconds,
        )
        return [
            Counts(int(requests), int(errors), tuple(int(number or 0) for number in latency))
            for requests, errors, latency in rows
        ]
