"""The objective, and what is left of the error budget that it leaves.

Good is what was answered without a 5xx. https://sre.google/workbook/implementing-slos/
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tillgate.domain.activity import LATENCY_BOUNDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tillgate.domain.tenant import TenantId

OBJECTIVE = 0.999
# As a whole number, so that just as many errors as are allowed come to exactly 1.
_ONE_ERROR_IN = 1_000
# Of seconds and of budgets; an availability is given as it is, so that no error is rounded off.
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time that ends now; ``width`` is that of the buckets which are added up.

    The oldest bucket that reaches into it counts whole.
    """

    name: str
    length: timedelta
    width: str
    bucket: timedelta


_FIVE_MINUTES = ("five_minutes", timedelta(minutes=5))
_HOUR = ("hour", timedelta(hours=1))
WINDOWS = (
    Window("1h", timedelta(hours=1), *_FIVE_MINUTES),
    Window("24h", timedelta(hours=24), *_FIVE_MINUTES),
    Window("30d", timedelta(days=30), *_HOUR),
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted in a window; ``latency`` are the buckets of ``activity.LATENCY_BOUNDS``."""

    requests: int
    server_errors: int
    latency: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLevel:
    """A window's figures: None where there were no requests, of which nothing can be said.

    ``burn_rate`` is 1 where errors come just as often as the objective allows. ``budget_left`` is
    the part of the window's budget that its errors have left, below 0 once it is overspent.
    """

    window: str
    requests: int
    server_errors: int
    availability: float | None
    budget_left: float | None
    burn_rate: float | None
    p50_seconds: float | None
    p95_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLevels:
    """Of the platform where ``tenant_id`` is None; ``at`` is when the windows end."""

    tenant_id: TenantId | None
    objective: float
    at: datetime
    windows: tuple[ServiceLevel, ...]


def service_level(window: Window, counts: Counts) -> ServiceLevel:
    """Reckon a window's figures."""
    requests, errors = counts.requests, counts.server_errors
    burn_rate = round(errors * _ONE_ERROR_IN / requests, _DIGITS) if requests else None
    return ServiceLevel(
        window=window.name,
        requests=requests,
        server_errors=errors,
        availability=(requests - errors) / requests if requests else None,
        budget_left=None if burn_rate is None else round(1 - burn_rate, _DIGITS),
        burn_rate=burn_rate,
        p50_seconds=quantile(0.5, counts.latency),
        p95_seconds=quantile(0.95, counts.latency),
    )


def quantile(portion: float, latency: Sequence[int]) -> float | None:
    """Estimate within which seconds that portion was answered; None when nothing was.

    As Prometheus does it: evenly within a bucket. What lies beyond the last bound is given as
    that bound. https://prometheus.io/docs/prometheus/latest/querying/functions/
    """
    total = sum(latency)
    if not total:
        return None
    rank, below, lower = portion * total, 0, 0.0
    for upper, number in zip(LATENCY_BOUNDS, latency, strict=False):
        if number and below + number >= rank:
            return round(lower + (upper - lower) * (rank - below) / number, _DIGITS)
        below, lower = below + number, upper
    return LATENCY_BOUNDS[-1]
