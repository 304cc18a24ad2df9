"""What functions/probe is told."""

from __future__ import annotations

from dataclasses import dataclass

from tillgate.settings.function import FunctionSettings, bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings(FunctionSettings):
    """The deliver role's database, and who may ask for a test of a destination.

    ``allow_private_destinations`` is as for deliver.
    """

    database_secret_arn: str
    key_ring_secret_arn: str
    operator_secret_arn: str
    allow_private_destinations: int = bounded(0, low=0, high=1)
