"""The composition root: what each function is made of, one cached maker per Lambda.

Imports stand inside the makers, so that a function loads only what it uses: a cold start
is a budget.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tillgate.adapters.postgres.connection import Database
    from tillgate.adapters.secrets_manager import SecretsManager
    from tillgate.entrypoints.http import LambdaEvent, LambdaResponse
    from tillgate.settings import FunctionSettings


def _secrets(settings: FunctionSettings, *, timeout_seconds: float | None = None) -> SecretsManager:
    from tillgate.adapters.secrets_manager import SecretsManager

    return SecretsManager(
        env=os.environ,
        timeout_seconds=timeout_seconds or settings.connection_timeout_ms / 1000,
    )


def _role_database(settings: FunctionSettings, secrets: SecretsManager, secret_id: str) -> Database:
    from tillgate.adapters.postgres.connection import Database
    from tillgate.adapters.postgres.conninfo import role_url

    return Database(
        lambda: role_url(secrets.read(secret_id)), max_uses=settings.max_requests_per_socket
    )


@cache
def ingest() -> Callable[[LambdaEvent], LambdaResponse]:
    """Make the function behind ``/v1/events`` and ``/v1/hooks``."""
    from tillgate.adapters.key_ring import KeyRingSecretBox
    from tillgate.adapters.postgres.event_store import PostgresEventStore
    from tillgate.adapters.postgres.quarantine import PostgresQuarantine
    from tillgate.adapters.postgres.registry import PostgresRegistry
    from tillgate.entrypoints.ingest import IngestRoutes
    from tillgate.entrypoints.observability import Sandbox, serve
    from tillgate.providers import PROVIDERS
    from tillgate.services.authenticate import Authenticator
    from tillgate.services.cached_registry import CachedRegistry
    from tillgate.services.hooks import AcceptHook
    from tillgate.services.ingest import Ingest
    from tillgate.settings import IngestSettings

    settings = IngestSettings.from_env(os.environ)
    secrets = _secrets(settings)
    database = _role_database(settings, secrets, settings.database_secret_arn)
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


@cache
def api() -> Callable[[LambdaEvent], LambdaResponse]:
    """Make the function that answers reads, the documents and the admin API."""
    from tillgate.adapters.key_ring import KeyRingSecretBox
    from tillgate.adapters.migration_files import latest_number
    from tillgate.adapters.postgres.admin_store import PostgresAdminStore
    from tillgate.adapters.postgres.event_reader import PostgresEventReader
    from tillgate.adapters.postgres.registry import PostgresRegistry
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

    settings = ApiSettings.from_env(os.environ)
    secrets = _secrets(settings)
    # Two roles, two connections: the one reads a tenant's rows only, the other no events.
    tenants = _role_database(settings, secrets, settings.database_secret_arn)
    admin = _role_database(settings, secrets, settings.admin_database_secret_arn)
    # What is left of a request when its tenant is known; a read may take longer than a write.
    within_seconds = (settings.request_timeout_ms - settings.connection_timeout_ms) / 1000
    registry = PostgresRegistry(tenants, within_seconds=settings.connection_timeout_ms / 1000)
    events = ReadEvents(
        PostgresEventReader(tenants, providers=tuple(PROVIDERS), within_seconds=within_seconds)
    )
    store = PostgresAdminStore(admin, within_seconds=settings.connection_timeout_ms / 1000)
    secret_box = KeyRingSecretBox(lambda: secrets.read(settings.key_ring_secret_arn))
    return ApiRoutes(
        authenticator=Authenticator(CachedRegistry(registry, clock=time.time)),
        events=events,
        documents=Documents(version=settings.version, serves_tls=settings.stage != "local"),
        admin=AdminRoutes(
            gate=OperatorGate(lambda: secrets.read(settings.operator_secret_arn), clock=time.time),
            administration=Administration(store, box=secret_box),
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


@cache
def health() -> Callable[[LambdaEvent], LambdaResponse]:
    """Make the function behind ``/livez`` and ``/startupz``."""
    from tillgate.adapters.migration_files import latest_number
    from tillgate.adapters.postgres.probe import PostgresProbe
    from tillgate.entrypoints.health import HealthRoutes
    from tillgate.entrypoints.observability import Sandbox, serve
    from tillgate.services.health import CheckReadiness
    from tillgate.settings import HealthSettings

    settings = HealthSettings.from_env(os.environ)
    # /startupz has half a second more than a connection; reading a secret may take that.
    secrets = _secrets(settings, timeout_seconds=0.4)
    database = _role_database(settings, secrets, settings.database_secret_arn)
    check = CheckReadiness(
        probe=PostgresProbe(database),
        read_secret=lambda: secrets.read(settings.key_ring_secret_arn),
        expected_migration=latest_number(),
        within_seconds=settings.connection_timeout_ms / 1000,
    )
    routes = HealthRoutes(check, version=settings.version)
    sandbox = Sandbox(settings.version)
    return lambda event: serve(event, routes.handle, sandbox=sandbox)


@cache
def migrate() -> Callable[[], Mapping[str, Any]]:
    """Make the function that runs on deploy."""
    from tillgate.adapters.migration_files import shipped_migrations
    from tillgate.adapters.postgres.connection import Database
    from tillgate.adapters.postgres.conninfo import owner_url, url_for_role
    from tillgate.adapters.postgres.schema import PostgresSchema
    from tillgate.adapters.postgres.upkeep import PostgresUpkeep
    from tillgate.entrypoints.observability import log_task
    from tillgate.services.migrate import Migrate
    from tillgate.services.sweep import Sweep
    from tillgate.settings import MigrateSettings

    settings = MigrateSettings.from_env(os.environ)
    secrets = _secrets(settings, timeout_seconds=5.0)

    def url() -> str:
        return owner_url(secrets.read(settings.database_secret_arn))

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
        ),
        role_url=lambda role, password: url_for_role(url(), username=role, password=password),
    )
    upkeep = Sweep(PostgresUpkeep(Database(url, max_uses=settings.max_requests_per_socket)))

    def run() -> Mapping[str, Any]:
        report = work.run()
        made = upkeep.make_partitions(datetime.now(UTC).date())
        return {
            "applied": list(report.applied),
            "current": report.current,
            "partition_days_made": made,
        }

    return lambda: log_task("migrate", run, version=settings.version)


@cache
def sweep() -> Callable[[], Mapping[str, Any]]:
    """Make the function that EventBridge runs."""
    from dataclasses import asdict

    from tillgate.adapters.postgres.upkeep import PostgresUpkeep
    from tillgate.entrypoints.observability import log_task
    from tillgate.services.sweep import Sweep
    from tillgate.settings import SweepSettings

    settings = SweepSettings.from_env(os.environ)
    database = _role_database(settings, _secrets(settings), settings.database_secret_arn)
    work = Sweep(PostgresUpkeep(database))
    return lambda: log_task(
        "sweep",
        lambda: asdict(work.run(datetime.now(UTC).date())),
        version=settings.version,
    )
