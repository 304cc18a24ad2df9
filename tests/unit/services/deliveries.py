"""Deliver over a store in memory and an upstream that answers as it is told."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.fakes import PlainSecretBox
from tillgate.domain.delivery import (
    Attempt,
    AttemptOutcome,
    Begun,
    Delivered,
    Destination,
    DestinationKind,
    OutgoingEvent,
    Settled,
    Waiting,
    destination_seal_context,
)
from tillgate.domain.enrichment import (
    Fetched,
    PosAccess,
    PosObject,
    credential_seal_context,
)
from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.tenant import EventId, SourceId, TenantId
from tillgate.services.deliver import Deliver
from tillgate.services.enrich import Enrich

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tillgate.domain.delivery import GaveUp, RetryLater, SendResult
    from tillgate.domain.ports import SecretBox
    from tillgate.services.delivery_message import DeliveryReport

TENANT = TenantId("11111111-1111-4111-8111-11111111aaaa")
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
BOX = PlainSecretBox()
DESTINATION = Destination(
    tenant_id=TENANT,
    kind=DestinationKind.SUPABASE,
    url="https://project.example.com",
    sealed_secret=BOX.seal(b"service-key", context=destination_seal_context(TENANT)),
)

SOURCE = SourceId("33333333-3333-4333-8333-33333333aaaa")
OTHER_SOURCE = SourceId("33333333-3333-4333-8333-33333333bbbb")


def access(source_id: SourceId = SOURCE, *, provider: str = "clover") -> PosAccess:
    context = credential_seal_context(source_id, tenant_id=TENANT)
    return PosAccess(
        tenant_id=TENANT,
        source_id=source_id,
        provider=provider,
        merchant_id=None,
        api_url="https://api.example.com",
        sealed_token=BOX.seal(f"token-of-{source_id[-4:]}".encode(), context=context),
    )


def event_id(number: int) -> EventId:
    return EventId(f"00000000-0000-7000-8000-{number:012x}")


def outgoing(number: int, *, since: datetime = NOW, data: str = '{"total":12.10}') -> OutgoingEvent:
    return OutgoingEvent(
        event_id=event_id(number),
        source_id=None,
        type="order.created",
        idempotency_key=f"k{number}",
        data=data,
        occurred_at=None,
        entity_id=None,
        entity_version=None,
        received_at=since,
        stored_at=since,
        since=since,
    )


class InMemoryDeliveryStore:
    """Implements DeliveryStore as 0007_attempts.sql does; ``fits`` events go in one request."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.destination: Destination | None = DESTINATION
        self.pending: dict[EventId, OutgoingEvent] = {}
        self.settled: dict[EventId, Settled] = {}
        self.put_off: dict[EventId, Settled] = {}
        self.begun: dict[tuple[EventId, str], datetime] = {}
        self.attempts: list[Attempt] = []
        self.failures = 0
        self.open_until: datetime | None = None
        self.fits = 1_000
        self.accesses: tuple[PosAccess, ...] = ()
        self.is_down_after: int | None = None
        self.well: list[bool | None] = []

    def begin(
        self, tenant_id: TenantId, event_ids: Sequence[EventId], *, attempt_id: str, at: datetime
    ) -> Begun:
        self._look_down()
        assert tenant_id == TENANT
        assert str(uuid.UUID(attempt_id)) == attempt_id
        asked = [self.pending[one] for one in sorted(event_ids) if one in self.pending]
        if self.open_until is not None and self.open_until <= self._now():
            self.open_until = None
        if self.destination is None or self.open_until is not None:
            waiting = tuple(Waiting(one.event_id, one.since, one.tried_since) for one in asked)
            return Begun(
                destination=self.destination,
                open_until=self.open_until,
                events=(),
                waiting=waiting,
            )
        for one in asked[: self.fits]:
            self.begun[one.event_id, attempt_id] = at
        return Begun(
            destination=self.destination,
            open_until=None,
            events=tuple(asked[: self.fits]),
            waiting=tuple(
                Waiting(one.event_id, one.since, one.tried_since) for one in asked[self.fits :]
            ),
            accesses=tuple(
                one
                for one in self.accesses
                if one.source_id in {event.source_id for event in asked[: self.fits]}
            ),
        )

    def record(
        self,
        tenant_id: TenantId,
        *,
        attempts: Sequence[Attempt],
        settled: Sequence[Settled],
        is_well: bool | None,
    ) -> None:
        self._look_down()
        assert tenant_id == TENANT
        assert {(one.event_id, one.attempt_id) for one in attempts} <= self.begun.keys()
        self.attempts += attempts
        for one in settled:
            assert one.event_id in self.pending
            if one.outcome is AttemptOutcome.RETRY_LATER:
                self.put_off[one.event_id] = one
            else:
                del self.pending[one.event_id]
                self.settled[one.event_id] = one
        self.well.append(is_well)
        if is_well:
            self.failures, self.open_until = 0, None
        elif is_well is False:
            self.failures += 1
            if self.failures >= 5:
                self.open_until = self._now() + timedelta(seconds=30)

    def _look_down(self) -> None:
        if self.is_down_after is not None:
            if self.is_down_after == 0:
                raise StoreUnavailableError("down")
            self.is_down_after -= 1


@dataclass
class ScriptedUpstream:
    """Answers as ``answer`` says of the events' ids; each request takes ``seconds``."""

    world: World
    answer: Callable[[tuple[EventId, ...]], SendResult] = lambda _ids: Delivered(201)
    seconds: float = 0.0
    requests: list[tuple[EventId, ...]] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)
    sent: list[OutgoingEvent] = field(default_factory=list)

    def send(
        self, destination: Destination, secret: str, events: Sequence[OutgoingEvent]
    ) -> SendResult:
        assert destination is self.world.store.destination
        ids = tuple(one.event_id for one in events)
        self.requests.append(ids)
        self.sent += events
        self.secrets.add(secret)
        self.world.pass_time(self.seconds)
        return self.answer(ids)


@dataclass
class ScriptedPosApi:
    """Implements PosApi: an event of ``SOURCE`` names its entity; each request takes ``seconds``.

    ``answer`` says what an object's id gives.
    """

    world: World
    answer: Callable[[str], Fetched | RetryLater | GaveUp] = lambda one: Fetched(
        f'{{"id":"{one}"}}'
    )
    seconds: float = 0.0
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    within: list[float] = field(default_factory=list)

    def named_in(self, event: OutgoingEvent) -> PosObject | None:
        return None if event.entity_id is None else PosObject("M1", event.entity_id)

    def fetch(
        self, access: PosAccess, token: str, wanted: PosObject, *, within_seconds: float
    ) -> Fetched | RetryLater | GaveUp:
        assert access in self.world.store.accesses
        self.asked.append(wanted.object_id)
        self.tokens.add(token)
        self.within.append(within_seconds)
        self.world.pass_time(self.seconds)
        return self.answer(wanted.object_id)


class World:
    """A clock, a store, an upstream, a vendor's API, and Deliver between them."""

    def __init__(self, count: int = 1, *, box: SecretBox = BOX, batch_seconds: float = 60) -> None:
        self.elapsed = 0.0
        self.batch_seconds = batch_seconds
        self.slept: list[float] = []
        self.store = InMemoryDeliveryStore(self.now)
        self.store.pending = {event_id(n): outgoing(n) for n in range(count)}
        self.upstream = ScriptedUpstream(self)
        self.api = ScriptedPosApi(self)
        self.ids = tuple(self.store.pending)
        enrich = Enrich(
            secret_box=box,
            apis={"clover": self.api},
            time_left=lambda: self.batch_seconds - self.elapsed,
            now=self.now,
            clock=lambda: self.elapsed,
            sleep=self._sleep,
        )
        self._deliver = Deliver(
            store=self.store,
            secret_box=box,
            enrich=enrich,
            upstreams={DestinationKind.SUPABASE: self.upstream},
            time_left=lambda: self.batch_seconds - self.elapsed,
            now=self.now,
            clock=lambda: self.elapsed,
            sleep=self._sleep,
        )

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.elapsed)

    def pass_time(self, seconds: float) -> None:
        self.elapsed += seconds

    def age(self, by: timedelta, *numbers: int) -> None:
        """Let events have waited for so long, and been tried at once."""
        for number in numbers:
            one = self.store.pending[event_id(number)]
            self.store.pending[one.event_id] = replace(one, since=NOW - by, tried_since=NOW - by)

    def name(self, objects: Mapping[int, str], *, source_id: SourceId = SOURCE) -> None:
        """Let events be of a source with a credential, and name these objects."""
        if source_id not in {one.source_id for one in self.store.accesses}:
            self.store.accesses += (access(source_id),)
        for number, entity_id in objects.items():
            one = self.store.pending[event_id(number)]
            self.store.pending[one.event_id] = replace(
                one, source_id=source_id, entity_id=entity_id
            )

    def deliver(self, *, received: int = 1) -> DeliveryReport:
        return self._deliver.deliver(TENANT, self.ids, receive_count=received)

    def reasons(self) -> dict[EventId, str | None]:
        return {one: settled.reason for one, settled in self.store.settled.items()}

    def recorded(self) -> list[tuple[EventId, ...]]:
        """Give the requests as the attempts tell of them, in their order."""
        requests: dict[str, list[EventId]] = {}
        for one in self.store.attempts:
            requests.setdefault(one.attempt_id, []).append(one.event_id)
        return [tuple(ids) for ids in requests.values()]

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_time(seconds)
