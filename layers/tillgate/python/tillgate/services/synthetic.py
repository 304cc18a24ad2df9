"""A synthetic event and its copy at the destination are taken away again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.delivery import Delivered
from tillgate.domain.errors import DeliveryUnderWayError, NotFoundError, SealBrokenError
from tillgate.domain.synthetic import CopyRemoval, SyntheticDiscarded
from tillgate.domain.tenant import EventId, TenantId
from tillgate.services.probe import CANNOT_OPEN
from tillgate.services.read import uuid_or_not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tillgate.domain.delivery import DestinationKind
    from tillgate.domain.operator_ports import (
        RemovingUpstream,
        SealedDestinations,
        SyntheticEvents,
    )
    from tillgate.domain.ports import SecretBox

NO_SYNTHETIC_EVENT = "There is no such event, or it is not a synthetic one of the last day."
NO_DESTINATION = "no-destination"


class DiscardSynthetic:
    """Leaves nothing of a synthetic event; of any other it says that there is none.

    The copy goes first: whoever is interrupted can then repeat the call. ``clock`` gives
    monotonic seconds.
    """

    def __init__(
        self,
        events: SyntheticEvents,
        *,
        destinations: SealedDestinations,
        box: SecretBox,
        upstreams: Mapping[DestinationKind, RemovingUpstream],
        clock: Callable[[], float],
    ) -> None:
        self._events = events
        self._destinations = destinations
        self._box = box
        self._upstreams = upstreams
        self._clock = clock

    def run(self, tenant_id: str, event_id: str) -> SyntheticDiscarded:
        """Remove the copy, and delete the event whether or not that could be done.

        Raises NotFoundError, DeliveryUnderWayError, StoreUnavailableError, and
        SecretUnavailableError without a key ring; what the destination does is told in the
        answer.
        """
        tenant = TenantId(uuid_or_not_found(tenant_id, of="tenant"))
        event = EventId(uuid_or_not_found(event_id, of="event"))
        held = self._events.hold(tenant, event)
        if held is None:
            raise NotFoundError(NO_SYNTHETIC_EVENT)
        if held.is_under_way:
            raise DeliveryUnderWayError(
                "An attempt to deliver it has begun, and has not ended yet."
            )
        copy = self._remove_copy(tenant, event) if held.was_tried else None
        self._events.discard(tenant, event)
        return SyntheticDiscarded(event_id=event, destination=copy)

    def _remove_copy(self, tenant: TenantId, event: EventId) -> CopyRemoval:
        started = self._clock()
        status, reason = self._ask_to_remove(tenant, event)
        return CopyRemoval(
            is_removed=reason is None,
            status=status,
            duration_ms=round((self._clock() - started) * 1000, 1),
            reason=reason,
        )

    def _ask_to_remove(self, tenant: TenantId, event: EventId) -> tuple[int | None, str | None]:
        destination = self._destinations.find(tenant)
        if destination is None:
            return None, NO_DESTINATION
        try:
            secret = self._box.open(
                destination.sealed_secret, context=destination.seal_context
            ).decode()
        except SealBrokenError:
            return None, CANNOT_OPEN
        result = self._upstreams[destination.kind].remove(destination, secret, event)
        return result.status, None if isinstance(result, Delivered) else result.reason
