"""Cancelling a redrive: at once, whatever its step is at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.deliveries import DeliveryStand
from tillgate.adapters.postgres.dead_letters import PostgresDeadLetters
from tillgate.adapters.postgres.due_deliveries import PostgresRedrives
from tillgate.domain.dead_letters import RedriveState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.testdatabase import TestDatabase

# Below the operator's deadline; a step's is eight seconds.
CANCEL_SECONDS = 0.8


@pytest.fixture
def stand(own_database: TestDatabase) -> Iterator[DeliveryStand]:
    with DeliveryStand(own_database) as made:
        yield made


@pytest.fixture
def redrives(stand: DeliveryStand) -> PostgresRedrives:
    return PostgresRedrives(stand.connect("sweep"))


@pytest.fixture
def office(stand: DeliveryStand) -> PostgresDeadLetters:
    return PostgresDeadLetters(stand.connect("admin"), within_seconds=CANCEL_SECONDS)


def step(redrives: PostgresRedrives) -> list[str]:
    with redrives.claim(at_most=1_000) as deliveries:
        return sorted(one.event_id for one in deliveries)


def test_cancelling_does_not_wait_for_a_step_which_ends_as_it_is(
    stand: DeliveryStand, redrives: PostgresRedrives, office: PostgresDeadLetters
) -> None:
    stand.dead_letters(stand.tenant(), 5)
    redrive = stand.redrive(per_second=2)

    with redrives.claim(at_most=10) as deliveries:
        assert len(deliveries) == 2
        during = office.cancel_redrive(redrive)
    after = office.redrive(redrive)
    stand.let_a_second_pass()

    assert during is not None
    assert after is not None
    assert (during.state, during.moved, during.left) == (RedriveState.CANCELLED, 0, 5)
    assert (after.state, after.moved, after.left) == (RedriveState.CANCELLED, 2, 3)
    assert during.ended_at == after.ended_at is not None
    assert step(redrives) == []
    assert office.cancel_redrive(redrive) == after


def test_a_redrive_that_was_cancelled_in_its_last_step_stays_cancelled(
    stand: DeliveryStand, redrives: PostgresRedrives, office: PostgresDeadLetters
) -> None:
    stand.dead_letters(stand.tenant(), 2)
    redrive = stand.redrive(per_second=10)

    with redrives.claim(at_most=10):
        office.cancel_redrive(redrive)
    cancelled = office.redrive(redrive)

    assert cancelled is not None
    assert (cancelled.state, cancelled.moved, cancelled.left) == (RedriveState.CANCELLED, 2, 0)


def test_what_is_done_can_no_more_be_cancelled(
    stand: DeliveryStand, redrives: PostgresRedrives, office: PostgresDeadLetters
) -> None:
    redrive = stand.redrive(per_second=10)
    assert step(redrives) == []

    done = office.cancel_redrive(redrive)

    assert done is not None
    assert (done.state, done) == (RedriveState.DONE, office.redrive(redrive))


def test_another_redrive_goes_on_beside_a_cancelled_one(
    stand: DeliveryStand, redrives: PostgresRedrives, office: PostgresDeadLetters
) -> None:
    mine, others = stand.tenant(), stand.tenant()
    stand.dead_letters(mine, 3)
    dead = stand.dead_letters(others, 3)
    office.cancel_redrive(stand.redrive(per_second=10, tenant=mine))
    stand.redrive(per_second=10, tenant=others)

    assert step(redrives) == sorted(dead)


def test_code_of_before_cancels_as_well(
    stand: DeliveryStand, redrives: PostgresRedrives, office: PostgresDeadLetters
) -> None:
    stand.dead_letters(stand.tenant(), 5)
    redrive = stand.redrive(per_second=2)
    # While a deploy is under way.
    stand.admin.execute(
        "UPDATE tillgate.redrive SET state = 'cancelled', ended_at = now()"
        " WHERE redrive_id = %s AND state = 'running'",
        (redrive,),
    )

    cancelled = office.cancel_redrive(redrive)

    assert step(redrives) == []
    assert cancelled is not None
    assert (cancelled.state, cancelled.moved) == (RedriveState.CANCELLED, 0)
