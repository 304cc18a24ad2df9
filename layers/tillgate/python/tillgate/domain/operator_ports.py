"""What the operator's side of delivery needs from outside, by role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from tillgate.domain.administration import TokenRecord
    from tillgate.domain.audit import AuditEntry, AuditFilter, Deed
    from tillgate.domain.dead_letters import (
        DeadLetter,
        DeadLetterFilter,
        DeadLetterGroup,
        Redrive,
        RedriveState,
    )
    from tillgate.domain.delivery import Destination, DestinationKind, SendResult
    from tillgate.domain.destinations import DestinationRecord
    from tillgate.domain.endpoint_rotation import EndpointKind, EndpointSecrets
    from tillgate.domain.opening_hours import HoursRecord, QuietSourceRecord
    from tillgate.domain.ports import EventStore, Registry
    from tillgate.domain.set_aside import (
        OpenedDelivery,
        Place,
        Remainder,
        SetAside,
        SetAsideFilter,
        SetAsideGroup,
        Standing,
    )
    from tillgate.domain.slo import Counts, Window
    from tillgate.domain.synthetic import Held
    from tillgate.domain.tenant import EventId, SourceId, TenantId, TenantState, TokenId


class DestinationStore(Protocol):
    """Keeps where tenants' events go. Raises StoreUnavailableError."""

    def set_destination(
        self, tenant_id: TenantId, *, kind: DestinationKind, url: str, sealed_secret: bytes
    ) -> tuple[DestinationRecord, bool]:
        """Keep it in place of the one before, with its breaker closed; tell whether it is new.

        Idempotent. Raises NotFoundError when there is no such tenant.
        """
        ...

    def destination(self, tenant_id: TenantId) -> DestinationRecord | None: ...

    def remove_destination(self, tenant_id: TenantId) -> DestinationRecord | None:
        """Give what was removed, None when there was none."""
        ...


class AuditLog(Protocol):
    """Who did what. What changes the database writes its entry itself, in its own transaction."""

    def record(self, deed: Deed) -> None:
        """Write an entry of what changes nothing here; it is there for good when this returns.

        Raises StoreUnavailableError: then nothing is known of an entry.
        """
        ...

    def entries(self, chosen: AuditFilter, *, limit: int, before: str | None) -> list[AuditEntry]:
        """Give at most ``limit``, the newest first, from below the id ``before``.

        Raises StoreUnavailableError.
        """
        ...


class ActivityReader(Protocol):
    """What tenants did, by time. Raises StoreUnavailableError."""

    def counts(
        self, tenant_id: TenantId | None, windows: Sequence[Window], *, at: datetime
    ) -> list[Counts]:
        """Add up each window that ends ``at``: a tenant's, or with None the platform's."""
        ...


class SealedDestinations(Protocol):
    """Reads a destination with its secret, sealed. Raises StoreUnavailableError."""

    def find(self, tenant_id: TenantId) -> Destination | None: ...


class RemovingUpstream(Protocol):
    """A kind of destination, as what takes an event away there."""

    def remove(self, destination: Destination, secret: str, event_id: EventId) -> SendResult:
        """Remove an event, in one request; Delivered also when it was not there."""
        ...


class SyntheticEvents(Protocol):
    """Takes synthetic events away, and no other. Raises StoreUnavailableError."""

    def hold(self, tenant_id: TenantId, event_id: EventId) -> Held | None:
        """Let nobody begin to deliver it. Idempotent; None when there is no such event."""
        ...

    def discard(self, tenant_id: TenantId, event_id: EventId) -> bool:
        """Delete it with its key, delivery and attempts; False when there is no such event."""
        ...


class CredentialStore(Protocol):
    """Keeps sources' credentials for their vendors' APIs. Raises StoreUnavailableError."""

    def set_credential(self, source_id: SourceId, *, api_url: str, sealed_token: bytes) -> bool:
        """Keep it in place of the one before. Idempotent; False when there is no such source."""
        ...

    def remove_credential(self, source_id: SourceId) -> bool:
        """Forget it; False when there was none."""
        ...


class OpeningHoursStore(Protocol):
    """Keeps when tenants are open, and tells who is quiet. Raises StoreUnavailableError."""

    def set_hours(self, hours: HoursRecord) -> bool:
        """Keep them in place of those before. Idempotent; False when there is no such tenant."""
        ...

    def hours(self, tenant_id: TenantId) -> HoursRecord | None: ...

    def remove_hours(self, tenant_id: TenantId) -> HoursRecord | None:
        """Give what was removed, None when there was none."""
        ...

    def set_quiet_after(self, source_id: SourceId, minutes: int | None) -> bool:
        """Keep a source's own; None for its tenant's. Idempotent; False for no such source."""
        ...

    def quiet_sources(self, *, limit: int) -> list[QuietSourceRecord]:
        """Give those that are quiet, the longest quiet first."""
        ...


class Rotations(Protocol):
    """Changes secrets and tokens that are in use. Raises StoreUnavailableError.

    Ids are lower-case UUID text.
    """

    def secrets(self, kind: EndpointKind, endpoint_id: str) -> EndpointSecrets | None:
        """Give what a rotation goes by; None when there is no such endpoint with a secret."""
        ...

    def rotate(
        self,
        kind: EndpointKind,
        endpoint_id: str,
        *,
        expected: bytes,
        sealed: bytes,
        overlap_seconds: int,
        replaces_previous: bool,
    ) -> bool:
        """Make ``sealed`` current, and what is current previous for the overlap.

        False, and nothing changed, when the current one is not ``expected``, is awaited, or has a
        previous one beside it that is good, unless that may be replaced or there is no overlap.
        """
        ...

    def retire(self, kind: EndpointKind, endpoint_id: str) -> None:
        """Let go of the previous secret, where there is one."""
        ...

    def token(self, token_id: TokenId) -> TokenRecord | None: ...

    def rotate_token(
        self, token_id: TokenId, *, digest: bytes, hint: str, overlap_seconds: int
    ) -> TokenRecord | None:
        """Make a token in its place and end it after the overlap; None where it has an end."""
        ...


class Replays(Protocol):
    """Delivers what is stored again. Raises StoreUnavailableError."""

    def replay(self, tenant_id: TenantId, event_ids: Sequence[EventId]) -> int:
        """Make their deliveries pending; give how many.

        Those that are pending already, and those of a tenant without a destination, are left
        as they are, so a repeat changes nothing.
        """
        ...


class DeadLetters(Protocol):
    """Deliveries that were given up. Every method raises StoreUnavailableError."""

    def plan(self, chosen: DeadLetterFilter) -> list[DeadLetterGroup]:
        """Count them by tenant and reason."""
        ...

    def dead_letters(
        self, chosen: DeadLetterFilter, *, limit: int, before: EventId | None
    ) -> list[DeadLetter]:
        """Give at most ``limit``, the newest stored event first, from below ``before``."""
        ...

    def discard(
        self, chosen: DeadLetterFilter, *, event_ids: Sequence[EventId] | None, count: int
    ) -> int | None:
        """Discard them if they are ``count`` in number, at most MAX_DISCARDED at once.

        Gives how many it discarded, or None, with nothing discarded, when they are another
        number. Of those that ``event_ids`` names, only dead letters count.
        """
        ...

    def start_redrive(self, chosen: DeadLetterFilter, *, per_second: int) -> Redrive: ...

    def redrive(self, redrive_id: str) -> Redrive | None: ...

    def redrives(self, *, state: RedriveState | None, limit: int) -> list[Redrive]:
        """Give at most ``limit`` of this state, or of any, the last begun first; left is None."""
        ...

    def cancel_redrive(self, redrive_id: str) -> Redrive | None:
        """Let it begin no further step, if it is running; waits for none that is under way.

        Idempotent; None when there is no such redrive.
        """
        ...


class ClaimedDelivery(Protocol):
    """A delivery of quarantine that nobody else tries meanwhile.

    All that is done through it happens when the claim ends well, or none of it: what it stores,
    and what becomes of the delivery. So a crash leaves no half of either.
    """

    @property
    def head(self) -> SetAside: ...

    @property
    def events(self) -> EventStore:
        """Give where its events are stored."""
        ...

    @property
    def registry(self) -> Registry:
        """Give who may send now; nothing is remembered."""
        ...

    def open(self) -> OpenedDelivery:
        """Raises SealBrokenError, and SecretUnavailableError without a key ring."""
        ...

    def tenant_state(self, tenant_id: TenantId) -> TenantState | None: ...

    def settle(self, remaining: Sequence[Remainder]) -> None:
        """Keep what is still refused, each under its id, in place of the delivery."""
        ...


class SetAsideDeliveries(Protocol):
    """The quarantine as the operator sees it. Every method raises StoreUnavailableError."""

    def page(self, chosen: SetAsideFilter, *, limit: int, before: Place | None) -> list[SetAside]:
        """Give at most ``limit``, the newest receipt first, from below ``before``."""
        ...

    def plan(self, chosen: SetAsideFilter) -> list[SetAsideGroup]:
        """Count them by cause."""
        ...

    def find(self, quarantine_id: str) -> SetAside | None: ...

    def open(self, quarantine_id: str) -> tuple[SetAside, OpenedDelivery] | None:
        """Raises SealBrokenError, and SecretUnavailableError without a key ring."""
        ...

    def next(self, chosen: SetAsideFilter, *, limit: int, after: Place | None) -> list[Place]:
        """Give what a retry takes, the oldest receipt first, from above ``after``.

        What a revoked token brought is left out, unless the filter names that reason.
        """
        ...

    def claim(self, quarantine_id: str) -> AbstractContextManager[ClaimedDelivery | Standing]:
        """Hold one for as long as it takes to try it; give why not, where that cannot be."""
        ...

    def discard(
        self, chosen: SetAsideFilter, *, ids: Sequence[str] | None, count: int
    ) -> int | None:
        """Remove them for good if they are ``count`` in number, at most MAX_DISCARDED at once.

        Gives how many it removed, or None, with nothing done, when they are another number.
        """
        ...
