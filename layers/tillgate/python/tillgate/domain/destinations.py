"""A tenant's destination as the operator sees it, and what a test of it found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from tillgate.domain.delivery import AttemptOutcome, DestinationKind
    from tillgate.domain.tenant import TenantId


class BreakerState(StrEnum):
    """``half_open``: its time has passed, and the next attempt tells whether it closes."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Breaker:
    """Whether a destination is spared for a while; ``failures`` are those in a row."""

    state: BreakerState
    failures: int = 0
    open_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationRecord:
    """Where a tenant's events go, without the secret: ``set_at`` is when that was given."""

    tenant_id: TenantId
    kind: DestinationKind
    url: str
    set_at: datetime
    breaker: Breaker


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """What became of a request as a delivery makes it, with no event in it.

    ``status`` is HTTP's, None where no answer came; ``reason`` is None when all is well.
    """

    outcome: AttemptOutcome
    status: int | None
    duration_ms: float
    reason: str | None
