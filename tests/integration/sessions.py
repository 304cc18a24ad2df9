"""One sender of a database, and what the server says about the connections of ingest."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, LiteralString

from tests.events import http_event
from tillgate.domain.tenant import token_digest

if TYPE_CHECKING:
    from tests.integration.testdatabase import TestDatabase
    from tillgate.adapters.postgres.connection import Database

TOKEN = "tg_live_made-up"


def add_sender(database: TestDatabase) -> None:
    """Make a tenant whose token is in every ``new_event``."""
    tenant = database.add_tenant("one")
    with database.superuser() as superuser:
        superuser.execute(
            "INSERT INTO tillgate.api_token (tenant_id, name, digest, hint)"
            " VALUES (%s, 'till', %s, 'tg')",
            (tenant, token_digest(TOKEN)),
        )


def new_event() -> dict[str, Any]:
    return http_event(
        "POST",
        "/v1/events",
        headers={
            "Authorization": f"Bearer {TOKEN}",
            "Content-Type": "application/json",
            "Idempotency-Key": uuid.uuid4().hex,
        },
        body='{"type":"order.created","data":{"total":1}}',
    )


def sessions(database: TestDatabase) -> int:
    """Count the connections that functions/ingest holds."""
    return count(
        database,
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename = 'tillgate_ingest'",
    )


def abandoned(database: TestDatabase) -> int:
    """Count the connections whose client went without a word.

    https://www.postgresql.org/docs/current/monitoring-stats.html (pg_stat_database)
    """
    return count(
        database,
        "SELECT sessions_abandoned FROM pg_stat_database WHERE datname = current_database()",
    )


def count(database: TestDatabase, query: LiteralString) -> int:
    """Give the one number of a query."""
    with database.superuser() as superuser:
        row = superuser.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def count_at_once(database: Database) -> None:
    """Let the server's statistics have what this connection did: it would keep that for 10 s."""
    database.rows("SELECT pg_stat_force_next_flush()", within_seconds=3)
