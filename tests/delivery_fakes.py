"""In-memory stand-ins for what the operator's side of delivery needs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tillgate.domain.dead_letters import (
    MAX_DISCARDED,
    DeadLetter,
    DeadLetterGroup,
    Redrive,
    RedriveState,
)
from tillgate.domain.delivery import Destination
from tillgate.domain.destinations import Breaker, BreakerState, DestinationRecord
from tillgate.domain.enrichment import CredentialRecord
from tillgate.domain.errors import NotFoundError, StoreUnavailableError
from tillgate.domain.tenant import EventId, TenantId

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tests.admin_fakes import InMemoryAdminStore
    from tillgate.domain.dead_letters import DeadLetterFilter
    from tillgate.domain.delivery import DestinationKind, OutgoingEvent, SendResult
    from tillgate.domain.synthetic import Held
    from tillgate.domain.tenant import SourceId

NOW = datetime(2026, 11, 23, 10, 0, 1, 287443, tzinfo=UTC)


class InMemoryDestinations:
    """Implements DestinationStore, SealedDestinations and Replays.

    ``tenants`` are those that exist; ``pending`` the events that wait already.
    """

    def __init__(self, tenants: Collection[str]) -> None:
        self.tenants = tenants
        self.kept: dict[str, DestinationRecord] = {}
        self.sealed: dict[str, bytes] = {}
        self.pending: set[str] = set()
        self.is_down = False

    def set_destination(
        self, tenant_id: TenantId, *, kind: DestinationKind, url: str, sealed_secret: bytes
    ) -> tuple[DestinationRecord, bool]:
        self._check()
        if tenant_id not in self.tenants:
            raise NotFoundError("There is no such tenant.")
        is_new = tenant_id not in self.kept
        self.kept[tenant_id] = DestinationRecord(
            tenant_id=tenant_id,
            kind=kind,
            url=url,
            set_at=NOW,
            breaker=Breaker(BreakerState.CLOSED),
        )
        self.sealed[tenant_id] = sealed_secret
        return self.kept[tenant_id], is_new

    def destination(self, tenant_id: TenantId) -> DestinationRecord | None:
        self._check()
        return self.kept.get(tenant_id)

    def remove_destination(self, tenant_id: TenantId) -> DestinationRecord | None:
        return self.kept.pop(tenant_id, None)

    def find(self, tenant_id: TenantId) -> Destination | None:
        self._check()
        record = self.kept.get(tenant_id)
        if record is None:
            return None
        return Destination(
            tenant_id=tenant_id,
            kind=record.kind,
            url=record.url,
            sealed_secret=self.sealed[tenant_id],
        )

    def replay(self, tenant_id: TenantId, event_ids: Sequence[EventId]) -> int:
        self._check()
        if tenant_id not in self.kept:
            return 0
        new = set(event_ids) - self.pending
        self.pending |= new
        return len(new)

    def _check(self) -> None:
        if self.is_down:
            raise StoreUnavailableError("down")


class InMemoryCredentials:
    """Implements CredentialStore over the sources of an admin store; ``sealed`` has the tokens."""

    def __init__(self, store: InMemoryAdminStore) -> None:
        self._store = store
        self.sealed: dict[str, bytes] = {}

    def set_credential(self, source_id: SourceId, *, api_url: str, sealed_token: bytes) -> bool:
        self.sealed[source_id] = sealed_token
        return self._put(source_id, CredentialRecord(api_url=api_url, set_at=NOW))

    def remove_credential(self, source_id: SourceId) -> bool:
        return self.sealed.pop(source_id, None) is not None and self._put(source_id, None)

    def _put(self, source_id: SourceId, credential: CredentialRecord | None) -> bool:
        source = self._store.all_sources.get(source_id)
        if source is not None:
            self._store.all_sources[source_id] = replace(source, credential=credential)
        return source is not None


class InMemoryDeadLetters:
    """Implements DeadLetters; a redrive moves nothing by itself."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.redrives_begun: dict[str, Redrive] = {}

    def add(self, tenant_id: str, reason: str = "HTTP 400") -> DeadLetter:
        letter = DeadLetter(
            tenant_id=TenantId(tenant_id),
            event_id=EventId(f"01a207d9-2607-7716-9e0b-{len(self.letters):012x}"),
            reason=reason,
            since=NOW,
            attempted_at=NOW,
            status=400,
        )
        self.letters.append(letter)
        return letter

    def plan(self, chosen: DeadLetterFilter) -> list[DeadLetterGroup]:
        found = self._chosen(chosen)
        kinds = sorted({(letter.tenant_id, letter.reason or "") for letter in found})
        return [
            DeadLetterGroup(
                tenant_id=tenant_id,
                slug=f"slug-{tenant_id[:4]}",
                reason=reason,
                count=sum((one.tenant_id, one.reason) == (tenant_id, reason) for one in found),
                oldest=NOW,
                newest=NOW,
            )
            for tenant_id, reason in kinds
        ]

    def dead_letters(
        self, chosen: DeadLetterFilter, *, limit: int, before: EventId | None
    ) -> list[DeadLetter]:
        found = sorted(self._chosen(chosen), key=lambda letter: letter.event_id)[::-1]
        return [one for one in found if before is None or one.event_id < before][:limit]

    def discard(
        self, chosen: DeadLetterFilter, *, event_ids: Sequence[EventId] | None, count: int
    ) -> int | None:
        found = [
            letter
            for letter in self._chosen(chosen)
            if event_ids is None or letter.event_id in event_ids
        ]
        if len(found) != count:
            return None
        discarded = found[:MAX_DISCARDED]
        self.letters = [letter for letter in self.letters if letter not in discarded]
        return len(discarded)

    def start_redrive(self, chosen: DeadLetterFilter, *, per_second: int) -> Redrive:
        redrive = Redrive(
            redrive_id=str(uuid.uuid4()),
            tenant_id=chosen.tenant_id,
            reason=chosen.reason,
            per_second=per_second,
            state=RedriveState.RUNNING,
            moved=0,
            left=len(self._chosen(chosen)),
            started_at=NOW,
            ended_at=None,
        )
        self.redrives_begun[redrive.redrive_id] = redrive
        return redrive

    def redrive(self, redrive_id: str) -> Redrive | None:
        return self.redrives_begun.get(redrive_id)

    def redrives(self, *, state: RedriveState | None, limit: int) -> list[Redrive]:
        found = [
            replace(one, left=None)
            for one in reversed(self.redrives_begun.values())
            if state in {None, one.state}
        ]
        return found[:limit]

    def cancel_redrive(self, redrive_id: str) -> Redrive | None:
        redrive = self.redrives_begun.get(redrive_id)
        if redrive is not None and redrive.state is RedriveState.RUNNING:
            self.redrives_begun[redrive_id] = replace(
                redrive, state=RedriveState.CANCELLED, ended_at=NOW
            )
        return self.redrives_begun.get(redrive_id)

    def _chosen(self, chosen: DeadLetterFilter) -> list[DeadLetter]:
        return [
            letter
            for letter in self.letters
            if chosen.tenant_id in {None, letter.tenant_id}
            and chosen.reason in {None, letter.reason}
        ]


@dataclass
class FixedUpstream:
    """Implements Upstream and RemovingUpstream: answers the same each time, and keeps all."""

    result: SendResult

    def __post_init__(self) -> None:
        self.sent: list[tuple[Destination, str, tuple[OutgoingEvent, ...]]] = []
        self.removed: list[tuple[Destination, str, EventId]] = []

    def send(
        self, destination: Destination, secret: str, events: Sequence[OutgoingEvent]
    ) -> SendResult:
        self.sent.append((destination, secret, tuple(events)))
        return self.result

    def remove(self, destination: Destination, secret: str, event_id: EventId) -> SendResult:
        self.removed.append((destination, secret, event_id))
        return self.result


class InMemorySyntheticEvents:
    """Implements SyntheticEvents: ``events`` are those that are synthetic, by tenant and id."""

    def __init__(self, events: Mapping[tuple[str, str], Held]) -> None:
        self.events = dict(events)
        self.held: list[EventId] = []

    def hold(self, tenant_id: TenantId, event_id: EventId) -> Held | None:
        self.held.append(event_id)
        return self.events.get((tenant_id, event_id))

    def discard(self, tenant_id: TenantId, event_id: EventId) -> bool:
        return self.events.pop((tenant_id, event_id), None) is not None
