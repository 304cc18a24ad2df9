"""What is due: claimed by one, again after a crash, the longest due first, and by its index."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.integration.deliveries import DeliveryStand
from tests.integration.events import NOW, event
from tests.integration.polling import pause, until
from tests.integration.sessions import count_at_once
from tillgate.adapters.postgres import due_deliveries
from tillgate.adapters.postgres.due_deliveries import LEASE, PostgresDueDeliveries
from tillgate.domain.delivery import DueDelivery
from tillgate.domain.errors import QueueUnavailableError, StoreUnavailableError
from tillgate.domain.event import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.testdatabase import TestDatabase

TODAY = datetime.now(UTC).date()
PLANNED_ONCE = "plan_cache_mode = force_generic_plan"


@pytest.fixture
def stand(own_database: TestDatabase) -> Iterator[DeliveryStand]:
    with DeliveryStand(own_database) as made:
        yield made


@pytest.fixture
def due(stand: DeliveryStand) -> PostgresDueDeliveries:
    return PostgresDueDeliveries(stand.connect("sweep"))


def claimed(due: PostgresDueDeliveries, at_most: int = 1_000) -> list[str]:
    with due.claim(at_most=at_most) as deliveries:
        return [one.event_id for one in deliveries]


def claim_that_fails(due: PostgresDueDeliveries) -> None:
    with due.claim(at_most=10) as deliveries:
        assert len(deliveries) == 5
        raise QueueUnavailableError("down")


def test_a_delivery_is_pending_where_the_tenant_has_a_destination_and_else_none(
    stand: DeliveryStand, due: PostgresDueDeliveries
) -> None:
    sent_on, kept = stand.tenant(), stand.tenant(has_destination=False)
    [one] = stand.accept(sent_on)
    [other] = stand.accept(kept)

    assert (stand.state(one), stand.state(other)) == ("pending", "none")
    with due.claim(at_most=10) as deliveries:
        assert deliveries == [DueDelivery(sent_on, one)]


def test_a_duplicate_is_not_delivered_again(
    stand: DeliveryStand, due: PostgresDueDeliveries
) -> None:
    tenant = stand.tenant()
    [first] = stand.events.accept(tenant, [event("k")], received_at=NOW)
    stand.record(tenant, stand.begin(tenant, [first.event_id]), "delivered")

    [repeat] = stand.events.accept(tenant, [event("k")], received_at=NOW)

    assert (repeat.outcome, repeat.event_id) == (Outcome.DUPLICATE, first.event_id)
    assert (claimed(due), stand.states()) == ([], {"delivered": 1})


def test_four_that_claim_at_once_never_get_one_delivery_twice(stand: DeliveryStand) -> None:
    tenants = [stand.tenant() for _ in range(3)]
    accepted = [one for tenant in tenants for one in stand.accept(tenant, 400)]
    start = threading.Barrier(4)

    def claim_all(sweep: PostgresDueDeliveries) -> list[str]:
        mine: list[str] = []
        start.wait()
        while step := claimed(sweep, at_most=7):
            mine += step
        return mine

    sweeps = [PostgresDueDeliveries(stand.connect("sweep")) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(claim_all, sweeps))

    every = [one for mine in taken for one in mine]
    assert sorted(every) == sorted(accepted)
    assert sum(1 for mine in taken if mine) > 1


def test_what_is_claimed_is_hidden_from_others_before_it_is_committed(
    stand: DeliveryStand, due: PostgresDueDeliveries
) -> None:
    accepted = stand.accept(stand.tenant(), 10)
    other = PostgresDueDeliveries(stand.connect("sweep"))

    with due.claim(at_most=6) as first:
        rest = claimed(other)

    assert len(first) == 6
    assert sorted([one.event_id for one in first] + rest) == sorted(accepted)


def test_what_a_crash_left_between_claim_and_commit_is_claimed_again(
    stand: DeliveryStand, due: PostgresDueDeliveries
) -> None:
    accepted = stand.accept(stand.tenant(), 5)
    crashed = psycopg.connect(stand.database.url("sweep"))
    crashed.execute("SELECT tillgate.claim_deliveries(100, '6 hours')")
    assert claimed(due) == []

    stand.superuser.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s",
        (crashed.info.backend_pid,),
    )
    again: list[str] = []

    def is_given_again() -> bool:
        again.extend(claimed(due))
        return len(again) >= 5

    until(is_given_again, what="claimed again")
    crashed.close()
    assert sorted(again) == sorted(accepted)


def test_a_queue_that_fails_leaves_them_due(
    stand: DeliveryStand, due: PostgresDueDeliveries
) -> None:
    accepted = stand.accept(stand.tenant(), 5)

    with pytest.raises(QueueUnavailableError):
        claim_that_fails(due)

    assert sorted(claimed(due)) == sorted(accepted)


def test_a_queue_that_takes_too_long_leaves_them_due(
    stand: DeliveryStand, due: PostgresDueDeliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.accept(stand.tenant(), 5)
    with monkeypatch.context() as hurried:
        hurried.setattr(due_deliveries, "WITHIN_SECONDS", 0.2)
        with pytest.raises(StoreUnavailableError), due.claim(at_most=10):
            pause(0.3)

    assert len(claimed(due)) == 5


def test_what_nobody_settles_is_due_again_after_the_lease(
    stand: DeliveryStand, due: PostgresDueDeliveries
) -> None:
    [one] = stand.accept(stand.tenant())
    before = datetime.now(UTC)
    assert claimed(due) == [one]
    assert claimed(due) == []

    due_at = stand.value("SELECT due_at FROM tillgate.delivery")
    assert timedelta(0) <= due_at - before - LEASE < timedelta(seconds=10)
    hasty = PostgresDueDeliveries(stand.connect("sweep"), lease=timedelta(0))
    stand.superuser.execute("UPDATE tillgate.delivery SET due_at = now()")
    assert claimed(hasty) == [one]
    assert claimed(hasty) == [one]


def test_the_longest_due_are_claimed_first(
    stand: DeliveryStand, due: PostgresDueDeliveries
) -> None:
    tenants = [stand.tenant() for _ in range(4)]
    accepted = [stand.accept(tenant)[0] for tenant in tenants for _ in range(5)]
    # Spread over three days' partitions, and in another order than they were stored in.
    for n, one in enumerate(accepted):
        stand.superuser.execute(
            "UPDATE tillgate.delivery SET due_at = now() - make_interval(mins => %s)"
            " WHERE event_id = %s",
            (n * 7 % 20, one),
        )
    by_age = sorted(accepted, key=lambda one: -(accepted.index(one) * 7 % 20))

    taken = [set(claimed(due, at_most=5)) for _ in range(4)]

    assert taken == [set(by_age[first : first + 5]) for first in range(0, 20, 5)]


def test_what_is_settled_or_due_later_is_not_claimed(
    stand: DeliveryStand, due: PostgresDueDeliveries
) -> None:
    tenant = stand.tenant()
    delivered, refused, later, waiting = stand.accept(tenant, 4)
    stand.record(tenant, stand.begin(tenant, [delivered]), "delivered")
    stand.give_up(tenant, [refused])
    stand.record(tenant, stand.begin(tenant, [later]), "retry_later")

    assert claimed(due) == [waiting]


def test_a_claim_waits_for_nobody_who_records(
    stand: DeliveryStand, due: PostgresDueDeliveries
) -> None:
    tenant = stand.tenant()
    busy, idle = stand.accept(tenant, 2)
    begun = stand.begin(tenant, [busy])

    with stand.database.as_role("deliver") as other, other.transaction():
        stand.record(tenant, begun, "delivered", connection=other)
        assert claimed(due) == [idle]

    assert claimed(due) == []
    assert stand.state(busy) == "delivered"


def test_recording_waits_for_a_claim_and_goes_before_it(
    stand: DeliveryStand, due: PostgresDueDeliveries
) -> None:
    tenant = stand.tenant()
    [one] = stand.accept(tenant)
    begun = stand.begin(tenant, [one])

    with ThreadPoolExecutor(1) as pool:
        with due.claim(at_most=10) as deliveries:
            assert len(deliveries) == 1
            recording = pool.submit(stand.record, tenant, begun, "delivered")
            until(
                lambda: stand.value(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE usename = 'tillgate_deliver' AND wait_event_type = 'Lock'"
                ),
                what="waiting for the claim",
            )
        recording.result(timeout=10)

    assert stand.state(one) == "delivered"


def test_two_that_record_the_same_deliveries_at_once_do_not_deadlock(stand: DeliveryStand) -> None:
    tenant = stand.tenant()
    accepted = stand.accept(tenant, 60)
    orders = [accepted, accepted[::-1], accepted[30:] + accepted[:30], accepted[::2]]
    for _ in range(5):
        begun = [stand.begin(tenant, order) for order in orders]
        for one, order in zip(begun, orders, strict=True):
            one.answer["events"].sort(key=lambda e, order=order: order.index(e["event_id"]))
        start = threading.Barrier(4)

        def record(n: int) -> None:
            with stand.database.as_role("deliver") as connection:
                start.wait()  # noqa: B023  Of this round, which ends before the next one begins.
                stand.record(tenant, begun[n], "retry_later", connection=connection)  # noqa: B023  As above.

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(record, range(4)))

    assert stand.value("SELECT count(*) FROM tillgate.attempt WHERE outcome IS NULL") == 0
    assert stand.value("SELECT count(*) FROM tillgate.attempt") == 5 * (60 + 60 + 60 + 30)


def test_a_claim_reads_every_partition_by_its_index_of_what_is_due(
    stand: DeliveryStand, due: PostgresDueDeliveries
) -> None:
    tenant = stand.tenant()
    # So many that are settled that a plan by guesswork would scan them all.
    stand.superuser.execute(
        "INSERT INTO tillgate.delivery (tenant_id, event_id, state)"
        " SELECT %s, tillgate.new_event_id(%s::date + n %% 15 * interval '1 day'), 'none'"
        " FROM generate_series(0, 30000) AS s (n)",
        (tenant, TODAY),
    )
    stand.accept(tenant, 50)
    stand.superuser.execute("ANALYZE tillgate.delivery")
    scans = "SELECT relname, idx_scan FROM pg_stat_user_indexes WHERE indexrelname ~ '_due_at_idx$'"
    seq = "SELECT sum(seq_scan) FROM pg_stat_user_tables WHERE relname ~ '^delivery_2'"
    stand.superuser.execute("SELECT pg_stat_reset()")

    assert len(claimed(due, at_most=20)) == 20

    count_at_once(due._database)
    until(
        lambda: all(n > 0 for _, n in stand.superuser.execute(scans)),
        what="an index scan in every partition",
    )
    assert len(stand.superuser.execute(scans).fetchall()) == 16
    assert stand.value(seq) == 0


def test_the_plan_of_a_claim_is_an_ordered_walk_through_the_indexes(stand: DeliveryStand) -> None:
    tenant = stand.tenant()
    stand.accept(tenant, 500)
    stand.superuser.execute("ANALYZE tillgate.delivery")
    source = stand.value("SELECT prosrc FROM pg_proc WHERE proname = 'claim_deliveries'")
    statement = re.search(r"WITH due.*?GROUP BY o.day", source, re.DOTALL)
    assert statement is not None
    text = statement.group().replace("p_limit", "$1")
    with stand.superuser.transaction(force_rollback=True):
        for setting in ("enable_seqscan = off", "enable_sort = off", PLANNED_ONCE):
            stand.superuser.execute(b"SET LOCAL " + setting.encode())
        stand.superuser.execute(b"PREPARE due (integer) AS " + text.encode())
        lines = stand.superuser.execute("EXPLAIN (COSTS OFF) EXECUTE due (500)")
        plan = "\n".join(line for (line,) in lines)
    names = re.findall(r"Index Scan using (delivery_\d{8})_due_at_idx", plan)
    assert len(set(names)) == 16
    assert "Merge Append" in plan
    assert "Seq Scan on" not in plan


def test_a_look_opens_the_primary_keys_of_the_days_from_which_it_takes_and_no_others(
    stand: DeliveryStand,
) -> None:
    # To plan for a partition is to open all its indexes, which takes longer than to look.
    primary_keys = (
        "SELECT count(*) FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation"
        " WHERE l.pid = %s AND c.relname ~ '^delivery_2.*_pkey$'"
    )
    claim = "SELECT tillgate.claim_deliveries(100, '6 hours')"
    tenant = stand.tenant()
    with psycopg.connect(stand.database.url("sweep"), autocommit=True) as sweep:
        pid = sweep.info.backend_pid
        sweep.execute(claim)
        with sweep.transaction():
            assert sweep.execute(claim).fetchall() == []
            idle = stand.value(primary_keys, pid)
        stand.accept(tenant, 3)
        with sweep.transaction():
            assert len(sweep.execute(claim).fetchall()) == 3
            busy = stand.value(primary_keys, pid)

    assert (idle, busy) == (0, 1)


def test_a_claim_takes_from_several_days_no_more_than_it_may(
    stand: DeliveryStand, due: PostgresDueDeliveries
) -> None:
    tenants = [stand.tenant() for _ in range(3)]
    # Tenants share an id: which of them it is of is not mixed up.
    stand.superuser.execute(
        "INSERT INTO tillgate.delivery (tenant_id, event_id, state, since, due_at)"
        " SELECT t, i.event_id, 'pending', now(), now() - n * interval '1 second'"
        " FROM unnest(%s::uuid[]) AS t CROSS JOIN ("
        " SELECT n, tillgate.new_event_id(%s::date + n %% 5 * interval '1 day') AS event_id"
        " FROM generate_series(1, 40) AS n) AS i",
        (tenants, TODAY),
    )

    taken: list[DueDelivery] = []
    for step in (50, 50, 20, 0):
        with due.claim(at_most=50) as deliveries:
            assert len(deliveries) == step
            taken += deliveries

    assert len(set(taken)) == 120
    assert {one.tenant_id for one in taken} == set(tenants)
