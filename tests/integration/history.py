"""Events of past days, as accept and deliver would have left them then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, LiteralString

from psycopg import sql

if TYPE_CHECKING:
    from tests.integration.testdatabase import Connection
    from tillgate.domain.tenant import TenantId

_ADD: LiteralString = """
    WITH item AS MATERIALIZED (
        SELECT n, at, tillgate.new_event_id(at) AS id
        FROM (
            SELECT n, date_trunc('day', %(at)s::timestamptz) + interval '1 hour'
                + n * interval '1 second' AS at
            FROM generate_series(1, %(count)s) AS n
        ) AS i
    ), events AS (
        INSERT INTO tillgate.event (
            tenant_id, event_id, idempotency_key, type, entity_id, data, received_at, stored_at
        )
        SELECT %(tenant)s, id, %(prefix)s || n, 'order.created', %(text)s, %(data)s, at, at
        FROM item
    ), keys AS (
        INSERT INTO tillgate.ingest_key (
            tenant_id, key, fingerprint, event_id, received_at, stored_at
        )
        SELECT %(tenant)s, 'api:' || %(prefix)s || n, sha256(convert_to(%(data)s, 'UTF8')), id, at,
            at
        FROM item
    ), attempts AS (
        INSERT INTO tillgate.attempt (tenant_id, event_id, attempt_id, at, outcome, reason, since)
        SELECT %(tenant)s, id, gen_random_uuid(), at, 'gave_up', %(text)s, at FROM item
    )
    INSERT INTO tillgate.delivery (
        tenant_id, event_id, state, since, due_at, gave_up_reason, discarded_at
    )
    SELECT %(tenant)s, id, %(state)s, at, at, %(text)s,
        CASE WHEN %(is_discarded)s THEN at END
    FROM item
"""
# The first 48 bits of an id are milliseconds since 1970.
_AGES: LiteralString = """
    SELECT (now() AT TIME ZONE 'UTC')::date - (to_timestamp(
        ('x' || substr(replace(event_id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0
    ) AT TIME ZONE 'UTC')::date, count(*)
    FROM tillgate.{table} WHERE tenant_id = %s GROUP BY 1 ORDER BY 1
"""
TODAY = datetime.now(UTC)


def add_events(
    superuser: Connection,
    tenant: TenantId,
    *,
    days_ago: int,
    count: int = 3,
    state: str = "delivered",
    is_discarded: bool = False,
    data: str = "{}",
    text: str = "x",
    key: str = "",
) -> None:
    """Add events of one past day, with an attempt each.

    Their keys are ``api:<days_ago>-<key><state>-<n>``.
    """
    at = TODAY - timedelta(days=days_ago)
    superuser.execute("SELECT tillgate.make_partitions(%s)", (at.date(),))
    superuser.execute(
        _ADD,
        {
            "at": at,
            "count": count,
            "tenant": tenant,
            "prefix": f"{days_ago}-{key}{state}-",
            "state": state,
            "is_discarded": is_discarded,
            "data": data,
            "text": text,
        },
    )


def ages(superuser: Connection, table: str, tenant: TenantId) -> dict[int, int]:
    """Give how many rows of a tenant's there are, by how many days ago they were stored."""
    rows = superuser.execute(
        sql.SQL(_AGES).format(table=sql.Identifier(table)), (tenant,)
    ).fetchall()
    return dict(rows)
