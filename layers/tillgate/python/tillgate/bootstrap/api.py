"""What functions/api is made of."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.adapters.migration_files import latest_number
from tillgate.adapters.postgres.admin_store import PostgresAdminStore
from tillgate.adapters.postgres.event_reader import PostgresEventReader
from tillgate.adapters.postgres.registry import PostgresRegistry
from tillgate.bootstrap.connections import role_database, secrets_manager
from tillgate.bootstrap.wired import WiredFunction
from tillgate.entrypoints.admin_api import AdminRoutes
from tillgate.entrypoints.api import ApiRoutes
from tillgate.entrypoints.docs.documents import Documents
from tillgate.entrypoints.observability import Sandbox
from tillgate.providers import PROVIDERS
from tillgate.services.admin import Administration
from tillgate.services.authenticate import Authenticator
from tillgate.services.cached_registry import CachedRegistry
from tillgate.services.operator import OperatorGate
from tillgate.services.read import ReadEvents
from tillgate.services.status import CheckStatus
from tillgate.settings import ApiSettings

if TYPE_CHECKING:
    from tillgate.entrypoints.http import LambdaEvent, LambdaResponse


def api() -> WiredFunction[LambdaEvent, LambdaResponse]:
    """Make the function that answers reads, the documents and the admin API."""
    settings = ApiSettings.from_env(os.environ)
    secrets = secrets_manager(settings)
    # Two roles, two connections: the one reads a tenant's rows only, the other no events.
    tenants = role_database(settings, secrets, settings.database_secret_arn)
    admin = role_database(settings, secrets, settings.admin_database_secret_arn)
    # What is left of a request when its tenant is known; a read may take longer than a write.
    within_seconds = (settings.request_timeout_ms - settings.connection_timeout_ms) / 1000
    registry = PostgresRegistry(tenants, within_seconds=settings.connection_timeout_ms / 1000)
    events = ReadEvents(
        PostgresEventReader(tenants, providers=tuple(PROVIDERS), within_seconds=within_seconds)
    )
    store = PostgresAdminStore(admin, within_seconds=settings.connection_timeout_ms / 1000)
    secret_box = KeyRingSecretBox(lambda: secrets.read(settings.key_ring_secret_arn))
    routes = ApiRoutes(
        authenticator=Authenticator(CachedRegistry(registry, clock=time.time)),
        events=events,
        documents=Documents(version=settings.version, serves_tls=settings.stage != "local"),
        admin=AdminRoutes(
            gate=OperatorGate(lambda: secrets.read(settings.operator_secret_arn), clock=time.time),
            administration=Administration(
                store,
                box=secret_box,
                app_providers=[name for name, made in PROVIDERS.items() if made.signs_merchant],
            ),
            events=events,
            check_status=CheckStatus(
                store,
                read_kids=lambda: secret_box.kids,
                expected_migration=latest_number(),
                clock=time.monotonic,
            ),
            providers=tuple(PROVIDERS),
            stage=settings.stage,
            version=settings.version,
        ),
        sandbox=Sandbox(settings.version),
    )
    return WiredFunction(
        handle=routes,
        databases=(tenants, admin),
        clients=(secrets,),
        connect_seconds=settings.connection_timeout_ms / 1000,
    )
