"""What functions/health is made of."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from tillgate.adapters.migration_files import latest_number
from tillgate.adapters.postgres.probe import PostgresProbe
from tillgate.bootstrap.connections import role_database, secrets_manager
from tillgate.entrypoints.health import HealthRoutes
from tillgate.entrypoints.observability import Sandbox, serve
from tillgate.services.health import CheckReadiness
from tillgate.settings import HealthSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.entrypoints.http import LambdaEvent, LambdaResponse


@cache
def health() -> Callable[[LambdaEvent], LambdaResponse]:
    """Make the function behind ``/livez`` and ``/startupz``."""
    settings = HealthSettings.from_env(os.environ)
    # /startupz has half a second more than a connection; reading a secret may take that.
    secrets = secrets_manager(settings, timeout_seconds=0.4)
    database = role_database(settings, secrets, settings.database_secret_arn)
    check = CheckReadiness(
        probe=PostgresProbe(database),
        read_secret=lambda: secrets.read(settings.key_ring_secret_arn),
        expected_migration=latest_number(),
        within_seconds=settings.connection_timeout_ms / 1000,
    )
    routes = HealthRoutes(check, version=settings.version)
    sandbox = Sandbox(settings.version)
    return lambda event: serve(event, routes.handle, sandbox=sandbox)
