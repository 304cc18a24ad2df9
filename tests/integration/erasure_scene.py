"""A tenant that has one of everything, and another like it, for tests of what erasing leaves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from psycopg import sql

from tests.canaries import Canaries
from tests.integration.history import add_events
from tests.integration.quarantine_world import World
from tillgate.adapters.postgres.retention_store import PostgresRetentionStore
from tillgate.adapters.postgres.retirement import PostgresRetirement
from tillgate.services.retire import Retire

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import LiteralString

    from tests.integration.testdatabase import TestDatabase
    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.retention import Erased
    from tillgate.domain.tenant import TenantId

SLUG = "corner-cafe"
_FILL: tuple[LiteralString, ...] = (
    """
    UPDATE tillgate.tenant
    SET name = %(text)s, time_zone = 'Europe/Berlin', opening_hours = '{}', quiet_after_minutes = 9
    WHERE tenant_id = %(tenant)s
    """,
    """
    INSERT INTO tillgate.api_token (tenant_id, name, digest, hint)
    VALUES (%(tenant)s, %(text)s, sha256(%(bytes)s), %(text)s)
    """,
    """
    INSERT INTO tillgate.source (
        tenant_id, provider, name, merchant_id, notification_url, sealed_secret, sealed_credential,
        api_url, credential_set_at
    ) VALUES (
        %(tenant)s, 'square', %(text)s, %(text)s, %(text)s, %(bytes)s, %(bytes)s, %(text)s, now()
    )
    """,
    """
    INSERT INTO tillgate.destination (tenant_id, kind, url, sealed_secret)
    VALUES (%(tenant)s, 'supabase', %(text)s, %(bytes)s)
    """,
    "INSERT INTO tillgate.destination_breaker VALUES (%(tenant)s, 3, now())",
    """
    INSERT INTO tillgate.redrive (tenant_id, reason, per_second) VALUES (%(tenant)s, %(text)s, 1)
    """,
    """
    INSERT INTO tillgate.redrive_cancelled
    SELECT redrive_id FROM tillgate.redrive WHERE tenant_id = %(tenant)s
    """,
    """
    INSERT INTO tillgate.quiet_source
    SELECT source_id, tenant_id, now(), now(), now() FROM tillgate.source
    WHERE tenant_id = %(tenant)s
    """,
    """
    INSERT INTO tillgate.source_activity
    SELECT source_id, tenant_id, now() FROM tillgate.source WHERE tenant_id = %(tenant)s
    """,
    """
    INSERT INTO tillgate.token_activity
    SELECT token_id, tenant_id, now() FROM tillgate.api_token WHERE tenant_id = %(tenant)s
    """,
    "INSERT INTO tillgate.tenant_rate (tenant_id, bucket) VALUES (%(tenant)s, 'ingest')",
    """
    SELECT tillgate.audit(
        'operator', 'made-up', NULL, 'tenant.created', %(tenant)s, NULL, NULL, '', '', '{}'
    )
    """,
    """
    INSERT INTO tillgate.tenant_activity
    VALUES (%(tenant)s, 'hour', now(), 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, '{9}')
    """,
    """
    INSERT INTO tillgate.quarantine
    SELECT gen_random_uuid(), t.tenant_id, t.source_id, 'square', 'signature-refused', %(text)s,
        now(), now() + interval '9 days', %(bytes)s
    FROM (
        SELECT %(tenant)s::uuid AS tenant_id, NULL::uuid AS source_id
        UNION ALL
        SELECT NULL, source_id FROM tillgate.source WHERE tenant_id = %(tenant)s
    ) AS t, generate_series(1, 60)
    """,
)


class Scene:
    """A tenant that has one of everything, a canary in each, and another that is like it."""

    def __init__(self, database: TestDatabase, connect: Callable[[str], Database]) -> None:
        self.database = database
        self.world = World(database, connect)
        self.canaries = Canaries()
        self.store = PostgresRetentionStore(connect("admin"), within_seconds=10)
        self.sweeper = PostgresRetirement(connect("sweep"))
        self.superuser = database.superuser()
        self.tenant = self.fill(SLUG, self.canaries)
        self.other = self.fill("other", Canaries())
        self.superuser.execute(
            "UPDATE tillgate.tenant SET state = 'suspended' WHERE slug = %s", (SLUG,)
        )

    def fill(self, slug: str, canaries: Canaries) -> TenantId:
        tenant = self.database.add_tenant(slug)
        text = canaries["text"]
        for days_ago, state in ((0, "pending"), (3, "delivered"), (12, "gave_up"), (40, "none")):
            data = f'{{"name": "{canaries["data"]}"}}'
            add_events(
                self.superuser,
                tenant,
                days_ago=days_ago,
                count=5,
                state=state,
                data=data,
                text=text,
            )
        params = {"tenant": tenant, "text": text, "bytes": canaries["sealed"].encode()}
        for statement in _FILL:
            self.superuser.execute(statement, params)
        self.world.square(tenant)
        self.world.app_with(**{f"M-{slug}": tenant})
        return tenant

    def seen(self, canaries: Canaries) -> dict[str, set[str]]:
        """Give the canaries that any column of any table shows, by the table."""
        found = {}
        for (table,) in self.superuser.execute(
            "SELECT c.relname FROM pg_class AS c WHERE c.relkind IN ('r', 'p')"
            " AND c.relnamespace = 'tillgate'::regnamespace AND NOT c.relispartition"
        ).fetchall():
            rows = self.superuser.execute(
                sql.SQL("SELECT t::text FROM tillgate.{} AS t").format(sql.Identifier(table))
            ).fetchall()
            if shown := canaries.found_in("\n".join(row for (row,) in rows)):
                found[table] = shown
        return found

    def tables(self) -> list[str]:
        """Give every table that names tenants."""
        found = self.superuser.execute(
            "SELECT c.relname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid"
            " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'tillgate'::regnamespace"
            " AND NOT c.relispartition AND a.attname = 'tenant_id'"
        ).fetchall()
        return [table for (table,) in found]

    def rows(self, tenant: TenantId) -> dict[str, int]:
        """Give how many rows every table that names tenants has of one, where it has any."""
        counts = {}
        for table in self.tables():
            row = self.superuser.execute(
                sql.SQL("SELECT count(*) FROM tillgate.{} WHERE tenant_id = %s").format(
                    sql.Identifier(table)
                ),
                (tenant,),
            ).fetchone()
            assert row is not None
            if row[0]:
                counts[table] = row[0]
        return counts

    def erase(self) -> None:
        """Ask for it, let a minute pass as it were, and let sweep do it."""
        self.store.erase(self.tenant, slug=SLUG)
        self.superuser.execute("UPDATE tillgate.erasure SET asked_at = now() - interval '61 s'")
        self.sweep()

    def sweep(self) -> None:
        self.superuser.execute("UPDATE tillgate.erasure SET look_at = now()")
        Retire(self.sweeper, default_days=400, clock=time.monotonic).run()

    def planned(self) -> Erased:
        plan, following = self.store.plan_erasure(self.tenant, after=None)
        assert following is None
        return plan
