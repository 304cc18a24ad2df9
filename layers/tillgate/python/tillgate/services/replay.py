"""Delivering again what is stored, whatever became of it before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tillgate.domain.errors import NoDestinationError
from tillgate.domain.stored_event import DeliveryState

if TYPE_CHECKING:
    from tillgate.domain.operator_ports import DestinationStore, Replays
    from tillgate.domain.stored_event import EventQuery
    from tillgate.domain.tenant import TenantId
    from tillgate.services.read import ReadEvents

# Of one step, so that it ends well inside a request.
MAX_STEP = 1_000


@dataclass(frozen=True, slots=True)
class ReplayStep:
    """``next_cursor`` is where the next step begins, None after the last."""

    count: int
    next_cursor: str | None


class ReplayEvents:
    """Makes many deliveries pending again, in steps that whoever calls drives to the end."""

    def __init__(
        self, events: ReadEvents, *, destinations: DestinationStore, replays: Replays
    ) -> None:
        self._events = events
        self._destinations = destinations
        self._replays = replays

    def step(self, tenant_id: TenantId, query: EventQuery, *, dry_run: bool) -> ReplayStep:
        """Deliver a page of events again, the newest first, or only count them.

        What waits already is not counted. Repeating a step is safe, and so is stopping after
        any: events that come in meanwhile stand before the cursor, and are not met.
        Raises NoDestinationError where the tenant has none, and StoreUnavailableError.
        """
        if self._destinations.destination(tenant_id) is None:
            raise NoDestinationError("The tenant has no destination to deliver to.")
        page = self._events.events(tenant_id, query)
        event_ids = [
            head.event_id
            for head in page.events
            if head.delivery_state is not DeliveryState.PENDING
        ]
        count = len(event_ids)
        if event_ids and not dry_run:
            count = self._replays.replay(tenant_id, event_ids)
        return ReplayStep(count, page.next_cursor)
