"""What functions/ingest is made of."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import TYPE_CHECKING

from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.adapters.postgres.quarantine import PostgresQuarantine
from tillgate.adapters.postgres.registry import PostgresRegistry
from tillgate.bootstrap.connections import role_database, secrets_manager
from tillgate.entrypoints.ingest import IngestRoutes
from tillgate.entrypoints.observability import Sandbox, serve
from tillgate.providers import PROVIDERS
from tillgate.services.authenticate import Authenticator
from tillgate.services.cached_registry import CachedRegistry
from tillgate.services.hooks import AcceptHook
from tillgate.services.ingest import Ingest
from tillgate.settings import IngestSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.entrypoints.http import LambdaEvent, LambdaResponse


@cache
def ingest() -> Callable[[LambdaEvent], LambdaResponse]:
    """Make the function behind ``/v1/events`` and ``/v1/hooks``."""
    settings = IngestSettings.from_env(os.environ)
    secrets = secrets_manager(settings)
    database = role_database(settings, secrets, settings.database_secret_arn)
    within_seconds = settings.connection_timeout_ms / 1000
    registry = CachedRegistry(
        PostgresRegistry(database, within_seconds=within_seconds), clock=time.time
    )
    events = PostgresEventStore(database, within_seconds=within_seconds)
    secret_box = KeyRingSecretBox(lambda: secrets.read(settings.key_ring_secret_arn))
    routes = IngestRoutes(
        authenticator=Authenticator(registry),
        ingest=Ingest(events),
        accept_hook=AcceptHook(
            providers=PROVIDERS,
            registry=registry,
            events=events,
            quarantine=PostgresQuarantine(database, secret_box, within_seconds=within_seconds),
            secret_box=secret_box,
        ),
        max_body_bytes=settings.max_body_bytes,
    )
    sandbox = Sandbox(settings.version)
    return lambda event: serve(event, routes.handle, sandbox=sandbox)
