"""A source, an app with two merchants' sources, and the use case over in-memory ports."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.fakes import (
    InMemoryAcceptQueue,
    InMemoryEventStore,
    InMemoryHandshakes,
    InMemoryQuarantine,
    InMemoryRegistry,
    InMemoryTokenStandings,
    PlainSecretBox,
)
from tests.vendors import (
    ADYEN_KEY,
    CLOVER_CODE,
    SHOPIFY_SECRET,
    SQUARE_KEY,
    STANDARD_SECRET,
    ZETTLE_KEY,
    square_headers,
)
from tillgate.domain.provider import Hook
from tillgate.domain.quarantine import Reason
from tillgate.domain.tenant import (
    Endpoint,
    Source,
    SourceId,
    Tenant,
    TenantId,
    TenantState,
    endpoint_seal_context,
)
from tillgate.providers import PROVIDERS
from tillgate.services.accept import AcceptQueued
from tillgate.services.hooks import AcceptHook, HookStore
from tillgate.services.queued_hooks import AcceptQueuedHook

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tillgate.domain.ports import Registry
    from tillgate.domain.provider import Provider
    from tillgate.domain.quarantine import Quarantined
    from tillgate.services.hook_items import Tally

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
ONE = Tenant(TenantId("11111111-1111-4111-8111-111111111111"), "one", TenantState.ACTIVE)
TWO = Tenant(TenantId("22222222-2222-4222-8222-222222222222"), "two", TenantState.ACTIVE)
IDLE = Tenant(TenantId("33333333-3333-4333-8333-333333333333"), "idle", TenantState.SUSPENDED)
SOURCE_ID = "aaaaaaaa-0000-4000-8000-000000000001"
APP_ID = "aaaaaaaa-0000-4000-8000-000000000002"
NOBODY_ID = "aaaaaaaa-0000-4000-8000-00000000ffff"
SECRETS = {
    "square": SQUARE_KEY,
    "shopify": SHOPIFY_SECRET,
    "clover": CLOVER_CODE,
    "standard": STANDARD_SECRET,
    "adyen": ADYEN_KEY,
    "zettle": ZETTLE_KEY,
}


def url(provider: str, endpoint_id: str) -> str:
    return f"https://api.example.com/v1/hooks/{provider}/{endpoint_id}"


@dataclass
class Hooks:
    """The use case, and what it stands on."""

    registry: InMemoryRegistry = field(default_factory=InMemoryRegistry)
    events: InMemoryEventStore = field(default_factory=InMemoryEventStore)
    quarantine: InMemoryQuarantine = field(default_factory=InMemoryQuarantine)
    queue: InMemoryAcceptQueue = field(default_factory=InMemoryAcceptQueue)
    handshakes: InMemoryHandshakes = field(default_factory=InMemoryHandshakes)
    box: PlainSecretBox = field(default_factory=PlainSecretBox)
    tokens: InMemoryTokenStandings = field(default_factory=InMemoryTokenStandings)
    providers: Mapping[str, Provider] = field(default_factory=lambda: PROVIDERS)
    # What the use case asks, where that is not the registry itself.
    asked: Registry | None = None

    def add_source(
        self,
        provider: str,
        *,
        tenant: Tenant = ONE,
        merchant_id: str | None = "M1",
        secrets: Sequence[str] | None = None,
    ) -> None:
        source = Source(SourceId(SOURCE_ID), tenant, merchant_id)
        self._add(provider, SOURCE_ID, source, secrets)

    def add_app(self, provider: str, **merchants: Tenant) -> None:
        """Add an app; each merchant's source is named ``source-<merchant>``."""
        self._add(provider, APP_ID, None, None)
        self.add_app_sources(**merchants)

    def add_app_sources(self, **merchants: Tenant) -> None:
        """Bind a source to the app for each merchant."""
        for merchant_id, tenant in merchants.items():
            source = Source(SourceId(f"source-{merchant_id}"), tenant, merchant_id)
            self.registry.bound_sources[APP_ID, merchant_id] = source

    def _add(
        self,
        provider: str,
        endpoint_id: str,
        source: Source | None,
        secrets: Sequence[str] | None,
    ) -> None:
        context = endpoint_seal_context(
            endpoint_id, tenant_id=source.tenant.tenant_id if source else None
        )
        sealed = tuple(
            self.box.seal(secret.encode(), context=context)
            for secret in secrets or [SECRETS[provider]]
        )
        self.registry.endpoints[provider, endpoint_id] = Endpoint(
            endpoint_id,
            provider,
            url(provider, endpoint_id),
            sealed,
            source,
            previous_until=NOW + timedelta(days=7) if len(sealed) > 1 else None,
        )

    def accept(
        self,
        provider: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        endpoint_id: str = SOURCE_ID,
    ) -> Tally:
        store = self.store(conflict=Reason.KEY_CONFLICT)
        return AcceptHook(store, self.queue, handshakes=self.handshakes).accept(
            Hook(
                hook_id=str(uuid.uuid4()),
                provider=provider,
                endpoint_id=endpoint_id,
                headers=headers,
                body=body,
                received_at=NOW,
                rid="rid-1",
            )
        )

    def store(self, *, conflict: Reason) -> HookStore:
        return HookStore(
            providers=self.providers,
            registry=self.asked or self.registry,
            events=self.events,
            quarantine=self.quarantine,
            secret_box=self.box,
            conflict=conflict,
        )

    def worker(self) -> AcceptQueued:
        """Give what stores the queue's messages."""
        return AcceptQueued(
            tokens=self.tokens,
            events=self.events,
            quarantine=self.quarantine,
            hooks=AcceptQueuedHook(self.store(conflict=Reason.CONFLICT_AFTER_QUEUED)),
        )

    def bring_up(self) -> None:
        """Make everything that stands on the database answer again."""
        self.events.is_down = self.registry.is_down = self.quarantine.is_down = False
        self.tokens.is_down = self.handshakes.is_down = False

    def take_down(self) -> None:
        """Make everything that stands on the database fail."""
        self.events.is_down = self.registry.is_down = self.quarantine.is_down = True
        self.tokens.is_down = self.handshakes.is_down = True

    def accept_square(self, body: bytes, *, endpoint_id: str = SOURCE_ID) -> Tally:
        headers = square_headers(body, url=url("square", endpoint_id))
        return self.accept("square", body, headers, endpoint_id=endpoint_id)

    def stored(self) -> set[tuple[str, str]]:
        """Give (tenant_id, key) of every event."""
        return set(self.events.events)

    def set_aside(self) -> Quarantined:
        """Give the one delivery in quarantine."""
        [item] = self.quarantine.items
        return item
