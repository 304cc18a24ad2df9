"""What functions/health is told."""

from __future__ import annotations

from dataclasses import dataclass

from tillgate.settings.function import FunctionSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSettings(FunctionSettings):
    """What ``/startupz`` checks: the database under its own role, the key ring, the queue.

    ``metrics_secret_arn`` holds the token that ``/metrics`` is read with.
    """

    database_secret_arn: str
    key_ring_secret_arn: str
    metrics_secret_arn: str
    accept_queue_url: str
