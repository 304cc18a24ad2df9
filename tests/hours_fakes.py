"""An in-memory stand-in for when tenants are open and who is quiet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tillgate.domain.errors import StoreUnavailableError

if TYPE_CHECKING:
    from tests.admin_fakes import InMemoryAdminStore
    from tillgate.domain.opening_hours import HoursRecord, QuietSourceRecord
    from tillgate.domain.tenant import SourceId, TenantId


class InMemoryOpeningHours:
    """Implements OpeningHoursStore for the tenants and sources of ``store``."""

    def __init__(self, store: InMemoryAdminStore) -> None:
        self._store = store
        self.kept: dict[str, HoursRecord] = {}
        self.quiet: list[QuietSourceRecord] = []
        self.is_down = False

    def set_hours(self, hours: HoursRecord) -> bool:
        self._check()
        if hours.tenant_id not in self._store.all_tenants:
            return False
        self.kept[hours.tenant_id] = hours
        return True

    def hours(self, tenant_id: TenantId) -> HoursRecord | None:
        self._check()
        return self.kept.get(tenant_id)

    def remove_hours(self, tenant_id: TenantId) -> HoursRecord | None:
        self._check()
        return self.kept.pop(tenant_id, None)

    def set_quiet_after(self, source_id: SourceId, minutes: int | None) -> bool:
        self._check()
        known = self._store.all_sources.get(source_id)
        if known is None:
            return False
        self._store.all_sources[source_id] = replace(known, quiet_after_minutes=minutes)
        return True

    def quiet_sources(self, *, limit: int) -> list[QuietSourceRecord]:
        self._check()
        return sorted(self.quiet, key=lambda one: one.quiet_since)[:limit]

    def _check(self) -> None:
        if self.is_down:
            raise StoreUnavailableError("down")
