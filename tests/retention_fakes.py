"""In-memory stand-ins for what is kept how long, and what is erased."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tillgate.domain.errors import (
    Fault,
    InvalidRequestError,
    NotFoundError,
    StoreUnavailableError,
    TenantNotSuspendedError,
)
from tillgate.domain.retention import (
    Dropped,
    Erased,
    ErasureRecord,
    RetentionRecord,
    RetentionStatus,
)
from tillgate.domain.tenant import EventId, TenantState

if TYPE_CHECKING:
    from datetime import date

    from tests.admin_fakes import InMemoryAdminStore
    from tillgate.domain.tenant import TenantId

NOTHING = Erased(
    events=0, deliveries=0, attempts=0, quarantine=0, sources=0, tokens=0, destinations=0,
    credentials=0,
)  # fmt: skip
ASKED_AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
PAGE_END = EventId("01a207d9-2607-7716-9e0b-6a4f1d2c8b35")


class InMemoryRetention:
    """Implements RetentionStore for the tenants of ``store``; ``pages`` are the plan's."""

    def __init__(self, store: InMemoryAdminStore) -> None:
        self._store = store
        self.days: dict[str, int] = {}
        self.erasures: dict[str, ErasureRecord] = {}
        self.pages = [replace(NOTHING, events=3, tokens=1)]
        self.is_down = False

    def retention(self, tenant_id: TenantId, *, default_days: int) -> RetentionRecord | None:
        self._check()
        if tenant_id not in self._store.all_tenants:
            return None
        return RetentionRecord(
            tenant_id=tenant_id,
            days=self.days.get(tenant_id, default_days),
            is_default=tenant_id not in self.days,
        )

    def status(self, *, default_days: int) -> RetentionStatus:
        self._check()
        return RetentionStatus(default_days=default_days, held_events=0, first_go_on=None)

    def set_retention(self, tenant_id: TenantId, days: int | None) -> bool:
        self._check()
        if tenant_id not in self._store.all_tenants:
            return False
        self.days.pop(tenant_id, None)
        if days is not None:
            self.days[tenant_id] = days
        return True

    def plan_erasure(
        self, tenant_id: TenantId, *, after: EventId | None
    ) -> tuple[Erased, EventId | None]:
        del tenant_id
        self._check()
        page = 0 if after is None else 1
        return self.pages[page], PAGE_END if page + 1 < len(self.pages) else None

    def erase(self, tenant_id: TenantId, *, slug: str) -> ErasureRecord:
        self._check()
        tenant = self._store.all_tenants.get(tenant_id)
        if tenant is None:
            raise NotFoundError("There is no such tenant.")
        if tenant_id not in self.erasures:
            if tenant.slug != slug:
                raise InvalidRequestError([Fault("/slug", "is not this tenant's")])
            if tenant.state is not TenantState.SUSPENDED:
                raise TenantNotSuspendedError("Suspend it first: nothing was removed.")
            self.erasures[tenant_id] = ErasureRecord(
                tenant_id=tenant_id, asked_at=ASKED_AT, done_at=None, removed=NOTHING
            )
        return self.erasures[tenant_id]

    def erasure(self, tenant_id: TenantId) -> ErasureRecord | None:
        self._check()
        return self.erasures.get(tenant_id)

    def _check(self) -> None:
        if self.is_down:
            raise StoreUnavailableError("down")


class InMemoryRetirement:
    """Implements Retirement; each step takes ``seconds_each`` of ``now``.

    ``busy`` is how many tries at a lock fail; a step for more than ``at_most`` takes too long.
    """

    def __init__(self) -> None:
        self.now = 1_000.0
        self.seconds_each = 0.0
        self.days: list[date] = []
        self.busy = 0
        self.kept: set[date] = set()
        self.drops: list[tuple[str, date]] = []
        self.events = 0
        self.keys = 0
        self.redrives = 0
        self.erasing = 0
        self.set_aside = 0
        self.at_most = 10**9
        self.looked = 0

    def days_over(self, *, default_days: int) -> list[date]:
        assert default_days >= 7
        self.now += self.seconds_each
        self.looked += 1
        return sorted(self.days)

    def drop_partition(self, parent: str, day: date, *, default_days: int) -> Dropped:
        assert default_days >= 7
        self.now += self.seconds_each
        if self.busy:
            self.busy -= 1
            return Dropped.BUSY
        if day in self.kept:
            return Dropped.KEPT
        self.drops.append((parent, day))
        if parent == "event":
            self.days.remove(day)
        return Dropped.DROPPED

    def retire_events(self, *, default_days: int, at_most: int) -> tuple[int, bool]:
        assert default_days >= 7
        return self._step("events", at_most)

    def retire_keys(self, *, default_days: int) -> tuple[int, bool]:
        assert default_days >= 7
        return self._step("keys", 100)

    def drop_old_audit(self) -> int:
        return 0

    def discard_old_redrives(self) -> int:
        gone, self.redrives = self.redrives, 0
        return gone

    def erase(self, *, at_most: int) -> tuple[int, int, bool]:
        if self.set_aside:
            gone, self.set_aside = self.set_aside, 0
            return 0, gone, False
        gone, is_done = self._step("erasing", at_most)
        return gone, 0, is_done

    def _step(self, name: str, at_most: int) -> tuple[int, bool]:
        left: int = getattr(self, name)
        if min(left, at_most) > self.at_most:
            self.now += 10.0
            raise StoreUnavailableError("too long")
        self.now += self.seconds_each
        gone = min(left, at_most)
        setattr(self, name, left - gone)
        return gone, gone < at_most
