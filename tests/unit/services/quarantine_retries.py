"""The retry of what a world of hooks has set aside, over in-memory ports."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.fakes import InMemoryRegistry
from tests.quarantine_fakes import InMemorySetAside
from tests.unit.services.hook_endpoints import NOBODY_ID, NOW, SOURCE_ID, Hooks, url
from tests.vendors import SQUARE_KEY, square_headers
from tillgate.domain.errors import SignatureRefusedError, StoreUnavailableError
from tillgate.domain.event import NewEvent
from tillgate.domain.quarantine import Quarantined, Reason, quarantine_id
from tillgate.providers import PROVIDERS
from tillgate.services.retry_quarantine import RetryQuarantine

if TYPE_CHECKING:
    from tillgate.domain.set_aside import Retried
    from tillgate.domain.tenant import AppId, Source, Tenant
    from tillgate.services.hook_items import Tally

OTHER_KEY = "another-key"


class Retries:
    """The use case on what a world of hooks has set aside."""

    def __init__(self) -> None:
        self.hooks = Hooks()
        self.kept = InMemorySetAside(self.hooks.events, self.hooks.registry)
        self.now = 0.0
        self.told: list[tuple[str, Tally]] = []
        self.retrying = RetryQuarantine(
            self.kept,
            providers=PROVIDERS,
            secret_box=self.hooks.box,
            clock=self._tick,
            seconds=10.0,
            on_stored=lambda provider, tally: self.told.append((provider, tally)),
        )
        self.seconds_each = 0.0

    def _tick(self) -> float:
        self.now += self.seconds_each
        return self.now

    def take_over(self) -> list[str]:
        """Move what was set aside to where the operator sees it; give the ids."""
        items = self.hooks.quarantine.items
        self.hooks.quarantine.items = []
        for item in items:
            self.kept.put(item)
        return [item.quarantine_id for item in items]

    def retry_one(self, quarantine_id: str) -> Retried:
        [retried] = self.retrying.retry([quarantine_id]).retried
        return retried

    def reasons(self) -> list[tuple[Reason, str | None, int]]:
        return sorted(
            (head.reason, head.tenant_id, head.events) for head in self.kept.heads.values()
        )

    def refuse_square(self, body: bytes, *, key: str = SQUARE_KEY) -> str:
        """Let a delivery be refused that is signed with this key; give its id."""
        headers = square_headers(body, url=url("square", SOURCE_ID), key=key)
        with pytest.raises(SignatureRefusedError):
            self.hooks.accept("square", body, headers)
        [quarantine_id] = self.take_over()
        return quarantine_id


def of_events(tenant: Tenant, reason: Reason, *keys: str) -> Quarantined:
    """What accept sets aside of what came through /v1/events."""
    events = [
        NewEvent(key=f"api:{key}", fingerprint="aa", source_id=None, type="t", data="{}")
        for key in keys
    ]
    return Quarantined(
        quarantine_id=quarantine_id(NOBODY_ID, reason, tenant.tenant_id),
        reason=reason,
        provider="api",
        endpoint_id=None,
        tenant_id=tenant.tenant_id,
        received_at=NOW,
        rid="rid-1",
        content=json.dumps([event.document() for event in events]).encode(),
        headers={},
        events=len(events),
    )


class DownForOne(InMemoryRegistry):
    """Gives no answer about one merchant until it is ``up``."""

    up = False

    def find_bound_source(self, app_id: AppId, merchant_id: str) -> Source | None:
        if merchant_id == "M3" and not self.up:
            raise StoreUnavailableError("down")
        return super().find_bound_source(app_id, merchant_id)
