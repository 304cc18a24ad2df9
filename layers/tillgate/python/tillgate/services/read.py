"""A tenant's own events, read back."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from tillgate.domain.errors import NotFoundError
from tillgate.domain.stored_event import EventPage, cursor_after
from tillgate.domain.tenant import EventId

if TYPE_CHECKING:
    from tillgate.domain.ports import EventReader
    from tillgate.domain.stored_event import EventQuery, StoredEvent
    from tillgate.domain.tenant import TenantId

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


def uuid_or_not_found(text: str, *, of: str) -> str:
    """Give an id from a path in lower case. Raises NotFoundError when no id can look so."""
    lowered = text.lower()
    if _UUID.match(lowered):
        return lowered
    raise NotFoundError(f"There is no such {of}.")


class ReadEvents:
    """Reads one tenant's events; both methods raise StoreUnavailableError."""

    def __init__(self, events: EventReader) -> None:
        self._events = events

    def event(self, tenant_id: TenantId, event_id: str) -> StoredEvent:
        """Give one event whole.

        Raises NotFoundError, the same for another tenant's event, for one that never was,
        and for what is no id at all.
        """
        found = self._events.event(tenant_id, EventId(uuid_or_not_found(event_id, of="event")))
        if found is None:
            raise NotFoundError("There is no such event.")
        return found

    def events(self, tenant_id: TenantId, query: EventQuery) -> EventPage:
        """Give one page, newest first."""
        # One more than asked for tells whether there is another page.
        found = self._events.events(tenant_id, replace(query, limit=query.limit + 1))
        events = tuple(found[: query.limit])
        more = len(found) > query.limit
        return EventPage(events, cursor_after(events[-1].event_id) if more else None)
