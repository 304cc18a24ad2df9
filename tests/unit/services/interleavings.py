"""Any order of direct and queued accepts over stores that come and go; and what must hold after.

The same steps run on the fakes and on Postgres: ``Stores`` is what differs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from hypothesis import strategies as st

from tillgate.adapters.queue_message import decode, encode
from tillgate.domain.errors import (
    IdempotencyKeyReusedError,
    QueueUnavailableError,
    StoreUnavailableError,
)
from tillgate.domain.event import Accepted, Outcome
from tillgate.domain.quarantine import Reason
from tillgate.domain.queued import Queued, QueuedEvents
from tillgate.services.accept import AcceptQueued
from tillgate.services.ingest import Ingest
from tillgate.services.queued_hooks import AcceptQueuedHook

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tillgate.domain.event import NewEvent
    from tillgate.domain.ports import EventStore, Quarantine, TokenStandings
    from tillgate.domain.quarantine import Quarantined
    from tillgate.domain.queued import QueuedMessage
    from tillgate.domain.tenant import Caller, TenantId, TokenStanding

START = datetime(2026, 11, 23, 10, tzinfo=UTC)


class Weather(Enum):
    UP = "up"
    DOWN = "down"
    # It does what it is asked, and the answer is lost.
    LATE = "late"


@dataclass(frozen=True)
class Send:
    """One call: a single event, or several (key, content) in a batch."""

    items: tuple[tuple[str, int], ...]
    is_batch: bool


@dataclass(frozen=True)
class Database:
    weather: Weather


@dataclass(frozen=True)
class Queue:
    weather: Weather


@dataclass(frozen=True)
class Deliver:
    """Hand one of the queue's messages to the worker; it may have had it before."""

    nth: int


Step = Send | Database | Queue | Deliver

ITEMS = st.tuples(st.sampled_from("abc"), st.integers(0, 2))
WEATHERS = st.sampled_from(Weather)
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.builds(lambda item: Send((item,), is_batch=False), ITEMS)
    | st.builds(lambda items: Send(tuple(items), is_batch=True), st.lists(ITEMS, min_size=1))
    | WEATHERS.map(Database)
    | WEATHERS.map(Queue)
    | st.integers(0, 9).map(Deliver),
    max_size=40,
)


class Stores(Protocol):
    """What the steps run on, and how it is looked at when they are over."""

    @property
    def caller(self) -> Caller: ...

    @property
    def events(self) -> EventStore: ...

    @property
    def quarantine(self) -> Quarantine: ...

    @property
    def tokens(self) -> TokenStandings: ...

    def stored(self) -> dict[str, tuple[str, str]]:
        """Give (event_id, data) by key; a key that is there twice fails."""
        ...

    def set_aside(self) -> list[tuple[str, str, bytes]]:
        """Give quarantine_id, reason and content of every row."""
        ...


@dataclass
class _Told:
    """What a sender was told of one item; ``message`` is set for what was queued."""

    status: int
    key: str
    data: str
    event_id: str | None = None
    message: QueuedEvents | None = None


@dataclass
class Interleaving:
    """Runs steps and remembers who was told what, and what was the first of each key."""

    stores: Stores
    new_event: Callable[[str, str], NewEvent]
    database: Weather = Weather.UP
    queue: Weather = Weather.UP
    messages: list[QueuedEvents] = field(default_factory=list)
    told: list[_Told] = field(default_factory=list)
    first: dict[str, tuple[str, str]] = field(default_factory=dict)
    sent: set[tuple[str, str]] = field(default_factory=set)
    calls: int = 0

    def __post_init__(self) -> None:
        self._ingest = Ingest(self, self)
        self._worker = AcceptQueued(
            tokens=self, events=self, quarantine=_Quarantine(self), hooks=_NoHooks()
        )

    # EventStore, AcceptQueue and TokenStandings, each in its weather.

    def accept(
        self, tenant_id: TenantId, events: Sequence[NewEvent], *, received_at: datetime
    ) -> list[Accepted]:
        self.ask()
        answers = self.stores.events.accept(tenant_id, events, received_at=received_at)
        for event, answer in zip(events, answers, strict=True):
            if answer.outcome is Outcome.NEW:
                assert event.key not in self.first, "a key was new twice"
                self.first[event.key] = (answer.event_id, event.data)
        self.answer()
        return answers

    def put(self, message: QueuedMessage) -> None:
        if self.queue is not Weather.DOWN:
            kept = decode(encode(message))
            assert isinstance(kept, QueuedEvents)
            self.messages.append(kept)
        if self.queue is not Weather.UP:
            raise QueueUnavailableError("in this weather")

    def token_standing(self, digest: bytes) -> TokenStanding | None:
        self.ask()
        found = self.stores.tokens.token_standing(digest)
        self.answer()
        return found

    def ask(self) -> None:
        if self.database is Weather.DOWN:
            raise StoreUnavailableError("down")

    def answer(self) -> None:
        if self.database is Weather.LATE:
            raise StoreUnavailableError("done, and not told")

    # The steps.

    def run(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if isinstance(step, Send):
                self._send(step)
            elif isinstance(step, Database):
                self.database = step.weather
            elif isinstance(step, Queue):
                self.queue = step.weather
            elif self.messages:
                self.deliver(self.messages[step.nth % len(self.messages)])

    def deliver(self, message: QueuedEvents) -> None:
        """Let the worker have a message; one that fails comes again at the end."""
        try:
            self._worker.accept(message)
        except StoreUnavailableError:
            assert self.database is not Weather.UP

    def end(self, order: Sequence[int]) -> None:
        """Bring all up, and deliver each message once at least, in an order that is drawn."""
        self.database = self.queue = Weather.UP
        for nth in order:
            if self.messages:
                self.deliver(self.messages[nth % len(self.messages)])
        for message in [*self.messages, *reversed(self.messages)]:
            self.deliver(message)

    def _send(self, step: Send) -> None:
        self.calls += 1
        received_at = START + timedelta(seconds=self.calls)
        events = [self.new_event(key, f'{{"x":{content}}}') for key, content in step.items]
        self.sent |= {(event.key, event.data) for event in events}
        known = len(self.messages)
        try:
            answers = self._answers(step, received_at)
        except (StoreUnavailableError, QueueUnavailableError):
            self.told += [_Told(503, event.key, event.data) for event in events]
            return
        message = self.messages[-1] if len(self.messages) > known else None
        for event, (status, event_id) in zip(events, answers, strict=True):
            assert (status == 202) is (message is not None), "queued, or answered; never both"
            self.told.append(_Told(status, event.key, event.data, event_id, message))

    def _answers(self, step: Send, received_at: datetime) -> list[tuple[int, str | None]]:
        caller, rid = self.stores.caller, f"rid-{self.calls}"
        if step.is_batch:
            items = [
                {"idempotency_key": key, "type": "t", "data": {"x": content}}
                for key, content in step.items
            ]
            body = json.dumps({"events": items}).encode()
            batch = self._ingest.accept_batch(caller, body, received_at=received_at, rid=rid)
            assert all(answer.accepted is not None for answer in batch)
            return [_status(answer.accepted) for answer in batch if answer.accepted is not None]
        [(key, content)] = step.items
        body = json.dumps({"type": "t", "data": {"x": content}}).encode()
        try:
            return [
                _status(
                    self._ingest.accept_event(
                        caller, body, key=key, received_at=received_at, rid=rid
                    )
                )
            ]
        except IdempotencyKeyReusedError as error:
            return [(422, error.event_id)]

    # What must hold when all is up and everything was delivered.

    def check(self) -> None:
        assert self.stores.stored() == self.first, "each key holds the first that was stored"
        for key, (_, data) in self.first.items():
            assert (key, data) in self.sent
        for told in self.told:
            self._check_told(told)
        self._check_quarantine()

    def _check_told(self, told: _Told) -> None:
        if told.status == 503:
            return
        # Whatever else it was told, somebody holds the key.
        event_id, data = self.first[told.key]
        if told.status in {200, 201}:
            assert (told.event_id, told.data) == (event_id, data)
        elif told.status == 422:
            assert told.event_id == event_id
            assert told.data != data
        else:
            assert told.event_id is None

    def _check_quarantine(self) -> None:
        """Of each message just what conflicts is there, once; and nothing else is."""
        expected = []
        for message in self.messages:
            conflicts = [e for e in message.events if self.first[e.key][1] != e.data]
            if conflicts:
                expected.append((Reason.CONFLICT_AFTER_QUEUED.value, [e.data for e in conflicts]))
        rows = self.stores.set_aside()
        found = [(reason, [e["data"] for e in json.loads(kept)]) for _, reason, kept in rows]
        assert sorted(found) == sorted(expected)
        assert len({row_id for row_id, _, _ in rows}) == len(rows)


def _status(accepted: Accepted | Queued) -> tuple[int, str | None]:
    if isinstance(accepted, Queued):
        return 202, None
    status = {Outcome.NEW: 201, Outcome.DUPLICATE: 200, Outcome.CONFLICT: 422}
    return status[accepted.outcome], accepted.event_id


class _Quarantine:
    """Implements Quarantine in the database's weather."""

    def __init__(self, of: Interleaving) -> None:
        self._of = of

    def put(self, item: Quarantined) -> bool:
        self._of.ask()
        kept = self._of.stores.quarantine.put(item)
        self._of.answer()
        return kept


class _NoHooks(AcceptQueuedHook):
    def __init__(self) -> None:
        """Take none."""
