"""History by the million: events, keys, deliveries and attempts as a database has them.

The server makes the rows itself, a day at a time and in the order of time, so that heaps,
indexes and partitions come out as if the events had been accepted one after the other.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, LiteralString

from psycopg import sql

from bench.workload import data
from tillgate.domain.tenant import TenantId

if TYPE_CHECKING:
    from datetime import date

    from tests.integration.testdatabase import Connection

TABLES = ("ingest_key", "event", "delivery", "attempt")
_DAY_SECONDS = 86_400
# One in so many was given up, and is a dead letter.
_GAVE_UP_EVERY = 500

_TENANTS: LiteralString = """
    INSERT INTO tillgate.tenant (slug, name)
    SELECT 'seed-' || n, 'Seeded ' || n FROM generate_series(1, %(tenants)s + 1) AS n
    RETURNING tenant_id::text
"""
_DESTINATIONS: LiteralString = """
    INSERT INTO tillgate.destination (tenant_id, kind, url, sealed_secret)
    SELECT t, 'supabase', 'https://seeded.example.test', '\\x01' FROM unnest(%(ids)s::uuid[]) AS t
"""
# The tenant of rank r has ln(1 + 1/r) of all events: the first tenth of a thousand tenants has
# two thirds. The last tenant is apart: its few events are spread over all days.
_DAY: LiteralString = """
    WITH item AS MATERIALIZED (
        SELECT i.n, i.stored_at, tillgate.new_event_id(i.stored_at) AS event_id,
            (%(ids)s::uuid[])[CASE WHEN i.n %% %(sparse_every)s = 0 THEN %(tenants)s + 1
                ELSE floor(power(%(tenants)s + 1, random()))::integer END] AS tenant_id,
            'order-' || gen_random_uuid() AS key,
            '{"receipt": ' || i.n || ', ' || %(data)s AS data
        FROM (
            SELECT n, %(begins)s::timestamptz
                + (n - %(first)s) * (%(seconds)s / (%(last)s - %(first)s)) * interval '1 second'
                AS stored_at
            FROM generate_series(%(first)s, %(last)s - 1) AS n
        ) AS i
    ), keys AS (
        INSERT INTO tillgate.ingest_key (
            tenant_id, key, fingerprint, event_id, received_at, stored_at
        )
        SELECT i.tenant_id, 'api:' || i.key, sha256(convert_to(i.data, 'UTF8')), i.event_id,
            i.stored_at - interval '5 ms', i.stored_at
        FROM item AS i
    ), events AS (
        INSERT INTO tillgate.event (
            tenant_id, event_id, idempotency_key, type, occurred_at, entity_id, entity_version,
            data, received_at, stored_at
        )
        SELECT i.tenant_id, i.event_id, i.key, 'order.created', '2026-11-23T10:00:00Z', i.key, 1,
            i.data, i.stored_at - interval '5 ms', i.stored_at
        FROM item AS i
    ), attempts AS (
        INSERT INTO tillgate.attempt (
            tenant_id, event_id, attempt_id, at, outcome, status, duration_ms, since
        )
        SELECT i.tenant_id, i.event_id, gen_random_uuid(), i.stored_at + interval '1 second',
            CASE WHEN i.n %% %(gave_up_every)s = 1 THEN 'gave_up' ELSE 'delivered' END,
            CASE WHEN i.n %% %(gave_up_every)s = 1 THEN 400 ELSE 201 END, 25, i.stored_at
        FROM item AS i
        WHERE i.n < %(pending)s AND i.n %% %(attempted_every)s = 1
    )
    INSERT INTO tillgate.delivery (
        tenant_id, event_id, state, since, due_at, gave_up_reason
    )
    SELECT i.tenant_id, i.event_id,
        CASE WHEN i.n >= %(pending)s THEN 'pending'
            WHEN i.n %% %(gave_up_every)s = 1 THEN 'gave_up' ELSE 'delivered' END,
        i.stored_at, CASE WHEN i.n >= %(pending)s THEN i.stored_at END,
        CASE WHEN i.n < %(pending)s AND i.n %% %(gave_up_every)s = 1 THEN 'refused' END
    FROM item AS i
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """How much there is to be: as many ``events`` each day, the last of which is ``until``'s.

    ``tenants`` are of very unequal size, and one more has ``sparse`` events spread over all
    days. The newest ``pending`` events wait for delivery, all others were delivered or given
    up; one in ``attempted_every`` has its attempt (the others' would only take time).
    """

    events: int
    days: int
    tenants: int = 1_000
    sparse: int = 60
    pending: int = 1_000
    attempted_every: int = 10
    kilobytes: float = 0.5


@dataclass(frozen=True, slots=True)
class Seeded:
    """What was made: ``tenants`` from the largest on, ``sparse`` apart; it took ``seconds``."""

    tenants: tuple[TenantId, ...]
    sparse: TenantId
    events: int
    first_day: date
    seconds: float

    @property
    def per_second(self) -> float:
        return self.events / self.seconds


def seed(superuser: Connection, plan: Seed, *, until: datetime) -> Seeded:
    """Fill a migrated database, from ``until`` (aware) back; partitions are made on the way.

    Quick where the server does not sync (EmbeddedPostgres with ``durable=False``).
    """
    began = time.monotonic()
    ids = [
        str(tenant_id)
        for (tenant_id,) in superuser.execute(_TENANTS, {"tenants": plan.tenants}).fetchall()
    ]
    superuser.execute(_DESTINATIONS, {"ids": ids})
    first_day = until.date() - timedelta(days=plan.days - 1)
    for number in range(plan.days):
        add_day(
            superuser,
            plan,
            ids,
            first=plan.events * number // plan.days,
            last=plan.events * (number + 1) // plan.days,
            day=first_day + timedelta(days=number),
            until=until,
        )
    settle(superuser)
    tenants = tuple(TenantId(one) for one in ids)
    return Seeded(
        tenants[:-1], tenants[-1], plan.events, first_day, seconds=time.monotonic() - began
    )


def add_day(
    superuser: Connection,
    plan: Seed,
    ids: list[str],
    *,
    first: int,
    last: int,
    day: date,
    until: datetime,
) -> None:
    """Add the events from number ``first`` up to ``last`` to a day, evenly, before ``until``."""
    if first == last:
        return
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
    superuser.execute("SELECT tillgate.make_partitions(%s)", (day,))
    superuser.execute(
        _DAY,
        {
            "ids": ids,
            "tenants": plan.tenants,
            "sparse_every": max(plan.events // plan.sparse, 1),
            "data": data(plan.kilobytes)[1:],
            "begins": begins,
            "seconds": min((until - begins).total_seconds(), _DAY_SECONDS),
            "first": first,
            "last": last,
            "pending": plan.events - plan.pending,
            "gave_up_every": _GAVE_UP_EVERY,
            "attempted_every": plan.attempted_every,
        },
    )


def settle(superuser: Connection) -> None:
    """Leave the tables as autovacuum would: so that it has nothing to do meanwhile.

    Partitions only: their parents' statistics are what autovacuum never makes.
    """
    leaves = superuser.execute(
        "SELECT c.relname FROM pg_catalog.pg_class AS c"
        " WHERE c.relnamespace = 'tillgate'::regnamespace AND c.relkind = 'r'"
    ).fetchall()
    for (name,) in leaves:
        superuser.execute(sql.SQL("VACUUM (ANALYZE) tillgate.{}").format(sql.Identifier(name)))
    superuser.execute("CHECKPOINT")
