"""What functions/sweep is made of."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.adapters.postgres.registry import PostgresRegistry
from tillgate.adapters.postgres.upkeep import PostgresUpkeep
from tillgate.bootstrap.connections import objects, role_database, secrets_manager
from tillgate.bootstrap.wired import WiredFunction
from tillgate.entrypoints.observability import log_task
from tillgate.services.snapshot_keeper import SnapshotKeeper
from tillgate.services.sweep import Sweep
from tillgate.settings import SweepSettings

if TYPE_CHECKING:
    from collections.abc import Mapping


def sweep() -> WiredFunction[object, Mapping[str, Any]]:
    """Make the function that EventBridge runs."""
    settings = SweepSettings.from_env(os.environ)
    # Nobody waits for an answer here: each step may take as long as a whole request.
    within_seconds = settings.request_timeout_ms / 1000
    secrets = secrets_manager(settings, timeout_seconds=within_seconds)
    database = role_database(settings, secrets, settings.database_secret_arn)
    bucket = objects(settings, settings.objects_bucket, timeout_seconds=within_seconds)
    keeper = SnapshotKeeper(
        PostgresRegistry(database, within_seconds=within_seconds),
        bucket,
        KeyRingSecretBox(lambda: secrets.read(settings.key_ring_secret_arn)),
    )
    upkeep = Sweep(PostgresUpkeep(database), clock=time.monotonic)

    def run() -> Mapping[str, Any]:
        now = datetime.now(UTC)
        written = False
        try:
            written = keeper.run(now)
        finally:
            # Neither waits for what the other stands on.
            report = upkeep.run(now.date())
        return {**asdict(report), "is_registry_written": written}

    return WiredFunction(
        handle=lambda _event: log_task("sweep", run, version=settings.version),
        databases=(database,),
        clients=(secrets, bucket),
        connect_seconds=settings.connection_timeout_ms / 1000,
    )
