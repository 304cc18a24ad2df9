"""The operator, who rotates, and what ingest then finds good."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.integration.quarantine_world import World
from tillgate.adapters.postgres.admin_store import PostgresAdminStore
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.registry import PostgresRegistry
from tillgate.adapters.postgres.rotation import PostgresRotations
from tillgate.adapters.postgres.upkeep import PostgresUpkeep
from tillgate.domain.tenant import endpoint_seal_context
from tillgate.providers import PROVIDERS
from tillgate.services.rotation import Rotation

if TYPE_CHECKING:
    from tests.integration.testdatabase import TestDatabase
    from tillgate.domain.administration import SourceRecord
    from tillgate.domain.tenant import Endpoint

WEEK = 7 * 86_400
NEW = "the-new-key"


class Office(World):
    """The operator, who rotates; ``sweep`` is what is done each minute."""

    def __init__(self, database: TestDatabase, made: list[Database]) -> None:
        def connect(role: str) -> Database:
            made.append(Database(lambda: database.url(role), max_uses=1_000_000))
            return made[-1]

        super().__init__(database, connect)
        self.store = PostgresAdminStore(connect("admin"), within_seconds=10)
        self.rotation = self.another()
        self.registry = PostgresRegistry(connect("ingest"), within_seconds=10)
        self.upkeep = PostgresUpkeep(connect("sweep"))
        self.whole = PostgresRegistry(connect("sweep"), within_seconds=10)

    def another(self) -> Rotation:
        """Give the desk of another operator, with connections of its own."""
        admin = self.connect("admin")
        return Rotation(
            PostgresAdminStore(admin, within_seconds=10),
            PostgresRotations(admin, within_seconds=10),
            box=self.box,
            providers=PROVIDERS,
        )

    def rotate(
        self, source: SourceRecord, secret: str = NEW, overlap: int = WEEK, *, replace: bool = False
    ) -> SourceRecord:
        rotated, _ = self.rotation.rotate_source_secret(
            source.source_id, secret=secret, overlap_seconds=overlap, replaces_previous=replace
        )
        return rotated

    def endpoint(self, source: SourceRecord) -> Endpoint:
        found = self.registry.find_endpoint("square", source.source_id)
        assert found is not None
        return found

    def good(self, source: SourceRecord, *, at: datetime | None = None) -> list[str]:
        """Give the secrets that are good then, opened as the source's own."""
        endpoint = self.endpoint(source)
        context = endpoint_seal_context(source.source_id, tenant_id=source.tenant_id)
        return [
            self.box.open(sealed, context=context).decode()
            for place, sealed in enumerate(endpoint.sealed_secrets)
            if endpoint.is_good(place, at or datetime.now(UTC))
        ]

    def matched(self, source: SourceRecord, at: datetime) -> None:
        """Let a sandbox tell that the previous secret was signed with, and sweep fold that."""
        self.flush({"previous": {source.source_id: round(at.timestamp() * 1000)}})

    def flush(self, activity: dict[str, object]) -> None:
        with self.database.as_role("ingest") as ingest:
            ingest.execute(
                "SELECT tillgate.metrics_add(%s, 1, '{}', %s::jsonb)",
                (uuid.uuid4(), json.dumps({"tenants": {}, "sources": {}, **activity})),
            )
        with self.database.as_role("sweep") as sweep:
            sweep.execute("SELECT tillgate.metrics_fold_whole('0', 10000)")

    def age(self, source: SourceRecord, by: timedelta) -> None:
        """Let so much time pass for a rotation."""
        self.run(
            "UPDATE tillgate.source AS s SET previous_since = s.previous_since - b.by,"
            " previous_overlap_until = s.previous_overlap_until - b.by,"
            " previous_until = s.previous_until - b.by,"
            " previous_matched_at = s.previous_matched_at - b.by,"
            " secret_set_at = s.secret_set_at - b.by"
            " FROM (SELECT %s::interval AS by) AS b WHERE s.source_id = %s",
            by,
            source.source_id,
        )

    def sealed_previous(self, source: SourceRecord) -> bytes | None:
        with self.database.superuser() as superuser:
            row = superuser.execute(
                "SELECT previous_sealed_secret FROM tillgate.source WHERE source_id = %s",
                (source.source_id,),
            ).fetchone()
        assert row is not None
        sealed: bytes | None = row[0]
        return sealed

    def now(self, source: SourceRecord) -> SourceRecord:
        found = self.store.source(source.source_id)
        assert found is not None
        return found
