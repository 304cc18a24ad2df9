"""What the use cases need from outside, by role. Adapters implement these; so do test fakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from tillgate.domain.administration import (
        AppRecord,
        NewApp,
        NewSource,
        SourceRecord,
        StoreStatus,
        TenantRecord,
        TokenRecord,
    )
    from tillgate.domain.delivery import (
        Attempt,
        Begun,
        Destination,
        DueDelivery,
        GaveUp,
        OutgoingEvent,
        RetryLater,
        SendResult,
        Settled,
    )
    from tillgate.domain.enrichment import Fetched, PosAccess, PosObject
    from tillgate.domain.event import Accepted, NewEvent
    from tillgate.domain.metrics import Increment, Sums
    from tillgate.domain.migration import Migration
    from tillgate.domain.quarantine import Quarantined
    from tillgate.domain.queued import QueuedMessage
    from tillgate.domain.stored_event import EventHead, EventQuery, StoredEvent
    from tillgate.domain.tenant import (
        AppId,
        Endpoint,
        EventId,
        RateLimit,
        Source,
        SourceId,
        TenantId,
        TenantState,
        TokenId,
        TokenStanding,
    )


class EventStore(Protocol):
    """Keeps every event exactly once per (tenant, key)."""

    def accept(
        self, tenant_id: TenantId, events: Sequence[NewEvent], *, received_at: datetime
    ) -> list[Accepted]:
        """Store the events durably, all or none, and answer for each in order.

        Idempotent: an event that is there already is a duplicate. The first of two
        events with one key wins, within a call too. Raises StoreUnavailableError when
        it is not certain that they are stored.
        """
        ...


class Registry(Protocol):
    """Knows who may send. Every method raises StoreUnavailableError when it cannot tell."""

    def find_token(self, digest: bytes) -> TokenStanding | None:
        """Give how a token stands that is good, by its SHA-256; its end may lie ahead."""
        ...

    def find_endpoint(
        self, provider: str, endpoint_id: str, *, at_most_seconds_old: float | None = None
    ) -> Endpoint | None:
        """Give the source or app to which this provider delivers at this id.

        What is remembered of it must be younger than ``at_most_seconds_old``; None leaves
        that to whoever remembers.
        """
        ...

    def find_bound_source(self, app_id: AppId, merchant_id: str) -> Source | None:
        """Give the source that is bound to an app for one merchant."""
        ...


class Handshakes(Protocol):
    """Notes vendors' set-up requests. Raises StoreUnavailableError."""

    def put_handshake(self, provider: str, endpoint_id: str, *, code: str | None) -> None:
        """Keep when an endpoint that awaits its secret was called, and the code; else do nothing.

        The newest of each; a call without a code forgets none. ``endpoint_id`` is UUID text.
        May be repeated, and tells nobody which it was.
        """
        ...


class TokenStandings(Protocol):
    """Knows how a token stands now, revoked ones included. Raises StoreUnavailableError."""

    def token_standing(self, digest: bytes) -> TokenStanding | None:
        """Give a token's tenant and when it was revoked, or None when it never was."""
        ...


class RegistrySnapshots(Protocol):
    """Reads the registry as a whole. Raises StoreUnavailableError."""

    def registry_snapshot(self) -> str:
        """Give everyone who may send as JSON text, the same as long as nothing changed."""
        ...


class AcceptQueue(Protocol):
    """Keeps what was acknowledged until the database can store it."""

    def put(self, message: QueuedMessage) -> None:
        """Keep it durably.

        Raises QueueUnavailableError, ObjectsUnavailableError or SecretUnavailableError when
        it is not certain that it is kept.
        """
        ...


class DueDeliveries(Protocol):
    """Deliveries that wait to be queued. Raises StoreUnavailableError."""

    def claim(self, *, at_most: int) -> AbstractContextManager[list[DueDelivery]]:
        """Give those that are due, the longest due first, for as long as it takes to queue them.

        They are due again at once when the block raises, and after hours when it does not and
        nobody settles them.
        """
        ...


class DeliveryQueue(Protocol):
    """The queue that deliver is fed from."""

    def put(self, deliveries: Sequence[DueDelivery]) -> None:
        """Queue them durably, each tenant's together.

        Raises QueueUnavailableError when it is not certain that all are queued.
        """
        ...


class DeliveryStore(Protocol):
    """What deliver reads and writes, a tenant at a time. Raises StoreUnavailableError."""

    def begin(
        self, tenant_id: TenantId, event_ids: Sequence[EventId], *, attempt_id: str, at: datetime
    ) -> Begun:
        """Begin an attempt at those of the events that are still pending."""
        ...

    def record(
        self,
        tenant_id: TenantId,
        *,
        attempts: Sequence[Attempt],
        settled: Sequence[Settled],
        is_well: bool | None,
    ) -> None:
        """Write down what became of them. Idempotent.

        ``is_well`` tells whether the destination works, for its breaker; None that it cannot
        be told.
        """
        ...


class Upstream(Protocol):
    """A kind of destination."""

    def send(
        self, destination: Destination, secret: str, events: Sequence[OutgoingEvent]
    ) -> SendResult:
        """Send the events in one request, all or none; a repeat changes nothing there."""
        ...


class PosApi(Protocol):
    """A vendor's API, where the objects are that its events only name."""

    def named_in(self, event: OutgoingEvent) -> PosObject | None:
        """Give the object that an event of this vendor names; None when none is to be fetched."""
        ...

    def fetch(
        self, access: PosAccess, token: str, wanted: PosObject, *, within_seconds: float
    ) -> Fetched | RetryLater | GaveUp:
        """Ask for an object as it stands, in one request, and in this time at most.

        What is fetched is JSON that a destination can store. GaveUp with the reason
        ``gone`` is for what the API has no longer.
        """
        ...


class ObjectStore(Protocol):
    """Keeps bytes by key. Raises ObjectsUnavailableError."""

    def put(self, key: str, content: bytes) -> None:
        """Keep it durably, in place of what has this key."""
        ...

    def get(self, key: str) -> bytes | None:
        """Give it back, or None when there is no such key."""
        ...


class Quarantine(Protocol):
    """Keeps what could not be accepted."""

    def put(self, item: Quarantined) -> bool:
        """Keep it durably; False when the day's quota is used up.

        Raises StoreUnavailableError when it is not certain that it is kept.
        """
        ...


class SecretBox(Protocol):
    """Seals what must be readable again, bound to the place where it is kept."""

    def seal(self, plain: bytes, *, context: str) -> bytes:
        """Encrypt and authenticate; raises SecretUnavailableError without a key ring."""
        ...

    def open(self, sealed: bytes, *, context: str) -> bytes:
        """Give the plain bytes back.

        Raises SecretUnavailableError without a key ring, and SealBrokenError when the ring
        has no such key or the text was sealed for another context.
        """
        ...


class EventReader(Protocol):
    """Reads one tenant's events, and never another's. Raises StoreUnavailableError."""

    def event(self, tenant_id: TenantId, event_id: EventId) -> StoredEvent | None:
        """Give one event whole, or None when this tenant has none by this id."""
        ...

    def events(self, tenant_id: TenantId, query: EventQuery) -> list[EventHead]:
        """Give at most ``query.limit`` events, the newest stored first."""
        ...


class OwnReplays(Protocol):
    """Delivers a tenant's events again. Raises StoreUnavailableError."""

    def replay(self, tenant_id: TenantId, event_id: EventId) -> bool:
        """Make its delivery pending; False when this tenant has none by this id.

        Idempotent: one that waits goes on waiting. Raises NoDestinationError when the
        tenant has nowhere to deliver to.
        """
        ...


class AdminStore(Protocol):
    """Keeps what the operator decides. Every method raises StoreUnavailableError.

    Ids are lower-case UUID text. Lists are ordered by name, or by when they were made.
    """

    def add_tenant(self, *, slug: str, name: str) -> TenantRecord:
        """Raises SlugTakenError."""
        ...

    def tenants(self, *, slug: str | None = None) -> list[TenantRecord]: ...

    def tenant(self, tenant_id: TenantId) -> TenantRecord | None: ...

    def set_tenant_state(self, tenant_id: TenantId, state: TenantState) -> TenantRecord | None:
        """Idempotent; None when there is no such tenant."""
        ...

    def set_tenant_limit(self, tenant_id: TenantId, limit: RateLimit | None) -> TenantRecord | None:
        """Idempotent; without a limit it has the stage's. None when there is no such tenant."""
        ...

    def add_token(self, tenant_id: TenantId, *, name: str, digest: bytes, hint: str) -> TokenRecord:
        """Raises NotFoundError when there is no such tenant."""
        ...

    def tokens(self, tenant_id: TenantId) -> list[TokenRecord]: ...

    def revoke_token(self, token_id: TokenId) -> TokenRecord | None:
        """Idempotent: the first revocation's time stays, unless it lies ahead.

        None when there is no such token.
        """
        ...

    def add_app(self, app: NewApp) -> AppRecord: ...

    def apps(self) -> list[AppRecord]: ...

    def app(self, app_id: AppId) -> AppRecord | None: ...

    def set_app_secret(self, app_id: AppId, sealed_secret: bytes) -> AppRecord | None:
        """Replace the secret. Idempotent; None when there is no such app."""
        ...

    def add_source(self, source: NewSource) -> SourceRecord:
        """Raises MerchantTakenError, and NotFoundError when there is no such tenant."""
        ...

    def sources(self, tenant_id: TenantId) -> list[SourceRecord]: ...

    def source(self, source_id: SourceId) -> SourceRecord | None: ...

    def set_source_secret(self, source_id: SourceId, sealed_secret: bytes) -> SourceRecord | None:
        """Replace the secret. Idempotent; None when no such source has one of its own."""
        ...

    def status(self) -> StoreStatus:
        """Tell how the store itself is."""
        ...


class Schema(Protocol):
    """The database as its owner sees it; all but ``locked`` is for inside that lock."""

    def locked(self) -> AbstractContextManager[None]:
        """Hold the lock that lets one migrate at a time in."""
        ...

    def applied(self) -> dict[int, str]:
        """Give what was applied: number -> sha256."""
        ...

    def apply(self, migration: Migration) -> None:
        """Apply one migration and note it, both or neither."""
        ...

    def set_password(self, role: str, password: str) -> None:
        """Let a runtime role log in with this password."""
        ...


class SecretStore(Protocol):
    """Secrets as text, by ARN or name. Raises SecretUnavailableError."""

    def read(self, secret_id: str) -> str:
        """Give the current value."""
        ...

    def write(self, secret_id: str, value: str) -> None:
        """Make this the current value."""
        ...


class MetricsStore(Protocol):
    """What all sandboxes have counted. Raises StoreUnavailableError."""

    def add(self, sandbox_id: str, increment: Increment) -> Mapping[str, tuple[float, float]]:
        """Store what a sandbox has counted. Idempotent: (sandbox_id, seq) counts once.

        Of the tenants in ``used``, gives what all sandboxes together did: by how many events
        the bucket is less than full, and how many were asked for lately. Who is not named was
        busy just then, and not counted.
        """
        ...

    def read(self) -> Sums:
        """Give the sums of all that was ever stored, as they are at one instant."""
        ...
