"""The audit trail as the operator reads it, and the looks at payloads that have to be in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.audit import Action, AuditPage, Deed, cursor_after

if TYPE_CHECKING:
    from tillgate.domain.audit import AuditFilter
    from tillgate.domain.operator_ports import AuditLog
    from tillgate.domain.stored_event import EventPage, EventQuery, StoredEvent
    from tillgate.domain.tenant import TenantId
    from tillgate.services.read import ReadEvents


class AuditTrail:
    """Reads entries. Raises StoreUnavailableError."""

    def __init__(self, log: AuditLog) -> None:
        self._log = log

    def page(self, chosen: AuditFilter, *, limit: int, before: str | None) -> AuditPage:
        """Give one page, the newest entry first."""
        # One more than asked for tells whether there is another page.
        found = self._log.entries(chosen, limit=limit + 1, before=before)
        shown = tuple(found[:limit])
        more = len(found) > limit
        return AuditPage(shown, cursor_after(shown[-1].entry_id) if more else None)


class ReadEventsForOperator:
    """Reads a tenant's events for somebody else, as ReadEvents, and writes down what was shown."""

    def __init__(self, events: ReadEvents, *, log: AuditLog) -> None:
        self._events = events
        self._log = log

    def event(self, tenant_id: TenantId, event_id: str) -> StoredEvent:
        """Give one event whole, once it is written down for good that it was asked for.

        Raises NotFoundError, and StoreUnavailableError, also when only the entry cannot be
        written.
        """
        event = self._events.event(tenant_id, event_id)
        target = ("event", event.head.event_id)
        self._log.record(Deed(Action.EVENT_PAYLOAD_READ, tenant_id=tenant_id, target=target))
        return event

    def events(self, tenant_id: TenantId, query: EventQuery) -> EventPage:
        """Give one page, newest first. Nothing of a payload is in it, so that nothing is noted."""
        return self._events.events(tenant_id, query)
