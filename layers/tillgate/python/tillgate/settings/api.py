"""What functions/api is told."""

from __future__ import annotations

from dataclasses import dataclass

from tillgate.settings.function import FunctionSettings, bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings(FunctionSettings):
    """The database under two roles: the tenants' reader, and the operator's."""

    database_secret_arn: str
    admin_database_secret_arn: str
    key_ring_secret_arn: str
    operator_secret_arn: str
    allow_private_destinations: int = bounded(0, low=0, high=1)
