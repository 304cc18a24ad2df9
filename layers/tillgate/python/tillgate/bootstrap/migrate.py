"""What functions/migrate is made of."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tillgate.adapters.migration_files import shipped_migrations
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.conninfo import OwnerAccess, owner_access
from tillgate.adapters.postgres.schema import PostgresSchema
from tillgate.adapters.postgres.upkeep import PostgresUpkeep
from tillgate.bootstrap.connections import secrets_manager
from tillgate.entrypoints.observability import log_task
from tillgate.services.migrate import Migrate
from tillgate.services.sweep import Sweep
from tillgate.settings.migrate import MigrateSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def migrate() -> Callable[[], Mapping[str, Any]]:
    """Make the function that runs on deploy, anew for each: it keeps no connection when done.

    So nothing is to be let go of when its sandbox stops, and it is not made to outlive one.
    """
    settings = MigrateSettings.from_env(os.environ)
    secrets = secrets_manager(settings, timeout_seconds=5.0)

    def access() -> OwnerAccess:
        return owner_access(secrets.read(settings.database_secret_arn))

    def url() -> str:
        return access().whole_url()

    work = Migrate(
        migrations=shipped_migrations(),
        schema=PostgresSchema(url),
        secrets=secrets,
        role_secret_ids=(
            settings.ingest_secret_arn,
            settings.api_secret_arn,
            settings.admin_secret_arn,
            settings.health_secret_arn,
            settings.sweep_secret_arn,
            settings.accept_secret_arn,
            settings.deliver_secret_arn,
            settings.watch_secret_arn,
            settings.rotate_secret_arn,
        ),
        role_access=lambda role, password: access().of_role(role, password),
    )
    database = Database(url, max_uses=settings.max_requests_per_socket)
    upkeep = Sweep(PostgresUpkeep(database), clock=time.monotonic)

    def run() -> Mapping[str, Any]:
        try:
            report = work.run()
            made = upkeep.make_partitions(datetime.now(UTC).date())
        finally:
            database.close()
            secrets.close()
        return {
            "applied": list(report.applied),
            "current": report.current,
            "partition_days_made": made,
        }

    return lambda: log_task("migrate", run, version=settings.version, stage=settings.stage)
