"""What functions/ingest is made of."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from tillgate.adapters.accept_queue import SqsAcceptQueue
from tillgate.adapters.key_ring import key_ring
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.adapters.postgres.quarantine import PostgresQuarantine
from tillgate.adapters.postgres.registry import PostgresRegistry
from tillgate.adapters.time_budget import TimeBudget
from tillgate.bootstrap.connections import meter_on, objects, role_database, secrets_manager, sqs
from tillgate.bootstrap.wired import WiredFunction
from tillgate.domain.metrics import Recorder
from tillgate.domain.quarantine import Reason
from tillgate.domain.tenant import RateLimit
from tillgate.entrypoints.emf import RequestMetrics
from tillgate.entrypoints.ingest import IngestRoutes
from tillgate.entrypoints.observability import Sandbox, serve
from tillgate.providers import PROVIDERS
from tillgate.services.authenticate import Authenticator
from tillgate.services.cached_registry import CachedRegistry
from tillgate.services.counted_intake import CountedQuarantine, counted_matches
from tillgate.services.hooks import AcceptHook, HookStore
from tillgate.services.ingest import Ingest
from tillgate.services.limits import TenantLimits
from tillgate.services.paced_events import NotedRegistry, PacedEventStore
from tillgate.services.snapshot_registry import SnapshotRegistry
from tillgate.settings.ingest import IngestSettings

if TYPE_CHECKING:
    from tillgate.entrypoints.http import LambdaEvent, LambdaResponse

# For so long after the database gave no answer the queue is taken at once.
BREAKER_SECONDS = 5.0
# What all statements of a request may take together, in connection time-outs: a database that
# answers each just in time would keep Toast waiting beyond its two seconds.
DATABASE_SHARE = 1.25


def ingest() -> WiredFunction[LambdaEvent, LambdaResponse]:
    """Make the function behind ``/v1/events`` and ``/v1/hooks``."""
    settings = IngestSettings.from_env(os.environ)
    within_seconds = settings.connection_timeout_ms / 1000
    budget = TimeBudget(settings.request_timeout_ms / 1000)
    database_budget = TimeBudget(within_seconds * DATABASE_SHARE)
    secrets = secrets_manager(settings, budget=budget)
    recorder = Recorder(providers=PROVIDERS)
    database = role_database(
        settings,
        secrets,
        settings.database_secret_arn,
        budget=database_budget,
        breaker_seconds=BREAKER_SECONDS,
        recorder=recorder,
    )
    default_limit = RateLimit(settings.tenant_events_per_second, settings.tenant_burst)
    limits = TenantLimits(default_limit, clock=time.time)
    meter = meter_on(database, recorder, within_seconds=within_seconds, limits=limits)
    secret_box = key_ring(secrets, settings.key_ring_secret_arn)
    bucket = objects(settings, settings.objects_bucket, budget=budget)
    looked_up = PostgresRegistry(database, within_seconds=within_seconds)
    registry = CachedRegistry(
        looked_up,
        clock=time.time,
        stand_in=SnapshotRegistry(bucket, secret_box, now=lambda: datetime.now(UTC)),
    )
    events = PostgresEventStore(database, within_seconds=within_seconds)
    queue = sqs(settings, budget=budget)
    accept_queue = SqsAcceptQueue(queue, bucket, secret_box, queue_url=settings.accept_queue_url)
    paced = PacedEventStore(events, limits)
    hooks = HookStore(
        providers=PROVIDERS,
        registry=NotedRegistry(registry, limits),
        events=paced,
        quarantine=CountedQuarantine(
            PostgresQuarantine(database, secret_box, within_seconds=within_seconds), recorder
        ),
        secret_box=secret_box,
        conflict=Reason.KEY_CONFLICT,
        on_match=counted_matches(recorder),
    )
    routes = IngestRoutes(
        authenticator=Authenticator(registry),
        ingest=Ingest(events, accept_queue),
        accept_hook=AcceptHook(hooks, accept_queue, handshakes=looked_up),
        limits=limits,
        max_body_bytes=settings.max_body_bytes,
        # Either may be why it was not stored, or both.
        reconsider=lambda: any([database.reconsider(), paced.lift()]),
    )
    sandbox = Sandbox(settings.version, stage=settings.stage, function="ingest")
    metrics = RequestMetrics(sandbox, per_tenant=bool(settings.per_tenant_metrics))

    def begin() -> None:
        budget.begin()
        database_budget.begin()
        database.begin_request()
        paced.begin()

    def before_close() -> None:
        metrics.write()
        begin()
        meter.flush()

    def idle() -> float | None:
        metrics.write()
        begin()
        return meter.idle()

    return WiredFunction(
        handle=partial(
            serve,
            handle=routes.handle,
            sandbox=sandbox,
            begin=begin,
            meter=meter,
            metrics=metrics,
        ),
        databases=(database,),
        clients=(secrets, queue, bucket),
        connect_seconds=within_seconds,
        before_close=before_close,
        idle=idle,
        load=lambda: list(PROVIDERS.values()),
    )
