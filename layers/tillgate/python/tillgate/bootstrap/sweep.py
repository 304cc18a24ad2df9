"""What functions/sweep is made of."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from tillgate.adapters.postgres.upkeep import PostgresUpkeep
from tillgate.bootstrap.connections import role_database, secrets_manager
from tillgate.entrypoints.observability import log_task
from tillgate.services.sweep import Sweep
from tillgate.settings import SweepSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@cache
def sweep() -> Callable[[], Mapping[str, Any]]:
    """Make the function that EventBridge runs."""
    settings = SweepSettings.from_env(os.environ)
    database = role_database(settings, secrets_manager(settings), settings.database_secret_arn)
    work = Sweep(PostgresUpkeep(database), clock=time.monotonic)
    return lambda: log_task(
        "sweep",
        lambda: asdict(work.run(datetime.now(UTC).date())),
        version=settings.version,
    )
