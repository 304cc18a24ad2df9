"""What is asked of a database that grows. Another operation is a generator, and a line below.

A generator is given a seeded database. It yields one call at a time, which alone is measured,
and is sent what that gave: what stands before and after a ``yield`` is not measured.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, cycle
from typing import TYPE_CHECKING, Any

from bench.goals import Goal
from bench.growing_metrics import metrics
from bench.seeding import Seed, add_day
from bench.workload import data, new_key
from tillgate.adapters.postgres.delivery_store import PostgresDeliveryStore
from tillgate.adapters.postgres.due_deliveries import PostgresDueDeliveries
from tillgate.adapters.postgres.event_reader import PostgresEventReader
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.adapters.postgres.retirement import PostgresRetirement
from tillgate.domain.delivery import Attempt, AttemptOutcome, Settled
from tillgate.domain.event import NewEvent, Outcome
from tillgate.domain.idempotency import fingerprint
from tillgate.domain.retention import HELD_DAYS, Dropped
from tillgate.domain.stored_event import EventQuery
from tillgate.domain.tenant import EventId, TenantId
from tillgate.providers import PROVIDERS
from tillgate.services.queue_due import CLAIMED_AT_ONCE
from tillgate.services.retire import PARENTS
from tillgate.settings.function import MIN_EVENT_RETENTION_DAYS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from bench.seeded import SeededDatabase

WITHIN_SECONDS = 30.0
PAGE = 50
# A message's, as sweep makes them of a tenant with a few events a second.
_MESSAGE_EVENTS = 10
_KNOWN_KEYS = 2_000
# The days that are dropped are as large in every database, and older than all others.
DROPPED_EVENTS = 2_000

Calls = Generator[Callable[[], Any], Any, None]


def accept(made: SeededDatabase) -> Calls:
    """Store one new event, of any tenant."""
    store = PostgresEventStore(made.connect("ingest"), within_seconds=WITHIN_SECONDS)
    for tenant_id in cycle(made.seeded.tenants):
        [accepted] = yield partial(
            store.accept, tenant_id, [_new_event()], received_at=datetime.now(UTC)
        )
        assert accepted.outcome is Outcome.NEW, accepted


def duplicate(made: SeededDatabase) -> Calls:
    """Take an event again that was stored at any time."""
    store = PostgresEventStore(made.connect("ingest"), within_seconds=WITHIN_SECONDS)
    known = made.superuser.execute(
        "SELECT tenant_id::text, key, encode(fingerprint, 'hex') FROM tillgate.ingest_key"
        " WHERE random() < %s LIMIT %s",
        (2 * _KNOWN_KEYS / made.seeded.events, _KNOWN_KEYS),
    ).fetchall()
    for tenant_id, key, known_fingerprint in cycle(known):
        again = NewEvent(
            key=key, fingerprint=known_fingerprint, source_id=None, type="order.created",
            data=data(0.5),
        )  # fmt: skip
        [accepted] = yield partial(
            store.accept, TenantId(tenant_id), [again], received_at=datetime.now(UTC)
        )
        assert accepted.outcome is Outcome.DUPLICATE, accepted


def newest(made: SeededDatabase) -> Calls:
    """List the newest fifty of the largest tenant."""
    yield from _lists(made, made.seeded.tenants[0])


def sparse(made: SeededDatabase) -> Calls:
    """List the newest fifty of a tenant whose few events are spread over all days."""
    yield from _lists(made, made.seeded.sparse)


def deep(made: SeededDatabase) -> Calls:
    """List the fifty before an event in the middle of the largest tenant's history."""
    tenant_id = made.seeded.tenants[0]
    event_id = made.value(
        "SELECT event_id::text FROM tillgate.event WHERE tenant_id = %s ORDER BY event_id"
        " OFFSET (SELECT count(*) / 2 FROM tillgate.event WHERE tenant_id = %s) LIMIT 1",
        tenant_id,
        tenant_id,
    )
    yield from _lists(made, tenant_id, before=EventId(event_id))


def one(made: SeededDatabase) -> Calls:
    """Read an event by its id, with its attempts."""
    reader = _reader(made)
    known = made.superuser.execute(
        "SELECT tenant_id::text, event_id::text FROM tillgate.event TABLESAMPLE SYSTEM (%s)"
        " LIMIT %s",
        (min(100, 100 * 20 * _KNOWN_KEYS / made.seeded.events), 20 * _KNOWN_KEYS),
    ).fetchall()
    for tenant_id, event_id in cycle(known[:: max(len(known) // _KNOWN_KEYS, 1)]):
        found = yield partial(reader.event, TenantId(tenant_id), EventId(event_id))
        assert found is not None, event_id


def sweep(made: SeededDatabase) -> Calls:
    """Claim five hundred of a thousand or more that are due."""
    due = PostgresDueDeliveries(made.connect("sweep"))
    for _ in count():
        made.superuser.execute(
            "UPDATE tillgate.delivery SET due_at = since WHERE state = 'pending'"
            " AND due_at > now() AND event_id >= tillgate.first_event_id(now() - interval '2 days')"
        )
        claimed = yield partial(_claim, due, CLAIMED_AT_ONCE)
        assert claimed == CLAIMED_AT_ONCE, claimed


def idle(made: SeededDatabase) -> Calls:
    """Look for what is due when nothing is: sweep does so every second."""
    due = PostgresDueDeliveries(made.connect("sweep"))
    while _claim(due, CLAIMED_AT_ONCE):
        pass
    while True:
        claimed = yield partial(_claim, due, CLAIMED_AT_ONCE)
        assert claimed == 0, claimed


def attempt(made: SeededDatabase) -> Calls:
    """Begin and record an attempt at ten events of one tenant."""
    tenant_id = made.seeded.tenants[0]
    events = PostgresEventStore(made.connect("ingest"), within_seconds=WITHIN_SECONDS)
    store = PostgresDeliveryStore(made.connect("deliver"), within_seconds=WITHIN_SECONDS)
    while True:
        new = [_new_event() for _ in range(_MESSAGE_EVENTS)]
        accepted = events.accept(tenant_id, new, received_at=datetime.now(UTC))
        begun = yield partial(_settle, store, tenant_id, [one.event_id for one in accepted])
        assert begun == _MESSAGE_EVENTS, begun


def retention(made: SeededDatabase) -> Calls:
    """Drop the partitions of one day, the oldest, as large in every database, as sweep does.

    So old that nothing undelivered holds it; the keys stay.
    """
    seeded, store = made.seeded, PostgresRetirement(made.connect("sweep"))
    oldest = datetime.now(UTC).date() - timedelta(days=MIN_EVENT_RETENTION_DAYS + HELD_DAYS)
    plan = Seed(events=DROPPED_EVENTS, days=1, tenants=len(seeded.tenants), pending=0)
    for back in count(1):
        day = min(seeded.first_day, oldest) - timedelta(days=back)
        add_day(
            made.superuser,
            plan,
            [*seeded.tenants, seeded.sparse],
            first=0,
            last=plan.events,
            day=day,
            until=datetime.now(UTC),
        )
        made.superuser.execute("CHECKPOINT")
        yield partial(_drop_day, store, day)


def _lists(made: SeededDatabase, tenant_id: TenantId, *, before: EventId | None = None) -> Calls:
    reader = _reader(made)
    query = EventQuery(limit=PAGE, before=before)
    while True:
        found = yield partial(reader.events, tenant_id, query)
        assert len(found) == PAGE, len(found)


def _reader(made: SeededDatabase) -> PostgresEventReader:
    return PostgresEventReader(
        made.connect("api"), providers=list(PROVIDERS), within_seconds=WITHIN_SECONDS
    )


def _new_event() -> NewEvent:
    key, text = new_key(), data(0.5)
    return NewEvent(
        key=f"api:{key}",
        fingerprint=fingerprint(text),
        source_id=None,
        type="order.created",
        data=text,
        occurred_at="2026-11-23T10:00:00Z",
        entity_id=key,
        entity_version="1",
    )


def _claim(due: PostgresDueDeliveries, at_most: int) -> int:
    with due.claim(at_most=at_most) as claimed:
        return len(claimed)


def _settle(store: PostgresDeliveryStore, tenant_id: TenantId, event_ids: Sequence[EventId]) -> int:
    attempt_id, at = str(uuid.uuid4()), datetime.now(UTC)
    begun = store.begin(tenant_id, event_ids, attempt_id=attempt_id, at=at)
    store.record(
        tenant_id,
        attempts=[
            Attempt(
                event_id=event.event_id,
                attempt_id=attempt_id,
                at=at,
                outcome=AttemptOutcome.DELIVERED,
                status=201,
                duration_ms=1.0,
                reason=None,
            )
            for event in begun.events
        ],
        settled=[
            Settled(event_id=event.event_id, outcome=AttemptOutcome.DELIVERED)
            for event in begun.events
        ],
        is_well=True,
    )
    return len(begun.events)


def _drop_day(store: PostgresRetirement, day: date) -> None:
    for parent in PARENTS:
        dropped = store.drop_partition(parent, day, default_days=MIN_EVENT_RETENTION_DAYS)
        assert dropped is Dropped.DROPPED, (parent, day, dropped)


@dataclass(frozen=True, slots=True)
class Operation:
    """What is measured, and the most that its ratio may be (None: it is told for context).

    ``heavier``: how many single events a call weighs, about; None for what is done once a round.
    """

    calls: Callable[[SeededDatabase], Calls]
    goal: Goal | None = None
    heavier: int | None = 1


# ``growth_`` and the name: a row.
OPERATIONS = {
    "accept": Operation(accept, Goal(1.25, quick=2.0)),
    "duplicate": Operation(duplicate, Goal(1.5, quick=2.0)),
    "list": Operation(newest, Goal(1.5, quick=2.5), heavier=2),
    "list_deep": Operation(deep, heavier=2),
    "list_sparse": Operation(sparse, heavier=4),
    "event": Operation(one),
    "attempt": Operation(attempt, Goal(1.5, quick=2.5), heavier=25),
    "sweep": Operation(sweep, Goal(1.5, quick=2.5), heavier=12),
    "sweep_idle": Operation(idle),
    "metrics": Operation(metrics, Goal(1.5, quick=2.5), heavier=12),
    "retention": Operation(retention, Goal(1.5, quick=2.5), heavier=None),
}
