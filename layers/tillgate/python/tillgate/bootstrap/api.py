"""What functions/api is made of."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from tillgate.adapters.key_ring import key_ring
from tillgate.adapters.migration_files import latest_number
from tillgate.adapters.postgres.activity import PostgresActivity
from tillgate.adapters.postgres.admin_store import PostgresAdminStore
from tillgate.adapters.postgres.audit import PostgresAuditLog
from tillgate.adapters.postgres.credentials import PostgresCredentialStore
from tillgate.adapters.postgres.dead_letters import PostgresDeadLetters
from tillgate.adapters.postgres.destinations import PostgresDestinationStore
from tillgate.adapters.postgres.event_reader import PostgresEventReader
from tillgate.adapters.postgres.opening_hours import PostgresOpeningHoursStore
from tillgate.adapters.postgres.registry import PostgresRegistry
from tillgate.adapters.postgres.retention_store import PostgresRetentionStore
from tillgate.adapters.postgres.rotation import PostgresRotations
from tillgate.adapters.postgres.sealed_rows import PostgresSealedRows, PostgresSecretAges
from tillgate.adapters.postgres.sessions import PostgresSessions
from tillgate.adapters.postgres.set_aside import PostgresSetAside
from tillgate.bootstrap.connections import acting_on, meter_on, role_database, secrets_manager
from tillgate.bootstrap.wired import WiredFunction
from tillgate.domain.metrics import TOKEN_MATCHED, Recorder
from tillgate.domain.tenant import RateLimit
from tillgate.entrypoints.admin_api import AdminRoutes
from tillgate.entrypoints.admin_audit import AdminAudit
from tillgate.entrypoints.admin_credentials import AdminCredentials
from tillgate.entrypoints.admin_dead_letters import AdminDeadLetters
from tillgate.entrypoints.admin_destinations import AdminDestinations
from tillgate.entrypoints.admin_events import AdminEvents
from tillgate.entrypoints.admin_hours import AdminHours
from tillgate.entrypoints.admin_keys import AdminKeys
from tillgate.entrypoints.admin_limits import AdminLimits
from tillgate.entrypoints.admin_page import AdminPage
from tillgate.entrypoints.admin_quarantine import AdminQuarantine
from tillgate.entrypoints.admin_retention import AdminRetention
from tillgate.entrypoints.admin_rotation import AdminRotation
from tillgate.entrypoints.admin_slo import AdminSlo
from tillgate.entrypoints.api import ApiRoutes
from tillgate.entrypoints.docs.documents import Documents
from tillgate.entrypoints.emf import RequestMetrics
from tillgate.entrypoints.observability import Sandbox
from tillgate.providers import PROVIDERS
from tillgate.services.admin import Administration
from tillgate.services.audit import AuditTrail, ReadEventsForOperator
from tillgate.services.authenticate import Authenticator
from tillgate.services.cached_registry import CachedRegistry
from tillgate.services.counted_intake import counted_retries
from tillgate.services.credentials import Credentials
from tillgate.services.dead_letters import DeadLetterOffice
from tillgate.services.destinations import Destinations
from tillgate.services.keys import ListKeys
from tillgate.services.limits import TenantLimits
from tillgate.services.opening_hours import OpeningHours
from tillgate.services.operator import OperatorGate
from tillgate.services.quarantine import QuarantineOffice
from tillgate.services.read import ReadEvents
from tillgate.services.replay import ReplayEvents
from tillgate.services.replay_own import ReplayOwnEvents
from tillgate.services.retention import Retention
from tillgate.services.retry_quarantine import RetryQuarantine
from tillgate.services.rotation import Rotation
from tillgate.services.sign_in import SignIn
from tillgate.services.slo import CheckServiceLevels
from tillgate.services.status import CheckStatus
from tillgate.settings.api import ApiSettings

if TYPE_CHECKING:
    from tillgate.adapters.key_ring import KeyRingSecretBox
    from tillgate.adapters.postgres.connection import Database
    from tillgate.entrypoints.admin_answers import AdminPart
    from tillgate.entrypoints.http import LambdaEvent, LambdaResponse


def api() -> WiredFunction[LambdaEvent, LambdaResponse]:
    """Make the function that answers reads, the documents and the admin API."""
    settings = ApiSettings.from_env(os.environ)
    secrets = secrets_manager(settings)
    # Two roles, two connections: the one reads a tenant's rows only, the other no events.
    recorder = Recorder()
    tenants = role_database(settings, secrets, settings.database_secret_arn, recorder=recorder)
    admin = role_database(settings, secrets, settings.admin_database_secret_arn, recorder=recorder)
    default_limit = RateLimit(settings.tenant_events_per_second, settings.tenant_burst)
    limits = TenantLimits(default_limit, clock=time.time)
    meter = meter_on(
        tenants,
        recorder,
        within_seconds=settings.connection_timeout_ms / 1000,
        limits=limits,
        bucket="api",
    )
    # What is left of a request when its tenant is known; a read may take longer than a write.
    within_seconds = (settings.request_timeout_ms - settings.connection_timeout_ms) / 1000
    registry = PostgresRegistry(
        tenants, within_seconds=settings.connection_timeout_ms / 1000, bucket="api"
    )
    reader = PostgresEventReader(tenants, providers=tuple(PROVIDERS), within_seconds=within_seconds)
    events = ReadEvents(reader)
    replay_one = ReplayOwnEvents(reader)
    store = PostgresAdminStore(admin, within_seconds=settings.connection_timeout_ms / 1000)
    secret_box = key_ring(secrets, settings.key_ring_secret_arn)
    administration = Administration(
        store,
        box=secret_box,
        providers=PROVIDERS,
        default_limit=default_limit,
    )
    audit = PostgresAuditLog(admin, within_seconds=within_seconds)
    begin = acting_on(tenants, admin)
    sandbox = Sandbox(settings.version, stage=settings.stage, function="api")
    metrics = RequestMetrics(sandbox, per_tenant=bool(settings.per_tenant_metrics))
    gate = OperatorGate(
        lambda: secrets.read(settings.operator_secret_arn),
        clock=time.time,
        on_match=partial(recorder.count, TOKEN_MATCHED, "operator"),
    )
    check_status = CheckStatus(
        store,
        read_kids=lambda: secret_box.kids,
        expected_migration=latest_number(),
        clock=time.monotonic,
    )
    routes = ApiRoutes(
        authenticator=Authenticator(CachedRegistry(registry, clock=time.time)),
        events=events,
        replay=replay_one,
        limits=limits,
        parts=(
            Documents(version=settings.version, serves_tls=settings.stage != "local"),
            AdminRoutes(
                gate=gate,
                administration=administration,
                parts=(
                    *_delivery_parts(
                        settings,
                        admin,
                        secret_box,
                        sources=store,
                        administration=administration,
                        events=events,
                        replay_one=replay_one,
                        audit=audit,
                    ),
                    AdminAudit(AuditTrail(audit)),
                    _quarantine_part(settings, admin, secret_box, recorder),
                    _keys_part(settings, admin, secret_box),
                    AdminRotation(
                        Rotation(
                            store,
                            PostgresRotations(
                                admin, within_seconds=settings.connection_timeout_ms / 1000
                            ),
                            box=secret_box,
                            providers=PROVIDERS,
                        )
                    ),
                    AdminRetention(
                        Retention(
                            PostgresRetentionStore(admin, within_seconds=within_seconds),
                            default_days=settings.event_retention_days,
                        )
                    ),
                    AdminLimits(administration),
                    AdminSlo(
                        administration,
                        check=CheckServiceLevels(
                            PostgresActivity(admin, within_seconds=within_seconds),
                            now=lambda: datetime.now(UTC),
                        ),
                    ),
                ),
                check_status=check_status,
                providers=PROVIDERS,
                stage=settings.stage,
                version=settings.version,
                begin=begin,
            ),
            AdminPage(
                SignIn(
                    PostgresSessions(admin, within_seconds=settings.connection_timeout_ms / 1000),
                    gate=gate,
                ),
                check_status=check_status,
                stage=settings.stage,
                version=settings.version,
                serves_tls=settings.stage != "local",
                begin=begin,
            ),
        ),
        sandbox=sandbox,
        begin=begin,
        meter=meter,
        metrics=metrics,
    )

    def before_close() -> None:
        metrics.write()
        meter.flush()

    def idle() -> float | None:
        metrics.write()
        return meter.idle()

    return WiredFunction(
        handle=routes,
        databases=(tenants, admin),
        before_close=before_close,
        idle=idle,
        clients=(secrets,),
        connect_seconds=settings.connection_timeout_ms / 1000,
    )


def _quarantine_part(
    settings: ApiSettings,
    database: Database,
    secret_box: KeyRingSecretBox,
    recorder: Recorder,
) -> AdminPart:
    """Make the operator's side of quarantine."""
    within_seconds = (settings.request_timeout_ms - settings.connection_timeout_ms) / 1000
    # Half of a call is for beginning deliveries, the other half for the last of them.
    deliveries = PostgresSetAside(database, secret_box, within_seconds=within_seconds / 2)
    return AdminQuarantine(
        QuarantineOffice(deliveries),
        retry=RetryQuarantine(
            deliveries,
            providers=PROVIDERS,
            secret_box=secret_box,
            clock=time.monotonic,
            seconds=within_seconds / 2,
            on_stored=counted_retries(recorder),
        ),
    )


def _keys_part(
    settings: ApiSettings, database: Database, secret_box: KeyRingSecretBox
) -> AdminPart:
    """Make the operator's look at the platform's own secrets."""
    within_seconds = (settings.request_timeout_ms - settings.connection_timeout_ms) / 1000
    return AdminKeys(
        ListKeys(
            PostgresSealedRows(database, within_seconds=within_seconds),
            PostgresSecretAges(database, within_seconds=within_seconds),
            ring=secret_box,
            clock=lambda: datetime.now(UTC),
        )
    )


def _delivery_parts(
    settings: ApiSettings,
    database: Database,
    secret_box: KeyRingSecretBox,
    *,
    sources: PostgresAdminStore,
    administration: Administration,
    events: ReadEvents,
    replay_one: ReplayOwnEvents,
    audit: PostgresAuditLog,
) -> tuple[AdminPart, ...]:
    """Make the operator's side of delivery."""
    # Counting dead letters and moving a thousand events take longer than a look-up.
    within_seconds = (settings.request_timeout_ms - settings.connection_timeout_ms) / 1000
    destinations = PostgresDestinationStore(database, within_seconds=within_seconds)
    replay_many = ReplayEvents(events, destinations=destinations, replays=destinations)
    return (
        AdminEvents(
            administration,
            events=ReadEventsForOperator(events, log=audit),
            replay_one=replay_one,
            replay_many=replay_many,
        ),
        AdminDestinations(
            Destinations(
                destinations,
                box=secret_box,
                allow_private=bool(settings.allow_private_destinations),
            )
        ),
        AdminCredentials(
            Credentials(
                PostgresCredentialStore(database, within_seconds=within_seconds),
                sources=sources,
                box=secret_box,
                allow_private=bool(settings.allow_private_destinations),
            )
        ),
        AdminHours(
            OpeningHours(
                PostgresOpeningHoursStore(database, within_seconds=within_seconds),
                sources=sources,
            )
        ),
        AdminDeadLetters(
            DeadLetterOffice(PostgresDeadLetters(database, within_seconds=within_seconds))
        ),
    )
