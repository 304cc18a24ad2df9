"""What functions/rotate is told."""

from __future__ import annotations

from dataclasses import dataclass

from tillgate.settings.function import FunctionSettings, bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateSettings(FunctionSettings):
    """The rotate role's database, and the secrets that are rotated, each told by its ARN.

    For ``operator_overlap_days`` the operator's token before is good beside the new one: a week,
    in which everybody who holds it is at work once. ``metrics_overlap_days`` is the same for the
    token of ``/metrics``: two weeks, since what fetches it is changed with a deploy of its own.
    ``rotate_seconds`` is for how long one run begins to seal anew.
    """

    database_secret_arn: str
    key_ring_secret_arn: str
    operator_secret_arn: str
    metrics_secret_arn: str
    operator_overlap_days: int = bounded(7, low=0, high=90)
    metrics_overlap_days: int = bounded(14, low=0, high=90)
    rotate_seconds: int = bounded(240, low=1, high=840)
