"""What must hold in the database at every instant, asked in one statement, so in one snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

if TYPE_CHECKING:
    from tests.integration.testdatabase import Connection

# Each row is one fault: what, tenant, event. For a superuser, whom no policy hides a row from,
# and as long as nothing is retired: a key outlives its event then.
_FAULTS: LiteralString = """
    SELECT 'a key without its event', k.tenant_id::text, k.event_id::text
    FROM tillgate.ingest_key AS k
    LEFT JOIN tillgate.event AS e ON e.tenant_id = k.tenant_id AND e.event_id = k.event_id
    WHERE e.event_id IS NULL
    UNION ALL
    SELECT 'a key without its delivery', k.tenant_id::text, k.event_id::text
    FROM tillgate.ingest_key AS k
    LEFT JOIN tillgate.delivery AS d ON d.tenant_id = k.tenant_id AND d.event_id = k.event_id
    WHERE d.event_id IS NULL
    UNION ALL
    SELECT 'an event without its key', e.tenant_id::text, e.event_id::text
    FROM tillgate.event AS e
    LEFT JOIN tillgate.ingest_key AS k ON k.tenant_id = e.tenant_id AND k.event_id = e.event_id
    WHERE k.event_id IS NULL
    UNION ALL
    SELECT 'a delivery without its key', d.tenant_id::text, d.event_id::text
    FROM tillgate.delivery AS d
    LEFT JOIN tillgate.ingest_key AS k ON k.tenant_id = d.tenant_id AND k.event_id = d.event_id
    WHERE k.event_id IS NULL
    UNION ALL
    SELECT 'a key and an event that differ', k.tenant_id::text, k.event_id::text
    FROM tillgate.ingest_key AS k
    JOIN tillgate.event AS e ON e.tenant_id = k.tenant_id AND e.event_id = k.event_id
    WHERE (substr(k.key, strpos(k.key, ':') + 1), k.received_at, k.stored_at)
        IS DISTINCT FROM (e.idempotency_key, e.received_at, e.stored_at)
    UNION ALL
    SELECT 'several keys of one event', k.tenant_id::text, k.event_id::text
    FROM tillgate.ingest_key AS k
    GROUP BY k.tenant_id, k.event_id
    HAVING count(*) > 1
    UNION ALL
    SELECT 'an event outside the partition of its time', e.tenant_id::text, e.event_id::text
    FROM tillgate.event AS e
    WHERE e.tableoid <> to_regclass(
        'tillgate.event_' || to_char(e.stored_at AT TIME ZONE 'UTC', 'YYYYMMDD'))
"""


def faults(superuser: Connection) -> list[tuple[str, str, str]]:
    """List what is torn: (what, tenant_id, event_id). Safe under load."""
    return [(what, tenant, event) for what, tenant, event in superuser.execute(_FAULTS)]
