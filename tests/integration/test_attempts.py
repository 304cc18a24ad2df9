"""Attempts, what they settle, replays between them, and the breaker that all share."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.integration.deliveries import DeliveryStand
from tillgate.adapters.postgres.event_reader import PostgresEventReader
from tillgate.domain.delivery import AttemptOutcome
from tillgate.domain.errors import NoDestinationError
from tillgate.domain.stored_event import MAX_ATTEMPTS, DeliveryState, EventQuery
from tillgate.domain.tenant import EventId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.testdatabase import TestDatabase


@pytest.fixture
def stand(own_database: TestDatabase) -> Iterator[DeliveryStand]:
    with DeliveryStand(own_database) as made:
        yield made


@pytest.fixture
def reader(stand: DeliveryStand) -> PostgresEventReader:
    return PostgresEventReader(stand.connect("api"), providers=(), within_seconds=10)


def test_an_event_is_read_with_its_attempts_the_oldest_first(
    stand: DeliveryStand, reader: PostgresEventReader
) -> None:
    tenant = stand.tenant()
    one, other = stand.accept(tenant, 2)
    first = stand.begin(tenant, [one, other], at="2026-11-23T09:00:00Z")
    stand.record(tenant, first, "retry_later", reason="http-503")
    stand.begin(tenant, [one], at="2026-11-23T10:00:00Z")
    last = stand.begin(tenant, [one], at="2026-11-23T11:00:00Z")
    stand.record(tenant, last, "delivered")

    event = reader.event(tenant, one)

    assert event is not None
    assert event.head.delivery_state is DeliveryState.DELIVERED
    assert [
        (a.at.hour, a.outcome, a.status, a.duration_ms, a.reason) for a in event.attempts
    ] == [
        (9, AttemptOutcome.RETRY_LATER, 500, 12.5, "http-503"),
        # Of this one nobody ever told what became of it.
        (10, None, None, None, None),
        (11, AttemptOutcome.DELIVERED, 500, 12.5, None),
    ]  # fmt: skip


def test_of_very_many_attempts_the_last_are_read(
    stand: DeliveryStand, reader: PostgresEventReader
) -> None:
    tenant = stand.tenant()
    [one] = stand.accept(tenant)
    stand.superuser.execute(
        "INSERT INTO tillgate.attempt (tenant_id, event_id, attempt_id, at)"
        " SELECT %s, %s, gen_random_uuid(), '2026-01-01Z'::timestamptz + n * interval '1 s'"
        " FROM generate_series(1, %s) AS s (n)",
        (tenant, one, MAX_ATTEMPTS + 5),
    )

    event = reader.event(tenant, one)

    assert event is not None
    assert len(event.attempts) == MAX_ATTEMPTS
    assert event.attempts[0].at.second == 6


def test_another_tenants_attempts_are_not_read(
    stand: DeliveryStand, reader: PostgresEventReader
) -> None:
    tenant, other = stand.tenant(), stand.tenant()
    [one] = stand.accept(tenant)
    stand.begin(tenant, [one])

    assert reader.event(other, one) is None


def test_only_what_is_pending_is_begun(stand: DeliveryStand) -> None:
    tenant, other = stand.tenant(), stand.tenant()
    done, waiting = stand.accept(tenant, 2)
    [foreign] = stand.accept(other)
    stand.record(tenant, stand.begin(tenant, [done]), "delivered")

    begun = stand.begin(tenant, [done, waiting, foreign, str(uuid.uuid4())])

    assert begun.event_ids == [waiting]
    assert stand.value("SELECT count(*) FROM tillgate.attempt WHERE outcome IS NULL") == 1


def test_a_begin_whose_answer_was_lost_gives_the_same_again(stand: DeliveryStand) -> None:
    tenant = stand.tenant()
    accepted = stand.accept(tenant, 3)
    begun = stand.begin(tenant, accepted)

    again = stand.begin_again(tenant, accepted, begun.attempt_id)

    assert again == begun.answer
    assert stand.value("SELECT count(*) FROM tillgate.attempt") == 3


def test_a_record_that_is_repeated_changes_nothing(stand: DeliveryStand) -> None:
    tenant = stand.tenant()
    begun = stand.begin(tenant, stand.accept(tenant, 3))
    stand.record(tenant, begun, "gave_up", reason="refused")
    stand.record(tenant, begun, "gave_up", reason="refused")

    assert stand.states() == {"gave_up": 3}
    assert stand.value("SELECT count(*) FROM tillgate.attempt") == 3


def test_what_is_settled_stays_so_whatever_a_late_attempt_says(stand: DeliveryStand) -> None:
    tenant = stand.tenant()
    [one] = stand.accept(tenant)
    slow, fast = stand.begin(tenant, [one]), stand.begin(tenant, [one])
    stand.record(tenant, fast, "delivered")
    stand.record(tenant, slow, "gave_up", reason="refused")

    assert stand.state(one) == "delivered"
    assert stand.value("SELECT count(*) FROM tillgate.attempt WHERE outcome = 'gave_up'") == 1


def test_what_was_replayed_is_not_settled_by_an_attempt_from_before(stand: DeliveryStand) -> None:
    tenant = stand.tenant()
    [one] = stand.accept(tenant)
    slow, fast = stand.begin(tenant, [one]), stand.begin(tenant, [one])
    stand.record(tenant, fast, "delivered")
    stand.admin.execute("SELECT tillgate.replay(%s, %s::uuid[])", (tenant, [one]))

    stand.record(tenant, slow, "delivered")

    assert stand.state(one) == "pending"
    stand.record(tenant, stand.begin(tenant, [one]), "delivered")
    assert stand.state(one) == "delivered"


def test_what_is_pending_cannot_be_without_a_time_to_be_due(stand: DeliveryStand) -> None:
    [one] = stand.accept(stand.tenant())

    with pytest.raises(psycopg.errors.CheckViolation):
        stand.superuser.execute(
            "UPDATE tillgate.delivery SET due_at = NULL WHERE event_id = %s", (one,)
        )


@pytest.mark.parametrize("outcome", ["delivered", "gave_up"])
def test_a_replay_makes_what_is_settled_pending_and_due(
    stand: DeliveryStand, reader: PostgresEventReader, outcome: str
) -> None:
    tenant = stand.tenant()
    [one] = stand.accept(tenant)
    stand.record(tenant, stand.begin(tenant, [one]), outcome, reason="refused")

    assert reader.replay(tenant, one)
    assert reader.replay(tenant, one)

    assert [head.event_id for head in reader.events(
        tenant, EventQuery(limit=5, status=DeliveryState.PENDING)
    )] == [one]  # fmt: skip
    row = stand.superuser.execute(
        "SELECT due_at <= now(), gave_up_reason FROM tillgate.delivery"
    ).fetchone()
    assert row == (True, None)


def test_a_replay_leaves_what_waits_as_it_is(
    stand: DeliveryStand, reader: PostgresEventReader
) -> None:
    tenant = stand.tenant()
    [one] = stand.accept(tenant)
    before = stand.superuser.execute("SELECT since, due_at FROM tillgate.delivery").fetchone()

    assert reader.replay(tenant, one)

    after = stand.superuser.execute("SELECT since, due_at FROM tillgate.delivery").fetchone()
    assert after == before


def test_another_tenants_event_is_replayed_no_more_than_one_that_never_was(
    stand: DeliveryStand, reader: PostgresEventReader
) -> None:
    tenant, other = stand.tenant(), stand.tenant()
    [one] = stand.accept(tenant)
    stand.record(tenant, stand.begin(tenant, [one]), "delivered")

    assert not reader.replay(other, one)
    assert not reader.replay(tenant, EventId(str(uuid.uuid4())))
    assert stand.state(one) == "delivered"


def test_without_a_destination_there_is_no_replay_until_there_is_one(
    stand: DeliveryStand, reader: PostgresEventReader
) -> None:
    tenant = stand.tenant(has_destination=False)
    [one] = stand.accept(tenant)
    with pytest.raises(NoDestinationError):
        reader.replay(tenant, one)
    assert stand.state(one) == "none"

    stand.set_destination(tenant)

    assert reader.replay(tenant, one)
    assert stand.state(one) == "pending"


def test_replays_and_records_at_once_neither_deadlock_nor_lose_a_replay(
    stand: DeliveryStand,
) -> None:
    tenant = stand.tenant()
    accepted = stand.accept(tenant, 40)
    start = threading.Barrier(4)

    def deliver(_n: int) -> None:
        with DeliveryStand(stand.database) as mine:
            start.wait()
            for _ in range(10):
                mine.record(tenant, mine.begin(tenant, accepted), "delivered")

    def replay(n: int) -> None:
        with stand.database.as_role("admin") as admin:
            start.wait()
            for _ in range(10):
                order = accepted if n else accepted[::-1]
                admin.execute("SELECT tillgate.replay(%s, %s::uuid[])", (tenant, order))

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(work, n) for work in (deliver, replay) for n in range(2)]
        for job in jobs:
            job.result(timeout=60)

    # What is delivered was attempted after it became pending for the last time.
    unsent = """
        SELECT count(*) FROM tillgate.delivery AS d
        WHERE d.state = 'delivered' AND NOT EXISTS (
            SELECT FROM tillgate.attempt AS a
            WHERE a.event_id = d.event_id AND a.since = d.since AND a.outcome = 'delivered'
        )
    """
    assert stand.value(unsent) == 0
    assert stand.value("SELECT count(*) FROM tillgate.attempt WHERE outcome IS NULL") == 0
    assert sum(stand.states().values()) == 40


def test_the_breaker_opens_after_so_many_failures_and_one_tries_when_its_time_has_passed(
    stand: DeliveryStand,
) -> None:
    tenant = stand.tenant()
    accepted = stand.accept(tenant, 3)
    for failures in range(1, 4):
        begun = stand.begin(tenant, accepted)
        assert len(begun.event_ids) == 3, failures
        stand.record(tenant, begun, "retry_later", is_well=False)

    shut = stand.begin(tenant, accepted)
    assert (shut.event_ids, shut.answer["open_until"] is None) == ([], False)

    stand.superuser.execute("UPDATE tillgate.destination_breaker SET open_until = now()")
    with ThreadPoolExecutor(4) as pool:
        tries = list(pool.map(lambda _n: begin_apart(stand, tenant, accepted), range(4)))
    assert sorted(len(one) for one in tries) == [0, 0, 0, 3]

    stand.superuser.execute("UPDATE tillgate.destination_breaker SET open_until = now()")
    stand.record(tenant, stand.begin(tenant, accepted), "delivered", is_well=True)
    assert stand.value("SELECT count(*) FROM tillgate.destination_breaker") == 0


def begin_apart(stand: DeliveryStand, tenant: str, accepted: list[EventId]) -> list[str]:
    with stand.database.as_role("deliver") as connection:
        row = connection.execute(
            "SELECT tillgate.begin_attempts(%s, %s::uuid[], %s, now(), '10 seconds')",
            (tenant, accepted, uuid.uuid4()),
        ).fetchone()
    assert row is not None
    return [one["event_id"] for one in row[0]["events"]]
