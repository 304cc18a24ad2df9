"""Attempts begun and recorded on a real Postgres, under the deliver role."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.integration.events import NOW, event
from tests.integration.polling import until
from tillgate.adapters.postgres.delivery_store import PostgresDeliveryStore
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.domain.delivery import Attempt, AttemptOutcome, DestinationKind, Settled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.integration.testdatabase import TestDatabase
    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.delivery import Begun
    from tillgate.domain.tenant import EventId, TenantId

    Connect = Callable[[str], Database]

URL = "https://project.example.com"


class Deliveries:
    """A tenant with a destination and pending events, as deliver sees them."""

    def __init__(self, database: TestDatabase, connect: Connect, tenant: TenantId) -> None:
        self.database = database
        self.tenant = tenant
        self.store = PostgresDeliveryStore(
            connect("deliver"),
            within_seconds=10,
            trip_failures=3,
            open_seconds=0.5,
            probe_seconds=0.5,
        )
        self._events = PostgresEventStore(connect("ingest"), within_seconds=10)
        with database.superuser() as superuser:
            superuser.execute(
                "INSERT INTO tillgate.destination (tenant_id, kind, url, sealed_secret)"
                " VALUES (%s, 'supabase', %s, '\\x01ff')",
                (tenant, URL),
            )

    def add(self, *data: str, **fields: str) -> list[EventId]:
        events = [event(f"k{n}", text, **fields) for n, text in enumerate(data)]
        accepted = self._events.accept(self.tenant, events, received_at=NOW)
        return [one.event_id for one in accepted]

    def begin(self, ids: Sequence[EventId], attempt_id: str | None = None) -> tuple[Begun, str]:
        made = attempt_id or str(uuid.uuid4())
        return self.store.begin(self.tenant, ids, attempt_id=made, at=NOW), made

    def record(
        self,
        ids: Sequence[EventId],
        attempt_id: str,
        outcome: AttemptOutcome,
        *,
        is_well: bool | None = None,
        reason: str | None = None,
    ) -> None:
        attempts = [
            Attempt(
                event_id=one, attempt_id=attempt_id, at=NOW, outcome=outcome, status=503,
                duration_ms=12.5, reason=reason,
            )
            for one in ids
        ]  # fmt: skip
        settled = [
            Settled(event_id=one, outcome=outcome, reason=reason, due_seconds=600) for one in ids
        ]
        self.store.record(self.tenant, attempts=attempts, settled=settled, is_well=is_well)

    def fail(self, ids: Sequence[EventId]) -> None:
        begun, attempt_id = self.begin(ids)
        assert [one.event_id for one in begun.events] == list(ids)
        self.record(ids, attempt_id, AttemptOutcome.RETRY_LATER, is_well=False, reason="timeout")

    def rows(self, what: str, table: str) -> list[tuple[object, ...]]:
        with self.database.superuser() as superuser:
            query = f"SELECT {what} FROM tillgate.{table} WHERE tenant_id = %s ORDER BY 1"  # noqa: S608  The test's own words.
            return superuser.execute(query.encode(), (self.tenant,)).fetchall()

    def states(self) -> list[object]:
        return [state for _, state in self.rows("event_id, state", "delivery")]

    def breaker(self) -> list[tuple[object, ...]]:
        return self.rows("failures, open_until IS NOT NULL", "destination_breaker")


@pytest.fixture
def deliveries(database: TestDatabase, connect: Connect, tenant: TenantId) -> Deliveries:
    return Deliveries(database, connect, tenant)


def test_an_event_is_begun_as_it_was_accepted(deliveries: Deliveries) -> None:
    data = '{"big":' + "9" * 400 + ',"nul":"\\u0000","price":12.10,"word":"é🧾"}'
    ids = deliveries.add(
        data, occurred_at="2026-11-23T10:00:00+02:00", entity_id="o", entity_version="9" * 60
    )

    begun, _ = deliveries.begin(ids)

    assert begun.destination is not None
    assert begun.destination.kind is DestinationKind.SUPABASE
    assert (begun.destination.url, begun.destination.sealed_secret) == (URL, b"\x01\xff")
    assert (begun.open_until, begun.waiting) == (None, ())
    [one] = begun.events
    assert (one.event_id, one.data, one.type) == (ids[0], data, "order.created")
    assert (one.idempotency_key, one.source_id) == ("k0", None)
    assert (one.occurred_at, one.entity_id) == ("2026-11-23T10:00:00+02:00", "o")
    assert (one.entity_version, one.received_at) == ("9" * 60, NOW)
    assert abs(one.since - datetime.now(UTC)) < timedelta(minutes=1)
    assert one.since.tzinfo is UTC


def test_an_attempt_is_on_record_before_its_request(deliveries: Deliveries) -> None:
    ids = deliveries.add("{}", "{}")

    _, attempt_id = deliveries.begin(ids)

    recorded = deliveries.rows("event_id::text, attempt_id::text, at, outcome", "attempt")
    assert recorded == [(one, attempt_id, NOW, None) for one in ids]
    assert deliveries.states() == ["pending", "pending"]


def test_the_same_attempt_begun_twice_is_one(deliveries: Deliveries) -> None:
    ids = deliveries.add("{}")
    first, attempt_id = deliveries.begin(ids)

    again, _ = deliveries.begin(ids, attempt_id)

    assert again == first
    assert len(deliveries.rows("attempt_id", "attempt")) == 1


def test_another_s_events_are_not_begun(deliveries: Deliveries, database: TestDatabase) -> None:
    ids = deliveries.add("{}")
    other = database.add_tenant(f"t-{uuid.uuid4()}")

    begun = deliveries.store.begin(other, ids, attempt_id=str(uuid.uuid4()), at=NOW)

    assert (begun.destination, begun.events, begun.waiting) == (None, (), ())


def test_what_became_of_it_is_recorded_once(deliveries: Deliveries) -> None:
    ids = deliveries.add("{}")
    _, attempt_id = deliveries.begin(ids)

    for _ in range(2):
        deliveries.record(
            ids, attempt_id, AttemptOutcome.RETRY_LATER, is_well=False, reason="http-503"
        )

    recorded = deliveries.rows("outcome, status, duration_ms, reason", "attempt")
    assert recorded == [("retry_later", 503, 12.5, "http-503")]
    assert deliveries.breaker() == [(1, False)]
    [(since, due)] = deliveries.rows("since, due_at", "delivery")
    assert isinstance(since, datetime)
    assert isinstance(due, datetime)
    assert timedelta(seconds=590) < due - since < timedelta(seconds=660)


@pytest.mark.parametrize("outcome", [AttemptOutcome.DELIVERED, AttemptOutcome.GAVE_UP])
def test_what_is_settled_stays_settled(deliveries: Deliveries, outcome: AttemptOutcome) -> None:
    ids = deliveries.add("{}")
    (_, first), (_, second) = deliveries.begin(ids), deliveries.begin(ids)
    deliveries.record(ids, first, outcome, reason="first")

    # But what the destination has is no dead letter: see test_attempts_by_partition.
    for late in {*AttemptOutcome} - {AttemptOutcome.DELIVERED} | {outcome}:
        deliveries.record(ids, second, late, reason="second")

    reason = "first" if outcome is AttemptOutcome.GAVE_UP else None
    assert deliveries.rows("state, gave_up_reason, due_at", "delivery") == [(outcome, reason, None)]
    assert deliveries.begin(ids)[0].events == ()


def test_without_a_destination_nothing_is_begun(
    deliveries: Deliveries, database: TestDatabase
) -> None:
    ids = deliveries.add("{}")
    with database.superuser() as superuser:
        superuser.execute(
            "DELETE FROM tillgate.destination WHERE tenant_id = %s", (deliveries.tenant,)
        )

    begun, _ = deliveries.begin(ids)

    assert (begun.destination, begun.events) == (None, ())
    assert [one.event_id for one in begun.waiting] == ids
    assert deliveries.rows("attempt_id", "attempt") == []
    gave_up = Settled(event_id=ids[0], outcome=AttemptOutcome.GAVE_UP, reason="no-destination")
    deliveries.store.record(deliveries.tenant, attempts=(), settled=[gave_up], is_well=None)
    assert deliveries.states() == ["gave_up"]


def test_a_request_has_four_mebibytes_or_one_event(deliveries: Deliveries) -> None:
    mebibyte = '{"x":"' + "y" * 1024 * 1024 + '"}'
    ids = deliveries.add(*[mebibyte] * 5, "{}")

    begun, attempt_id = deliveries.begin(ids)

    assert [one.event_id for one in begun.events] == ids[:3]
    assert [one.event_id for one in begun.waiting] == ids[3:]
    assert deliveries.begin(ids, attempt_id)[0] == begun
    large = deliveries.begin(deliveries_of_five(deliveries))[0]
    assert (len(large.events), large.waiting) == (1, ())


def deliveries_of_five(deliveries: Deliveries) -> list[EventId]:
    """Add an event that is larger than what a request should have."""
    five = event("five", '{"x":"' + "y" * 5 * 1024 * 1024 + '"}')
    [accepted] = deliveries._events.accept(deliveries.tenant, [five], received_at=NOW)
    return [accepted.event_id]


def test_the_breaker_opens_after_failures_in_a_row(deliveries: Deliveries) -> None:
    ids = deliveries.add("{}")
    deliveries.fail(ids)
    deliveries.fail(ids)
    _, attempt_id = deliveries.begin(ids)
    deliveries.record(ids, attempt_id, AttemptOutcome.RETRY_LATER, is_well=True)
    assert deliveries.breaker() == []

    for _ in range(3):
        deliveries.fail(ids)

    assert deliveries.breaker() == [(3, True)]
    begun, attempt_id = deliveries.begin(ids)
    assert begun.open_until is not None
    assert begun.events == ()
    assert [one.event_id for one in begun.waiting] == ids
    assert (attempt_id,) not in deliveries.rows("attempt_id::text", "attempt")


def test_an_open_breaker_lets_one_try_and_closes_when_it_works(deliveries: Deliveries) -> None:
    ids = deliveries.add("{}")
    for _ in range(3):
        deliveries.fail(ids)
    tries: list[tuple[Begun, str]] = []

    def has_begun() -> bool:
        tries.append(deliveries.begin(ids))
        return bool(tries[-1][0].events)

    until(has_begun, what="the breaker lets one try", within_seconds=5)
    others = [deliveries.begin(ids)[0] for _ in range(5)]

    assert [one.events for one in others] == [()] * 5
    assert all(one.open_until is not None for one in others)
    deliveries.record(ids, tries[-1][1], AttemptOutcome.DELIVERED, is_well=True)
    assert deliveries.breaker() == []
    more = deliveries._events.accept(deliveries.tenant, [event("more")], received_at=NOW)
    assert len(deliveries.begin([more[0].event_id])[0].events) == 1


def test_a_try_that_fails_opens_the_breaker_again(deliveries: Deliveries) -> None:
    ids = deliveries.add("{}")
    for _ in range(3):
        deliveries.fail(ids)
    tries: list[tuple[Begun, str]] = []

    def has_begun() -> bool:
        tries.append(deliveries.begin(ids))
        return bool(tries[-1][0].events)

    until(has_begun, what="the breaker lets one try", within_seconds=5)
    deliveries.record(ids, tries[-1][1], AttemptOutcome.RETRY_LATER, is_well=False)

    assert deliveries.breaker() == [(4, True)]
    assert deliveries.begin(ids)[0].events == ()


def test_a_try_that_died_is_followed_by_another(deliveries: Deliveries) -> None:
    ids = deliveries.add("{}")
    for _ in range(3):
        deliveries.fail(ids)

    for _ in range(2):
        until(lambda: deliveries.begin(ids)[0].events, what="one may try", within_seconds=5)


def test_the_deliver_role_reads_no_table(deliveries: Deliveries, database: TestDatabase) -> None:
    with database.as_role("deliver") as role:
        for table in ("event", "delivery", "attempt", "destination", "destination_breaker"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                role.execute(f"SELECT FROM tillgate.{table}".encode())
    assert deliveries.states() == []
