"""What functions/ingest is told."""

from __future__ import annotations

from dataclasses import dataclass

from tillgate.settings.function import MEBIBYTE, FunctionSettings, bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSettings(FunctionSettings):
    """The ingest role's database, and the largest body that ``/v1/events`` takes.

    ``accept_queue_url`` and ``objects_bucket`` are what stands in for the database.
    """

    database_secret_arn: str
    key_ring_secret_arn: str
    accept_queue_url: str
    objects_bucket: str
    max_body_bytes: int = bounded(MEBIBYTE, low=1024, high=4 * MEBIBYTE)
