"""What functions/sweep is made of."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tillgate.adapters.delivery_queue import SqsDeliveryQueue
from tillgate.adapters.key_ring import key_ring
from tillgate.adapters.postgres.due_deliveries import (
    REDRIVE_DELAY_SECONDS,
    PostgresDueDeliveries,
    PostgresRedrives,
)
from tillgate.adapters.postgres.registry import PostgresRegistry
from tillgate.adapters.postgres.retirement import PostgresRetirement
from tillgate.adapters.postgres.upkeep import PostgresUpkeep
from tillgate.bootstrap.connections import meter_on, objects, role_database, secrets_manager, sqs
from tillgate.bootstrap.stop import Stop
from tillgate.bootstrap.wired import WiredFunction
from tillgate.domain.metrics import Recorder
from tillgate.entrypoints.observability import log_task
from tillgate.services.queue_due import CLAIMED_AT_ONCE, REDRIVEN_AT_ONCE, Feed, QueueDue
from tillgate.services.retire import Retire, RetireReport
from tillgate.services.snapshot_keeper import SnapshotKeeper
from tillgate.services.sweep import Sweep, SweepReport
from tillgate.settings.sweep import SweepSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tillgate.adapters.aws.json_client import AwsJsonClient
    from tillgate.adapters.objects import S3Objects
    from tillgate.adapters.postgres.connection import Database
    from tillgate.adapters.secrets_manager import SecretsManager

_FLUSH_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upkeep:
    """What is done beside the looking, in a thread and on connections of its own."""

    database: Database
    secrets: SecretsManager
    bucket: S3Objects
    keeper: SnapshotKeeper
    sweep: Sweep
    retire: Retire

    def run(self, now: datetime) -> tuple[bool, SweepReport, RetireReport]:
        """Tell whether the snapshot was written, and what else was done."""
        try:
            written = self.keeper.run(now)
        finally:
            try:
                kept = self.sweep.run(now.date())
            finally:
                # Last, since nothing of it is a minute's matter.
                retired = self.retire.run()
        return written, kept, retired


def sweep() -> WiredFunction[object, Mapping[str, Any]]:
    """Make the function that EventBridge runs."""
    settings = SweepSettings.from_env(os.environ)
    # Nobody waits for an answer here: each step may take as long as a whole request.
    within_seconds = settings.request_timeout_ms / 1000
    stop = Stop()
    secrets = secrets_manager(settings, timeout_seconds=within_seconds)
    # Of this thread's connection; the other thread's is not timed.
    recorder = Recorder()
    database = role_database(settings, secrets, settings.database_secret_arn, recorder=recorder)
    # Within the margin that the time-out leaves after the last look.
    meter = meter_on(
        database,
        recorder,
        within_seconds=min(_FLUSH_SECONDS, settings.connection_timeout_ms / 1000),
    )
    queue = sqs(settings, timeout_seconds=within_seconds)
    queue_due = _queue_due(settings, database, queue, stop)
    upkeep = _upkeep(settings, stop, within_seconds=within_seconds)

    def run() -> Mapping[str, Any]:
        now, until = datetime.now(UTC), time.monotonic() + settings.sweep_seconds
        # None of the three waits for what another stands on, and the looking for none of them.
        with ThreadPoolExecutor(1, "upkeep") as beside:
            upkept = beside.submit(upkeep.run, now)
            queued = queue_due.run(until=until)
        written, kept, retired = upkept.result()
        meter.flush()
        return {**asdict(kept), **asdict(retired), "is_registry_written": written, **asdict(queued)}

    return WiredFunction(
        handle=lambda _event: log_task(
            "sweep", run, version=settings.version, stage=settings.stage
        ),
        databases=(database, upkeep.database),
        clients=(secrets, queue, upkeep.secrets, upkeep.bucket),
        connect_seconds=settings.connection_timeout_ms / 1000,
        on_stop=stop.ask,
    )


def _queue_due(
    settings: SweepSettings, database: Database, queue: AwsJsonClient, stop: Stop
) -> QueueDue:
    return QueueDue(
        deliveries=Feed(
            PostgresDueDeliveries(database),
            SqsDeliveryQueue(queue, queue_url=settings.delivery_queue_url),
            CLAIMED_AT_ONCE,
            clock=time.monotonic,
        ),
        redrives=Feed(
            PostgresRedrives(database),
            SqsDeliveryQueue(
                queue,
                queue_url=settings.redrive_queue_url,
                delay_seconds=REDRIVE_DELAY_SECONDS,
            ),
            REDRIVEN_AT_ONCE,
            clock=time.monotonic,
        ),
        clock=time.monotonic,
        pause=stop.pause,
        is_stopping=stop.is_asked,
    )


def _upkeep(settings: SweepSettings, stop: Stop, *, within_seconds: float) -> _Upkeep:
    secrets = secrets_manager(settings, timeout_seconds=within_seconds)
    database = role_database(settings, secrets, settings.database_secret_arn)
    bucket = objects(settings, settings.objects_bucket, timeout_seconds=within_seconds)
    return _Upkeep(
        database=database,
        secrets=secrets,
        bucket=bucket,
        keeper=SnapshotKeeper(
            PostgresRegistry(database, within_seconds=within_seconds),
            bucket,
            key_ring(secrets, settings.key_ring_secret_arn),
        ),
        sweep=Sweep(PostgresUpkeep(database), clock=time.monotonic, is_stopping=stop.is_asked),
        retire=Retire(
            PostgresRetirement(database),
            default_days=settings.event_retention_days,
            clock=time.monotonic,
            is_stopping=stop.is_asked,
        ),
    )
