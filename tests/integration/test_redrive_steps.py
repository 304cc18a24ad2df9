"""Where a redrive's steps begin, and when what they moved may be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.deliveries import DeliveryStand
from tests.integration.polling import until
from tests.integration.sessions import count_at_once
from tillgate.adapters.postgres.due_deliveries import (
    REDRIVE_DELAY_SECONDS,
    WITHIN_SECONDS,
    PostgresRedrives,
)
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


def step(redrives: PostgresRedrives) -> list[str]:
    with redrives.claim(at_most=1_000) as deliveries:
        return sorted(one.event_id for one in deliveries)


def step_that_fails(redrives: PostgresRedrives) -> None:
    with redrives.claim(at_most=100) as deliveries:
        assert len(deliveries) == 3
        raise QueueUnavailableError("down")


def test_what_is_given_up_again_stands_behind_a_step_and_is_not_looked_at(
    stand: DeliveryStand, redrives: PostgresRedrives
) -> None:
    tenant = stand.tenant()
    dead = stand.dead_letters(tenant, 6)
    redrive = stand.redrive(per_second=2)

    for n in (2, 4):
        stand.give_up(tenant, step(redrives))
        assert stand.value("SELECT next_event_id::text FROM tillgate.redrive") == dead[n]
        stand.let_a_second_pass()
    # Even one that would fit: a worker that began before may give it up so.
    stand.superuser.execute("UPDATE tillgate.delivery SET since = since - interval '1 hour'")

    assert step(redrives) == dead[4:]
    assert stand.redrive_stands(redrive) == ("done", 6)
    assert stand.states() == {"gave_up": 4, "pending": 2}


def test_a_step_that_was_not_queued_leaves_the_redrive_where_it_was(
    stand: DeliveryStand, redrives: PostgresRedrives
) -> None:
    dead = stand.dead_letters(stand.tenant(), 5)
    stand.redrive(per_second=3)

    with pytest.raises(QueueUnavailableError):
        step_that_fails(redrives)

    assert stand.value("SELECT next_event_id FROM tillgate.redrive") is None
    assert step(redrives) == dead[:3]


def test_what_is_held_is_where_the_next_step_begins(
    stand: DeliveryStand, redrives: PostgresRedrives
) -> None:
    dead = stand.dead_letters(stand.tenant(), 4)
    redrive = stand.redrive(per_second=2)

    with stand.database.superuser() as other, other.transaction():
        other.execute("SELECT FROM tillgate.delivery WHERE event_id = %s FOR UPDATE", (dead[0],))
        assert step(redrives) == dead[1:3]
    stand.let_a_second_pass()

    assert step(redrives) == [dead[0], dead[3]]
    assert stand.redrive_stands(redrive) == ("done", 4)


def test_a_step_reads_none_of_what_is_behind_it(
    stand: DeliveryStand, redrives: PostgresRedrives
) -> None:
    tenant = stand.tenant()
    stand.dead_letters(tenant, 20)
    stand.redrive(per_second=10)
    step(redrives)
    # Twenty thousand that were moved before, and given up again.
    stand.superuser.execute(
        "INSERT INTO tillgate.delivery (tenant_id, event_id, state, since, gave_up_reason)"
        " SELECT %s, tillgate.new_event_id(now() - interval '1 minute'), 'gave_up', now(), 'again'"
        " FROM generate_series(1, 20000)",
        (tenant,),
    )
    stand.superuser.execute("ANALYZE tillgate.delivery")
    stand.let_a_second_pass()

    read_before = rows_read(stand)
    assert len(step(redrives)) == 10

    count_at_once(redrives._database)
    until(lambda: rows_read(stand) > read_before, what="the step is counted")
    assert rows_read(stand) - read_before < 1_000


def rows_read(stand: DeliveryStand) -> int:
    """Give how many rows of deliveries were fetched through an index or by scans."""
    stand.superuser.execute("SELECT pg_stat_clear_snapshot()")
    return int(
        stand.value(
            "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables"
            " WHERE relname LIKE 'delivery%%' AND schemaname = 'tillgate'"
        )
    )


def test_a_worker_that_reads_a_redriven_event_before_the_commit_would_find_nothing(
    stand: DeliveryStand, redrives: PostgresRedrives
) -> None:
    tenant = stand.tenant()
    [one] = stand.dead_letters(tenant, 1)
    stand.redrive(per_second=1)

    with redrives.claim(at_most=10) as deliveries:
        assert [due.event_id for due in deliveries] == [one]
        before = stand.begin(tenant, [one])
    after = stand.begin(tenant, [one])

    assert (before.answer["events"], before.answer["waiting"]) == ([], [])
    assert after.event_ids == [one]


def test_nobody_is_given_a_redriven_event_before_its_commit_is_long_past(
    stand: DeliveryStand,
) -> None:
    with stand.database.as_role("sweep") as sweep:
        row = sweep.execute(
            "SELECT extract(epoch FROM current_setting('idle_in_transaction_session_timeout')"
            "::interval)"
        ).fetchone()
    assert row is not None

    # Nothing is queued before the claim has come back, and the server waits so long after it.
    assert max(float(row[0]), WITHIN_SECONDS) + 5 <= REDRIVE_DELAY_SECONDS
