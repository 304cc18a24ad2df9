"""What every function reaches the outside by."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from tillgate.adapters.aws.json_client import AwsJsonClient
from tillgate.adapters.aws.s3_client import S3Client
from tillgate.adapters.aws.service import unlimited
from tillgate.adapters.objects import S3Objects
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.conninfo import role_url
from tillgate.adapters.postgres.metrics import PostgresMetrics
from tillgate.adapters.secrets_manager import SecretsManager
from tillgate.domain.metrics import Recorder
from tillgate.services.metering import Meter

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.domain.audit import Acting
    from tillgate.services.limits import TenantLimits
    from tillgate.settings.function import FunctionSettings


def secrets_manager(
    settings: FunctionSettings,
    *,
    timeout_seconds: float | None = None,
    budget: Callable[[], float] = unlimited,
) -> SecretsManager:
    """Reach Secrets Manager under the function's own role."""
    return SecretsManager(
        env=os.environ,
        timeout_seconds=timeout_seconds or settings.connection_timeout_ms / 1000,
        max_requests_per_socket=settings.max_requests_per_socket,
        budget=budget,
    )


def sqs(
    settings: FunctionSettings,
    *,
    timeout_seconds: float | None = None,
    budget: Callable[[], float] = unlimited,
) -> AwsJsonClient:
    """Reach SQS under the function's own role."""
    return AwsJsonClient(
        "sqs",
        env=os.environ,
        timeout_seconds=timeout_seconds or settings.connection_timeout_ms / 1000,
        max_requests_per_socket=settings.max_requests_per_socket,
        json_version="1.0",
        budget=budget,
    )


def objects(
    settings: FunctionSettings,
    bucket: str,
    *,
    timeout_seconds: float | None = None,
    budget: Callable[[], float] = unlimited,
) -> S3Objects:
    """Reach one bucket under the function's own role."""
    return S3Objects(
        S3Client(
            bucket,
            env=os.environ,
            timeout_seconds=timeout_seconds or settings.connection_timeout_ms / 1000,
            max_requests_per_socket=settings.max_requests_per_socket,
            budget=budget,
        )
    )


def role_database(
    settings: FunctionSettings,
    secrets: SecretsManager,
    secret_id: str,
    *,
    budget: Callable[[], float] = unlimited,
    breaker_seconds: float = 0.0,
    recorder: Recorder | None = None,
) -> Database:
    """Reach Postgres as the role whose secret this is; reads it and connects at first use.

    The secret is read again only when connecting with what it held has failed. ``recorder``
    is that of the thread in which the database is asked.
    """
    timed = recorder or Recorder()
    return Database(
        lambda: role_url(secrets.read(secret_id)),
        max_uses=settings.max_requests_per_socket,
        budget=budget,
        breaker_seconds=breaker_seconds,
        observe=timed.waited,
    )


def acting_on(*databases: Database) -> Callable[[Acting], None]:
    """Say how these databases are told for whom they are asked from now on."""

    def begin(acting: Acting) -> None:
        for database in databases:
            database.acting = acting

    return begin


def meter_on(
    database: Database,
    recorder: Recorder,
    *,
    within_seconds: float,
    limits: TenantLimits | None = None,
    bucket: str = "ingest",
) -> Meter:
    """Store what is recorded through a function's own connection, and what tenants used."""
    store = PostgresMetrics(database, within_seconds=within_seconds, bucket=bucket)
    return Meter(recorder, store, clock=time.time, limits=limits)
