"""What every function reaches the outside by."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.conninfo import role_url
from tillgate.adapters.secrets_manager import SecretsManager

if TYPE_CHECKING:
    from tillgate.settings import FunctionSettings


def secrets_manager(
    settings: FunctionSettings, *, timeout_seconds: float | None = None
) -> SecretsManager:
    """Reach Secrets Manager under the function's own role."""
    return SecretsManager(
        env=os.environ,
        timeout_seconds=timeout_seconds or settings.connection_timeout_ms / 1000,
    )


def role_database(settings: FunctionSettings, secrets: SecretsManager, secret_id: str) -> Database:
    """Reach Postgres as the role whose secret this is; reads it and connects at first use.

    The secret is read again only when connecting with what it held has failed.
    """
    return Database(
        lambda: role_url(secrets.read(secret_id)), max_uses=settings.max_requests_per_socket
    )
