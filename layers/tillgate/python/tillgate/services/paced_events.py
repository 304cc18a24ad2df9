"""Vendors' events at their tenant's rate: what is above it waits on the accept queue.

A vendor's hook is never refused for the tenant's rate, which the vendor does not know of; it is
acknowledged, and stored by ``functions/accept`` at the pace of its few workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.errors import OverRateError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tillgate.domain.event import Accepted, NewEvent
    from tillgate.domain.ports import EventStore, Registry
    from tillgate.domain.tenant import AppId, Endpoint, Source, TenantId, TokenStanding
    from tillgate.services.limits import TenantLimits


class PacedEventStore:
    """Implements EventStore over another one; raises OverRateError for a tenant over its rate.

    Where the queue is not there either, ``lift`` lets the same request store its events after
    all: that nothing is lost goes before fairness.
    """

    def __init__(self, events: EventStore, limits: TenantLimits) -> None:
        self._events = events
        self._limits = limits
        self._is_lifted = False
        self._held_any = False

    def begin(self) -> None:
        """Say that what comes now is another request's."""
        self._is_lifted = self._held_any = False

    def lift(self) -> bool:
        """Tell whether anything was held back of this request, and hold back no more of it."""
        self._is_lifted = self._held_any
        return self._held_any

    def accept(
        self, tenant_id: TenantId, events: Sequence[NewEvent], *, received_at: datetime
    ) -> list[Accepted]:
        if not self._limits.take(tenant_id, len(events)) and not self._is_lifted:
            self._held_any = True
            raise OverRateError(tenant_id, [event.key for event in events])
        return self._events.accept(tenant_id, events, received_at=received_at)


class NotedRegistry:
    """Implements Registry over another one, and has the limits noted of whose source it gives."""

    def __init__(self, registry: Registry, limits: TenantLimits) -> None:
        self._registry = registry
        self._limits = limits

    def find_token(self, digest: bytes) -> TokenStanding | None:
        return self._registry.find_token(digest)

    def find_endpoint(
        self, provider: str, endpoint_id: str, *, at_most_seconds_old: float | None = None
    ) -> Endpoint | None:
        endpoint = self._registry.find_endpoint(
            provider, endpoint_id, at_most_seconds_old=at_most_seconds_old
        )
        if endpoint is not None:
            self._note(endpoint.source)
        return endpoint

    def find_bound_source(self, app_id: AppId, merchant_id: str) -> Source | None:
        source = self._registry.find_bound_source(app_id, merchant_id)
        self._note(source)
        return source

    def _note(self, source: Source | None) -> None:
        if source is not None:
            self._limits.note(source.tenant)
