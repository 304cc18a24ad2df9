"""In-memory stand-ins for what the api function needs, real enough to run it on."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tillgate.domain.administration import (
    AppRecord,
    EndpointState,
    LimitRecord,
    SourceRecord,
    StoreStatus,
    TenantRecord,
    TokenRecord,
)
from tillgate.domain.errors import (
    MerchantTakenError,
    NoDestinationError,
    NotFoundError,
    SlugTakenError,
    StoreUnavailableError,
)
from tillgate.domain.slo import Counts
from tillgate.domain.stored_event import DeliveryState, EventHead, StoredEvent
from tillgate.domain.tenant import EventId, SourceId, TenantId, TenantState, TokenId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tillgate.domain.administration import NewApp, NewSource
    from tillgate.domain.slo import Window
    from tillgate.domain.stored_event import EventQuery
    from tillgate.domain.tenant import AppId, RateLimit

NOW = datetime(2026, 11, 23, 10, 0, 1, 287443, tzinfo=UTC)


def stored_event(n: int = 0, *, data: str = '{"total":12.10}', **head: object) -> StoredEvent:
    """Make an event; a greater ``n`` was stored later."""
    fields: dict[str, object] = {
        "event_id": EventId(f"01a207d9-2607-7716-9e0b-{n:012x}"),
        "type": "order.created",
        "occurred_at": None,
        "entity_id": None,
        "entity_version": None,
        "idempotency_key": f"key-{n}",
        "source_id": None,
        "provider": "api",
        "received_at": NOW,
        "stored_at": NOW,
        "delivery_state": DeliveryState.NONE,
    }
    return StoredEvent(EventHead(**{**fields, **head}), data)  # type: ignore[arg-type]  # By name.


class InMemoryEventReader:
    """Implements EventReader and OwnReplays; notes the queries it was asked.

    ``replayed`` are the events that were made pending, of tenants ``with_destination``.
    """

    def __init__(self) -> None:
        self.with_destination: set[str] = set()
        self.replayed: list[str] = []
        self.stored: dict[str, list[StoredEvent]] = {}
        self.queries: list[EventQuery] = []
        self.is_down = False

    def event(self, tenant_id: TenantId, event_id: EventId) -> StoredEvent | None:
        found = (e for e in self._of(tenant_id) if e.head.event_id == event_id)
        return next(found, None)

    def events(self, tenant_id: TenantId, query: EventQuery) -> list[EventHead]:
        self.queries.append(query)
        heads = sorted((e.head for e in self._of(tenant_id)), key=lambda h: h.event_id)[::-1]
        if query.before is not None:
            heads = [head for head in heads if head.event_id < query.before]
        return heads[: query.limit]

    def replay(self, tenant_id: TenantId, event_id: EventId) -> bool:
        if self.event(tenant_id, event_id) is None:
            return False
        if tenant_id not in self.with_destination:
            raise NoDestinationError("The tenant has no destination to deliver to.")
        self.replayed.append(event_id)
        return True

    def _of(self, tenant_id: TenantId) -> list[StoredEvent]:
        if self.is_down:
            raise StoreUnavailableError("down")
        return self.stored.get(tenant_id, [])


class InMemoryAdminStore:
    """Implements AdminStore; keeps what was sealed in ``sealed``, by endpoint."""

    def __init__(self) -> None:
        self.all_tenants: dict[str, TenantRecord] = {}
        self.all_tokens: dict[str, TokenRecord] = {}
        self.all_apps: dict[str, AppRecord] = {}
        self.all_sources: dict[str, SourceRecord] = {}
        self.digests: dict[bytes, str] = {}
        self.sealed: dict[str, bytes | None] = {}
        self.is_down = False

    def add_tenant(self, *, slug: str, name: str) -> TenantRecord:
        if any(tenant.slug == slug for tenant in self.all_tenants.values()):
            raise SlugTakenError("taken")
        tenant = TenantRecord(
            tenant_id=TenantId(str(uuid.uuid4())),
            slug=slug,
            name=name,
            state=TenantState.ACTIVE,
            created_at=NOW,
        )
        self.all_tenants[tenant.tenant_id] = tenant
        return tenant

    def tenants(self, *, slug: str | None = None) -> list[TenantRecord]:
        found = [t for t in self.all_tenants.values() if slug in {None, t.slug}]
        return sorted(found, key=lambda tenant: tenant.slug)

    def tenant(self, tenant_id: TenantId) -> TenantRecord | None:
        return self.all_tenants.get(tenant_id)

    def set_tenant_state(self, tenant_id: TenantId, state: TenantState) -> TenantRecord | None:
        tenant = self.all_tenants.get(tenant_id)
        if tenant is not None:
            self.all_tenants[tenant_id] = replace(tenant, state=state)
        return self.all_tenants.get(tenant_id)

    def set_tenant_limit(self, tenant_id: TenantId, limit: RateLimit | None) -> TenantRecord | None:
        tenant = self.all_tenants.get(tenant_id)
        if tenant is not None:
            own = limit and LimitRecord(events_per_second=limit[0], burst=limit[1])
            self.all_tenants[tenant_id] = replace(tenant, limit=own)
        return self.all_tenants.get(tenant_id)

    def add_token(self, tenant_id: TenantId, *, name: str, digest: bytes, hint: str) -> TokenRecord:
        self._check(tenant_id)
        token = TokenRecord(
            token_id=TokenId(str(uuid.uuid4())),
            tenant_id=tenant_id,
            name=name,
            hint=hint,
            created_at=NOW,
            revoked_at=None,
        )
        self.all_tokens[token.token_id] = token
        self.digests[digest] = tenant_id
        return token

    def tokens(self, tenant_id: TenantId) -> list[TokenRecord]:
        return [token for token in self.all_tokens.values() if token.tenant_id == tenant_id]

    def revoke_token(self, token_id: TokenId) -> TokenRecord | None:
        token = self.all_tokens.get(token_id)
        if token is not None and token.revoked_at is None:
            self.all_tokens[token_id] = replace(token, revoked_at=NOW)
        return self.all_tokens.get(token_id)

    def add_app(self, app: NewApp) -> AppRecord:
        record = AppRecord(
            app_id=app.app_id,
            provider=app.provider,
            name=app.name,
            notification_url=app.notification_url,
            state=_state(app),
            verification_code=None,
            handshake_at=None,
            created_at=NOW,
        )
        self.all_apps[app.app_id] = record
        self.sealed[app.app_id] = app.sealed_secret
        return record

    def apps(self) -> list[AppRecord]:
        return list(self.all_apps.values())

    def app(self, app_id: AppId) -> AppRecord | None:
        return self.all_apps.get(app_id)

    def set_app_secret(self, app_id: AppId, sealed_secret: bytes) -> AppRecord | None:
        app = self.all_apps.get(app_id)
        if app is not None:
            self.sealed[app_id] = sealed_secret
            self.all_apps[app_id] = replace(app, state=EndpointState.READY, verification_code=None)
        return self.all_apps.get(app_id)

    def add_source(self, source: NewSource) -> SourceRecord:
        self._check(source.tenant_id)
        for other in self.all_sources.values():
            if source.app_id and (other.app_id, other.merchant_id) == (
                source.app_id,
                source.merchant_id,
            ):
                raise MerchantTakenError("taken")
        app = self.all_apps.get(str(source.app_id))
        record = SourceRecord(
            source_id=SourceId(source.source_id),
            tenant_id=source.tenant_id,
            provider=source.provider,
            name=source.name,
            merchant_id=source.merchant_id,
            app_id=source.app_id,
            notification_url=app.notification_url if app else str(source.notification_url),
            state=app.state if app else _state(source),
            verification_code=app.verification_code if app else None,
            handshake_at=app.handshake_at if app else None,
            created_at=NOW,
        )
        self.all_sources[source.source_id] = record
        self.sealed[source.source_id] = source.sealed_secret
        return record

    def sources(self, tenant_id: TenantId) -> list[SourceRecord]:
        return [source for source in self.all_sources.values() if source.tenant_id == tenant_id]

    def source(self, source_id: SourceId) -> SourceRecord | None:
        return self.all_sources.get(source_id)

    def set_source_secret(self, source_id: SourceId, sealed_secret: bytes) -> SourceRecord | None:
        source = self.all_sources.get(source_id)
        if source is None or source.app_id is not None:
            return None
        self.sealed[source_id] = sealed_secret
        ready = replace(source, state=EndpointState.READY, verification_code=None)
        self.all_sources[source_id] = ready
        return ready

    def put_handshake(self, endpoint_id: str, *, code: str | None) -> None:
        """Note a vendor's handshake for a source that is pending, as ingest does."""
        source = self.all_sources[endpoint_id]
        if source.state is EndpointState.PENDING:
            code = source.verification_code if code is None else code
            noted = replace(source, verification_code=code, handshake_at=NOW)
            self.all_sources[endpoint_id] = noted

    def status(self) -> StoreStatus:
        if self.is_down:
            raise StoreUnavailableError("down")
        return StoreStatus(
            migration=5,
            days_ahead=14,
            tenants=len(self.all_tenants),
            dead_letters=7,
            open_breakers=1,
            old_secrets=4,
            previous_in_use=2,
        )

    def _check(self, tenant_id: TenantId) -> None:
        if tenant_id not in self.all_tenants:
            raise NotFoundError("There is no such tenant.")


class InMemoryActivity:
    """Implements ActivityReader; ``counted`` is by tenant, None being the platform, and window."""

    def __init__(self) -> None:
        self.counted: dict[TenantId | None, dict[str, Counts]] = {}
        self.is_down = False

    def counts(
        self, tenant_id: TenantId | None, windows: Sequence[Window], *, at: datetime
    ) -> list[Counts]:
        assert at.tzinfo is not None
        if self.is_down:
            raise StoreUnavailableError("down")
        known = self.counted.get(tenant_id, {})
        return [known.get(window.name, Counts(0, 0)) for window in windows]


def _state(added: NewApp | NewSource) -> EndpointState:
    return EndpointState.PENDING if added.awaits_secret else EndpointState.READY
