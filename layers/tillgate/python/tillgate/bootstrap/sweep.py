"""What functions/sweep is made of."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tillgate.adapters.delivery_queue import SqsDeliveryQueue
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.adapters.postgres.due_deliveries import PostgresDueDeliveries, PostgresRedrives
from tillgate.adapters.postgres.registry import PostgresRegistry
from tillgate.adapters.postgres.upkeep import PostgresUpkeep
from tillgate.bootstrap.connections import objects, role_database, secrets_manager, sqs
from tillgate.bootstrap.wired import WiredFunction
from tillgate.entrypoints.observability import log_task
from tillgate.services.queue_due import CLAIMED_AT_ONCE, REDRIVEN_AT_ONCE, Feed, QueueDue
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

    queue = sqs(settings, timeout_seconds=within_seconds)
    queue_due = QueueDue(
        deliveries=Feed(
            PostgresDueDeliveries(database),
            SqsDeliveryQueue(queue, queue_url=settings.delivery_queue_url),
            CLAIMED_AT_ONCE,
        ),
        redrives=Feed(
            PostgresRedrives(database),
            SqsDeliveryQueue(queue, queue_url=settings.redrive_queue_url),
            REDRIVEN_AT_ONCE,
        ),
        clock=time.monotonic,
        pause=time.sleep,
    )

    def run() -> Mapping[str, Any]:
        now, until = datetime.now(UTC), time.monotonic() + settings.sweep_seconds
        # None of the three waits for what another stands on.
        try:
            written = keeper.run(now)
        finally:
            try:
                kept = upkeep.run(now.date())
            finally:
                queued = queue_due.run(until=until)
        return {**asdict(kept), "is_registry_written": written, **asdict(queued)}

    return WiredFunction(
        handle=lambda _event: log_task("sweep", run, version=settings.version),
        databases=(database,),
        clients=(secrets, bucket, queue),
        connect_seconds=settings.connection_timeout_ms / 1000,
    )
