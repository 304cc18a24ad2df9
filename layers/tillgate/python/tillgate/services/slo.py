"""How well the platform, or one tenant, has been served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.slo import OBJECTIVE, WINDOWS, ServiceLevels, service_level

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tillgate.domain.operator_ports import ActivityReader
    from tillgate.domain.tenant import TenantId


class CheckServiceLevels:
    """Reads what was counted; ``now`` gives the time, in UTC."""

    def __init__(self, activity: ActivityReader, *, now: Callable[[], datetime]) -> None:
        self._activity = activity
        self._now = now

    def run(self, tenant_id: TenantId | None = None) -> ServiceLevels:
        """Give a tenant's, or the platform's. Raises StoreUnavailableError."""
        at = self._now()
        counts = self._activity.counts(tenant_id, WINDOWS, at=at)
        return ServiceLevels(
            tenant_id=tenant_id,
            objective=OBJECTIVE,
            at=at,
            windows=tuple(map(service_level, WINDOWS, counts)),
        )
