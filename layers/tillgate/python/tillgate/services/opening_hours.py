"""When tenants' sources are to be heard, as the operator decides, and who is quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.errors import NotFoundError
from tillgate.domain.opening_hours import MAX_QUIET_LISTED, HoursRecord
from tillgate.domain.tenant import SourceId, TenantId
from tillgate.services.read import uuid_or_not_found

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tillgate.domain.administration import SourceRecord
    from tillgate.domain.opening_hours import QuietSourceRecord
    from tillgate.domain.operator_ports import OpeningHoursStore
    from tillgate.domain.ports import AdminStore

NO_HOURS = "There is no such tenant, or it has no opening hours."


class OpeningHours:
    """One set for each tenant, or none; all raise StoreUnavailableError.

    Ids come as the caller wrote them: NotFoundError for what is no id, or nobody's.
    """

    def __init__(self, store: OpeningHoursStore, *, sources: AdminStore) -> None:
        self._store = store
        self._sources = sources

    def set_hours(
        self,
        tenant_id: str,
        *,
        time_zone: str,
        opening_hours: Mapping[str, Sequence[str]],
        quiet_after_minutes: int,
    ) -> HoursRecord:
        """Listen for the tenant's sources in these hours from now on. Idempotent.

        The hours have no faults (``silence.hours_faults``), and there is such a zone.
        """
        hours = HoursRecord(
            tenant_id=_tenant_id(tenant_id),
            time_zone=time_zone,
            opening_hours={day: list(spells) for day, spells in opening_hours.items() if spells},
            quiet_after_minutes=quiet_after_minutes,
        )
        if not self._store.set_hours(hours):
            raise NotFoundError("There is no such tenant.")
        return hours

    def hours(self, tenant_id: str) -> HoursRecord:
        return _found(self._store.hours(_tenant_id(tenant_id)))

    def remove_hours(self, tenant_id: str) -> HoursRecord:
        """Listen for the tenant's sources no more; give the hours as they were."""
        return _found(self._store.remove_hours(_tenant_id(tenant_id)))

    def set_quiet_after(self, source_id: str, minutes: int | None) -> SourceRecord:
        """Give a source a patience of its own, or its tenant's (None); give it. Idempotent."""
        known = SourceId(uuid_or_not_found(source_id, of="source"))
        source = (
            self._sources.source(known) if self._store.set_quiet_after(known, minutes) else None
        )
        if source is None:
            raise NotFoundError("There is no such source.")
        return source

    def quiet_sources(self) -> list[QuietSourceRecord]:
        """Give who was quiet when the watcher looked last, the longest quiet first."""
        return self._store.quiet_sources(limit=MAX_QUIET_LISTED)


def _tenant_id(text: str) -> TenantId:
    return TenantId(uuid_or_not_found(text, of="tenant"))


def _found(hours: HoursRecord | None) -> HoursRecord:
    if hours is None:
        raise NotFoundError(NO_HOURS)
    return hours
