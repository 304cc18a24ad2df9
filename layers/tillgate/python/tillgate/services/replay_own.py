"""Delivering a tenant's own event again, as it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.errors import NotFoundError
from tillgate.domain.tenant import EventId
from tillgate.services.read import uuid_or_not_found

if TYPE_CHECKING:
    from tillgate.domain.ports import OwnReplays
    from tillgate.domain.tenant import TenantId


class ReplayOwnEvents:
    """Makes the delivery of one tenant's event pending again."""

    def __init__(self, replays: OwnReplays) -> None:
        self._replays = replays

    def one(self, tenant_id: TenantId, event_id: str) -> EventId:
        """Deliver it again, whatever became of it before. Idempotent.

        Raises NotFoundError, the same as for reading it; NoDestinationError where the tenant
        has none; StoreUnavailableError.
        """
        found = EventId(uuid_or_not_found(event_id, of="event"))
        if not self._replays.replay(tenant_id, found):
            raise NotFoundError("There is no such event.")
        return found
