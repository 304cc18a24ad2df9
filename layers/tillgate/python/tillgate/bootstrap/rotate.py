"""What functions/rotate is made of."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tillgate.adapters.aws.json_client import AwsJsonClient
from tillgate.adapters.key_ring import KeyRingSecretBox, key_ring
from tillgate.adapters.postgres.sealed_rows import PostgresSealedRows, PostgresSecretNotes
from tillgate.adapters.secret_versions import SecretsManagerVersions
from tillgate.adapters.time_budget import TimeBudget
from tillgate.bootstrap.connections import role_database, secrets_manager
from tillgate.bootstrap.stop import Stop
from tillgate.bootstrap.wired import WiredFunction
from tillgate.domain.rotation import PlatformSecret
from tillgate.entrypoints.rotate import RotateTask
from tillgate.services.reseal import Reseal
from tillgate.services.rotate import RotateSecret
from tillgate.services.rotated_secrets import RotatedKeyRing, RotatedToken
from tillgate.settings.rotate import RotateSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tillgate.services.rotate import SecretKind


def rotate() -> WiredFunction[Mapping[str, Any], Mapping[str, Any]]:
    """Make the function that Secrets Manager calls to rotate, and EventBridge each day."""
    settings = RotateSettings.from_env(os.environ)
    # Nobody waits for an answer here: each call may take as long as a whole request.
    within_seconds = settings.request_timeout_ms / 1000
    time_left, stop = TimeBudget(settings.rotate_seconds), Stop()
    secrets = secrets_manager(settings, timeout_seconds=within_seconds)
    client = AwsJsonClient(
        "secretsmanager",
        env=os.environ,
        timeout_seconds=within_seconds,
        max_requests_per_socket=settings.max_requests_per_socket,
    )
    database = role_database(settings, secrets, settings.database_secret_arn)
    rows = PostgresSealedRows(database, within_seconds=within_seconds)
    task = RotateTask(
        RotateSecret(
            SecretsManagerVersions(client),
            PostgresSecretNotes(database, within_seconds=within_seconds),
            names={
                settings.key_ring_secret_arn: PlatformSecret.KEY_RING,
                settings.operator_secret_arn: PlatformSecret.OPERATOR,
                settings.metrics_secret_arn: PlatformSecret.METRICS,
            },
            kinds=_kinds(settings, rows),
            clock=lambda: datetime.now(UTC),
        ),
        Reseal(
            rows,
            key_ring(secrets, settings.key_ring_secret_arn),
            is_out_of_time=lambda: stop.is_asked() or time_left() <= 0,
        ),
        stage=settings.stage,
        version=settings.version,
        begin=time_left.begin,
    )
    return WiredFunction(
        handle=task,
        databases=(database,),
        clients=(secrets, client),
        connect_seconds=settings.connection_timeout_ms / 1000,
        on_stop=stop.ask,
    )


def _kinds(settings: RotateSettings, rows: PostgresSealedRows) -> dict[PlatformSecret, SecretKind]:
    return {
        PlatformSecret.KEY_RING: RotatedKeyRing(
            rows, make_box=lambda text: KeyRingSecretBox(lambda: text)
        ),
        PlatformSecret.OPERATOR: RotatedToken(
            overlap=timedelta(days=settings.operator_overlap_days)
        ),
        PlatformSecret.METRICS: RotatedToken(overlap=timedelta(days=settings.metrics_overlap_days)),
    }
