"""What functions/health is made of."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING

from tillgate.adapters.accept_queue import SqsQueueProbe
from tillgate.adapters.migration_files import latest_number
from tillgate.adapters.postgres.metrics import PostgresMetrics
from tillgate.adapters.postgres.probe import PostgresProbe
from tillgate.adapters.time_budget import TimeBudget
from tillgate.bootstrap.connections import meter_on, role_database, secrets_manager, sqs
from tillgate.bootstrap.wired import WiredFunction
from tillgate.domain.metrics import TOKEN_MATCHED, Recorder
from tillgate.entrypoints.emf import RequestMetrics
from tillgate.entrypoints.exposition import MetricsPage
from tillgate.entrypoints.health import METRICS_ROUTE, HealthRoutes
from tillgate.entrypoints.observability import Sandbox, serve
from tillgate.providers import PROVIDERS
from tillgate.services.health import CheckReadiness
from tillgate.services.operator import TokenGate
from tillgate.settings.health import HealthSettings

if TYPE_CHECKING:
    from tillgate.entrypoints.http import LambdaEvent, LambdaResponse

# /startupz has half a second more than a connection, for the secrets and the queue.
_AWS_SECONDS = 0.4


def health() -> WiredFunction[LambdaEvent, LambdaResponse]:
    """Make the function behind ``/livez``, ``/startupz`` and ``/metrics``."""
    settings = HealthSettings.from_env(os.environ)
    budget = TimeBudget(settings.connection_timeout_ms / 1000 + _AWS_SECONDS)
    secrets = secrets_manager(settings, timeout_seconds=_AWS_SECONDS, budget=budget)
    recorder = Recorder()
    database = role_database(
        settings, secrets, settings.database_secret_arn, budget=budget, recorder=recorder
    )
    within_seconds = settings.connection_timeout_ms / 1000
    request_seconds = settings.request_timeout_ms / 1000
    meter = meter_on(database, recorder, within_seconds=within_seconds)
    queue = sqs(settings, timeout_seconds=_AWS_SECONDS, budget=budget)
    check = CheckReadiness(
        probe=PostgresProbe(database),
        read_secret=lambda: secrets.read(settings.key_ring_secret_arn),
        queue=SqsQueueProbe(queue, queue_url=settings.accept_queue_url),
        expected_migration=latest_number(),
        within_seconds=within_seconds,
    )
    page = MetricsPage(
        TokenGate(
            lambda: secrets.read(settings.metrics_secret_arn),
            name="metrics",
            clock=time.time,
            on_match=partial(recorder.count, TOKEN_MATCHED, "metrics"),
        ),
        PostgresMetrics(database, within_seconds=request_seconds - within_seconds),
        providers=PROVIDERS,
        version=settings.version,
    )
    routes = HealthRoutes(check, page, version=settings.version)
    sandbox = Sandbox(settings.version, stage=settings.stage, function="health")
    metrics = RequestMetrics(sandbox, per_tenant=False)

    def begin(event: LambdaEvent) -> None:
        # What no sweep has folded for hours takes seconds to add up: then most of all it must
        # be readable.
        is_read = event.get("routeKey") == METRICS_ROUTE
        budget.begin(seconds=request_seconds if is_read else None)

    def before_close() -> None:
        metrics.write()
        budget.begin()
        meter.flush()

    def idle() -> float | None:
        metrics.write()
        budget.begin()
        return meter.idle()

    return WiredFunction(
        handle=lambda event: serve(
            event,
            routes.handle,
            sandbox=sandbox,
            begin=lambda: begin(event),
            meter=meter,
            metrics=metrics,
        ),
        databases=(database,),
        clients=(secrets, queue),
        connect_seconds=within_seconds,
        before_close=before_close,
        idle=idle,
    )
