"""What functions/migrate is told."""

from __future__ import annotations

from dataclasses import dataclass

from tillgate.settings.function import FunctionSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrateSettings(FunctionSettings):
    """The owner's database, and the secret of every runtime role that migrate fills in."""

    database_secret_arn: str
    ingest_secret_arn: str
    api_secret_arn: str
    admin_secret_arn: str
    health_secret_arn: str
    sweep_secret_arn: str
    accept_secret_arn: str
    deliver_secret_arn: str
    watch_secret_arn: str
    rotate_secret_arn: str
