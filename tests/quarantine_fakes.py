"""An in-memory stand-in for the quarantine as the operator sees it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tillgate.domain.errors import SealBrokenError, StoreRefusedError, StoreUnavailableError
from tillgate.domain.set_aside import OpenedDelivery, SetAside, SetAsideGroup, Standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tests.fakes import InMemoryEventStore, InMemoryRegistry
    from tillgate.domain.event import Accepted, NewEvent
    from tillgate.domain.ports import EventStore, Registry
    from tillgate.domain.quarantine import Quarantined
    from tillgate.domain.set_aside import Place, Remainder, SetAsideFilter
    from tillgate.domain.tenant import TenantId, TenantState

KEPT = timedelta(days=30)


class InMemorySetAside:
    """Implements SetAsideDeliveries; ``held``, ``expired`` and ``damaged`` name deliveries so.

    ``refusing`` are those whose events the database refuses. With ``crashes`` a claim that has
    done all its work is undone, as by a crash before its commit.
    """

    def __init__(self, events: InMemoryEventStore, registry: InMemoryRegistry) -> None:
        self.store = events
        self.registry = registry
        self.heads: dict[str, SetAside] = {}
        self.opened: dict[str, OpenedDelivery] = {}
        self.tenants: dict[str, TenantState] = {}
        self.held: set[str] = set()
        self.expired: set[str] = set()
        self.damaged: set[str] = set()
        self.refusing: set[str] = set()
        self.is_down = False
        self.crashes = False

    def put(self, item: Quarantined) -> None:
        """Take over what was set aside."""
        self.heads[item.quarantine_id] = SetAside(
            quarantine_id=item.quarantine_id,
            reason=item.reason,
            provider=item.provider,
            tenant_id=item.tenant_id,
            endpoint_id=item.endpoint_id,
            events=item.events,
            sealed_bytes=len(item.content),
            rid=item.rid,
            received_at=item.received_at,
            expires_at=item.received_at + KEPT,
        )
        self.opened[item.quarantine_id] = OpenedDelivery(
            headers=item.headers,
            content=item.content,
            part=item.part,
            address=item.address,
            is_cut=item.is_cut,
        )

    def page(self, chosen: SetAsideFilter, *, limit: int, before: Place | None) -> list[SetAside]:
        found = sorted(self._chosen(chosen), key=lambda head: head.place, reverse=True)
        return [head for head in found if before is None or head.place < before][:limit]

    def plan(self, chosen: SetAsideFilter) -> list[SetAsideGroup]:
        return [
            SetAsideGroup(
                reason=head.reason,
                provider=head.provider,
                tenant_id=head.tenant_id,
                slug=None,
                endpoint_id=head.endpoint_id,
                count=1,
                events=head.events,
                oldest=head.received_at,
                newest=head.received_at,
            )
            for head in self._chosen(chosen)
        ]

    def find(self, quarantine_id: str) -> SetAside | None:
        self._check()
        return self.heads.get(quarantine_id)

    def open(self, quarantine_id: str) -> tuple[SetAside, OpenedDelivery] | None:
        head = self.find(quarantine_id)
        if head is None:
            return None
        if quarantine_id in self.damaged:
            raise SealBrokenError("it does not open")
        return head, self.opened[quarantine_id]

    def next(self, chosen: SetAsideFilter, *, limit: int, after: Place | None) -> list[Place]:
        places = sorted(head.place for head in self._chosen(chosen))
        return [place for place in places if after is None or place > after][:limit]

    @contextmanager
    def claim(self, quarantine_id: str) -> Iterator[_Claimed | Standing]:
        self._check()
        if quarantine_id not in self.heads:
            yield Standing.GONE
        elif quarantine_id in self.held:
            yield Standing.BUSY
        elif quarantine_id in self.expired:
            yield Standing.EXPIRED
        else:
            kept = dict(self.store.events), dict(self.heads), dict(self.opened)
            try:
                yield _Claimed(self, quarantine_id)
                self._commit()
            except BaseException:
                self.store.events, self.heads, self.opened = kept
                raise

    def discard(
        self, chosen: SetAsideFilter, *, ids: Sequence[str] | None, count: int
    ) -> int | None:
        found = [
            head.quarantine_id
            for head in self._chosen(chosen)
            if ids is None or head.quarantine_id in ids
        ]
        if len(found) != count:
            return None
        for quarantine_id in found:
            del self.heads[quarantine_id], self.opened[quarantine_id]
        return len(found)

    def _chosen(self, chosen: SetAsideFilter) -> list[SetAside]:
        self._check()
        return [
            head
            for head in self.heads.values()
            if chosen.reason in {None, head.reason}
            and chosen.tenant_id in {None, head.tenant_id}
            and chosen.endpoint_id in {None, head.endpoint_id}
            and chosen.provider in {None, head.provider}
        ]

    def _commit(self) -> None:
        if self.crashes:
            raise StoreUnavailableError("crashed before the commit")

    def _check(self) -> None:
        if self.is_down:
            raise StoreUnavailableError("down")


class _Claimed:
    """Implements ClaimedDelivery."""

    def __init__(self, world: InMemorySetAside, quarantine_id: str) -> None:
        self._world = world
        self._id = quarantine_id
        self.head = world.heads[quarantine_id]

    @property
    def events(self) -> EventStore:
        return self

    @property
    def registry(self) -> Registry:
        return self._world.registry

    def accept(
        self, tenant_id: TenantId, events: Sequence[NewEvent], *, received_at: datetime
    ) -> list[Accepted]:
        if self._id in self._world.refusing:
            raise StoreRefusedError("no")
        return self._world.store.accept(tenant_id, events, received_at=received_at)

    def open(self) -> OpenedDelivery:
        if self._id in self._world.damaged:
            raise SealBrokenError("it does not open")
        return self._world.opened[self._id]

    def tenant_state(self, tenant_id: TenantId) -> TenantState | None:
        return self._world.tenants.get(tenant_id)

    def settle(self, remaining: Sequence[Remainder]) -> None:
        head, opened = self._world.heads.pop(self._id), self._world.opened.pop(self._id)
        for one in remaining:
            self._world.heads[one.quarantine_id] = replace(
                head,
                quarantine_id=one.quarantine_id,
                reason=one.reason,
                provider=one.provider,
                endpoint_id=one.endpoint_id,
                tenant_id=one.tenant_id,
                events=one.events,
            )
            self._world.opened[one.quarantine_id] = replace(opened, part=one.part)
