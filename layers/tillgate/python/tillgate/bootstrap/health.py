"""What functions/health is made of."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tillgate.adapters.accept_queue import SqsQueueProbe
from tillgate.adapters.migration_files import latest_number
from tillgate.adapters.postgres.probe import PostgresProbe
from tillgate.adapters.time_budget import TimeBudget
from tillgate.bootstrap.connections import role_database, secrets_manager, sqs
from tillgate.bootstrap.wired import WiredFunction
from tillgate.entrypoints.health import HealthRoutes
from tillgate.entrypoints.observability import Sandbox, serve
from tillgate.services.health import CheckReadiness
from tillgate.settings.health import HealthSettings

if TYPE_CHECKING:
    from tillgate.entrypoints.http import LambdaEvent, LambdaResponse

# /startupz has half a second more than a connection, for the secrets and the queue.
_AWS_SECONDS = 0.4


def health() -> WiredFunction[LambdaEvent, LambdaResponse]:
    """Make the function behind ``/livez`` and ``/startupz``."""
    settings = HealthSettings.from_env(os.environ)
    budget = TimeBudget(settings.connection_timeout_ms / 1000 + _AWS_SECONDS)
    secrets = secrets_manager(settings, timeout_seconds=_AWS_SECONDS, budget=budget)
    database = role_database(settings, secrets, settings.database_secret_arn, budget=budget)
    queue = sqs(settings, timeout_seconds=_AWS_SECONDS, budget=budget)
    check = CheckReadiness(
        probe=PostgresProbe(database),
        read_secret=lambda: secrets.read(settings.key_ring_secret_arn),
        queue=SqsQueueProbe(queue, queue_url=settings.accept_queue_url),
        expected_migration=latest_number(),
        within_seconds=settings.connection_timeout_ms / 1000,
    )
    routes = HealthRoutes(check, version=settings.version)
    sandbox = Sandbox(settings.version)
    return WiredFunction(
        handle=lambda event: serve(event, routes.handle, sandbox=sandbox, begin=budget.begin),
        databases=(database,),
        clients=(secrets, queue),
        connect_seconds=settings.connection_timeout_ms / 1000,
    )
