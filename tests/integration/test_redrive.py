"""Dead letters: seen, counted, discarded, and moved back into delivery so many a second."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.integration.deliveries import DeliveryStand
from tillgate.adapters.postgres.due_deliveries import PostgresDueDeliveries, PostgresRedrives
from tillgate.domain.errors import QueueUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.testdatabase import TestDatabase


@pytest.fixture
def stand(own_database: TestDatabase) -> Iterator[DeliveryStand]:
    with DeliveryStand(own_database) as made:
        yield made


@pytest.fixture
def redrives(stand: DeliveryStand) -> PostgresRedrives:
    return PostgresRedrives(stand.connect("sweep"))


def step(redrives: PostgresRedrives, at_most: int = 1_000) -> list[str]:
    """Take a step; in the order of storing, which a step does not promise within itself."""
    with redrives.claim(at_most=at_most) as deliveries:
        return sorted(one.event_id for one in deliveries)


def step_that_fails(redrives: PostgresRedrives) -> None:
    with redrives.claim(at_most=100) as deliveries:
        assert len(deliveries) == 3
        raise QueueUnavailableError("down")


def listed(
    stand: DeliveryStand,
    tenant: str | None = None,
    reason: str | None = None,
    before: str | None = None,
    limit: int = 100,
) -> list[str]:
    rows = stand.admin.execute(
        "SELECT event_id::text FROM tillgate.dead_letters(%s, %s, %s, %s)",
        (tenant, reason, before, limit),
    )
    return [event_id for (event_id,) in rows]


def discard(stand: DeliveryStand, *chosen: object) -> int:
    row = stand.admin.execute(
        "SELECT tillgate.discard_dead_letters(%s, %s, %s::uuid[], %s)", chosen
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_dead_letters_are_listed_newest_first_and_by_page(stand: DeliveryStand) -> None:
    tenant, other = stand.tenant(), stand.tenant()
    dead = [
        *stand.dead_letters(tenant, 3),
        *stand.dead_letters(other, 3),
        *stand.dead_letters(tenant, 2, reason="expired"),
    ]
    stand.accept(tenant, 2)

    assert listed(stand) == dead[::-1]
    assert listed(stand, limit=3) == dead[:-4:-1]
    assert listed(stand, before=dead[5], limit=3) == [dead[4], dead[3], dead[2]]
    assert listed(stand, tenant=other) == dead[5:2:-1]
    assert listed(stand, tenant=tenant, reason="expired") == [dead[7], dead[6]]
    assert listed(stand, reason="refused", before=dead[1]) == [dead[0]]


def test_a_dead_letter_tells_of_its_last_attempt(stand: DeliveryStand) -> None:
    tenant = stand.tenant()
    [one] = stand.accept(tenant)
    stand.record(tenant, stand.begin(tenant, [one], at="2026-11-23T08:00:00Z"), "retry_later")
    stand.give_up(tenant, [one])
    stand.begin(tenant, [one])

    rows = stand.admin.execute(
        "SELECT tenant_id::text, reason, since, to_char(attempted_at, 'HH24'), status"
        " FROM tillgate.dead_letters(NULL, NULL, NULL, 10)"
    ).fetchall()

    since = stand.value("SELECT since FROM tillgate.delivery")
    assert rows == [(tenant, "refused", since, "10", 500)]


def test_the_plan_counts_by_tenant_and_reason(stand: DeliveryStand) -> None:
    tenant, other = sorted(stand.tenant() for _ in range(2))
    stand.dead_letters(tenant, 3)
    stand.dead_letters(tenant, 2, reason="expired")
    stand.dead_letters(other, 1)

    def plan(*chosen: str | None) -> list[tuple[object, ...]]:
        return stand.admin.execute(
            "SELECT tenant_id::text, reason, count FROM tillgate.dead_letter_plan(%s, %s)", chosen
        ).fetchall()

    assert plan(None, None) == [
        (tenant, "expired", 2), (tenant, "refused", 3), (other, "refused", 1),
    ]  # fmt: skip
    assert plan(tenant, "refused") == [(tenant, "refused", 3)]
    assert plan(other, "expired") == []


def test_what_is_discarded_is_out_of_list_plan_and_redrive(
    stand: DeliveryStand, redrives: PostgresRedrives
) -> None:
    tenant, other = stand.tenant(), stand.tenant()
    dead, spared = stand.dead_letters(tenant, 4), stand.dead_letters(other, 1)

    assert discard(stand, tenant, "refused", dead[:1], 10) == 1
    assert discard(stand, tenant, None, None, 2) == 2
    assert discard(stand, tenant, None, None, 2) == 1
    assert discard(stand, tenant, None, None, 2) == 0

    assert listed(stand) == spared
    assert stand.value("SELECT sum(count) FROM tillgate.dead_letter_plan(NULL, NULL)") == 1
    stand.redrive(per_second=100)
    assert step(redrives) == spared
    assert stand.states() == {"gave_up": 4, "pending": 1}


def test_what_was_discarded_can_be_replayed_and_is_no_dead_letter_then(
    stand: DeliveryStand,
) -> None:
    tenant = stand.tenant()
    [one] = stand.dead_letters(tenant, 1)
    discard(stand, tenant, None, None, 10)
    stand.admin.execute("SELECT tillgate.replay(%s, %s::uuid[])", (tenant, [one]))
    stand.give_up(tenant, [one])

    assert listed(stand) == [one]


def test_a_redrive_of_a_thousand_is_cancelled_and_another_takes_up_the_rest(
    stand: DeliveryStand, redrives: PostgresRedrives
) -> None:
    dead = stand.dead_letters(stand.tenant(), 1_000)
    first = stand.redrive(per_second=150)
    moved = []
    for _ in range(3):
        moved += step(redrives)
        assert step(redrives) == []
        stand.let_a_second_pass()
    assert stand.redrive_stands(first) == ("running", 450)

    stand.admin.execute(
        "UPDATE tillgate.redrive SET state = 'cancelled', ended_at = now()"
        " WHERE redrive_id = %s AND state = 'running'",
        (first,),
    )
    assert step(redrives) == []
    second = stand.redrive(per_second=1_000)
    moved += step(redrives)

    assert stand.redrive_stands(first) == ("cancelled", 450)
    assert stand.redrive_stands(second) == ("done", 550)
    # The oldest first.
    assert moved[:450] == dead[:450]
    assert sorted(moved) == sorted(dead)
    assert stand.states() == {"pending": 1_000}


def test_a_step_that_was_not_queued_is_taken_again(
    stand: DeliveryStand, redrives: PostgresRedrives
) -> None:
    dead = stand.dead_letters(stand.tenant(), 5)
    redrive = stand.redrive(per_second=3)

    with pytest.raises(QueueUnavailableError):
        step_that_fails(redrives)
    assert (stand.redrive_stands(redrive), stand.states()) == (("running", 0), {"gave_up": 5})

    assert step(redrives) == dead[:3]
    stand.let_a_second_pass()
    assert step(redrives) == dead[3:]
    assert stand.redrive_stands(redrive) == ("done", 5)


def test_two_sweeps_at_once_move_each_dead_letter_once_and_no_faster(
    stand: DeliveryStand, redrives: PostgresRedrives
) -> None:
    dead = stand.dead_letters(stand.tenant(), 30)
    redrive = stand.redrive(per_second=10)
    other = PostgresRedrives(stand.connect("sweep"))

    with redrives.claim(at_most=100) as first:
        assert step(other) == []
    moved = sorted(str(one.event_id) for one in first)
    assert step(other) == []
    while stand.redrive_stands(redrive)[0] == "running":
        stand.let_a_second_pass()
        with ThreadPoolExecutor(2) as pool:
            both = list(pool.map(step, (redrives, other)))
        assert sorted(len(one) for one in both) == [0, 10]
        moved += both[0] + both[1]

    assert moved == dead
    assert stand.redrive_stands(redrive) == ("done", 30)


def test_what_somebody_else_holds_is_not_forgotten(
    stand: DeliveryStand, redrives: PostgresRedrives
) -> None:
    tenant = stand.tenant()
    held, free = stand.dead_letters(tenant, 2)
    redrive = stand.redrive(per_second=10)

    with stand.database.superuser() as other, other.transaction():
        other.execute("SELECT FROM tillgate.delivery WHERE event_id = %s FOR UPDATE", (held,))
        assert step(redrives) == [free]
        assert stand.redrive_stands(redrive) == ("running", 1)

    stand.let_a_second_pass()
    assert step(redrives) == [held]
    assert stand.redrive_stands(redrive) == ("done", 2)


def test_what_is_given_up_again_is_not_redriven_for_ever(
    stand: DeliveryStand, redrives: PostgresRedrives
) -> None:
    tenant = stand.tenant()
    stand.dead_letters(tenant, 4)
    redrive = stand.redrive(per_second=2)
    for _ in range(2):
        stand.give_up(tenant, step(redrives))
        later = stand.dead_letters(tenant, 1)
        stand.let_a_second_pass()

    assert step(redrives) == []
    assert stand.redrive_stands(redrive) == ("done", 4)
    assert len(listed(stand)) == 6
    assert listed(stand)[0] == later[0]


def test_a_redrive_takes_what_it_was_told_to_and_no_more(
    stand: DeliveryStand, redrives: PostgresRedrives
) -> None:
    tenant, other = stand.tenant(), stand.tenant()
    mine = stand.dead_letters(tenant, 2)
    stand.dead_letters(tenant, 2, reason="expired")
    stand.dead_letters(other, 2)
    redrive = stand.redrive(per_second=100, tenant=tenant)
    stand.superuser.execute("UPDATE tillgate.redrive SET reason = 'refused'")

    assert step(redrives) == mine
    assert stand.redrive_stands(redrive) == ("done", 2)
    assert stand.states() == {"gave_up": 4, "pending": 2}


def test_redrives_of_two_tenants_move_in_the_same_second(
    stand: DeliveryStand, redrives: PostgresRedrives
) -> None:
    tenants = [stand.tenant() for _ in range(2)]
    dead = [stand.dead_letters(tenant, 5) for tenant in tenants]
    for tenant in tenants:
        stand.redrive(per_second=3, tenant=tenant)

    assert sorted(step(redrives)) == sorted([*dead[0][:3], *dead[1][:3]])
    stand.let_a_second_pass()
    assert len(step(redrives, at_most=3)) == 3
    stand.let_a_second_pass()
    assert len(step(redrives, at_most=3)) == 1


def test_what_is_redriven_is_pending_anew_and_due_after_the_lease(
    stand: DeliveryStand, redrives: PostgresRedrives
) -> None:
    [one] = stand.dead_letters(stand.tenant(), 1)
    given_up_since = stand.value("SELECT since FROM tillgate.delivery")
    stand.redrive(per_second=1)

    assert step(redrives) == [one]

    row = stand.superuser.execute(
        "SELECT state, since > %s, due_at > now() + interval '5 hours', gave_up_reason"
        " FROM tillgate.delivery",
        (given_up_since,),
    ).fetchone()
    assert row == ("pending", True, True, None)
    with PostgresDueDeliveries(stand.connect("sweep")).claim(at_most=10) as due:
        assert due == []


def test_a_redrive_of_nothing_is_done_at_once(
    stand: DeliveryStand, redrives: PostgresRedrives
) -> None:
    redrive = stand.redrive(per_second=10)

    assert step(redrives) == []
    assert stand.redrive_stands(redrive) == ("done", 0)
