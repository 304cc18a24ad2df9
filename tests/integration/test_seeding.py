"""A seeded history: as whole as one that was accepted, and taken for it by the adapters."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bench.growing import OPERATIONS
from bench.seeded import opened
from bench.seeding import Seed, seed
from tests.integration.integrity import faults
from tests.integration.testdatabase import migrate, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.seeded import SeededDatabase
    from ops.local.postgres import EmbeddedPostgres

PLAN = Seed(events=1_200, days=3, tenants=10, sparse=60, pending=600, kilobytes=0.1)
UNTIL = datetime.now(UTC)


@pytest.fixture(scope="module")
def made(server: EmbeddedPostgres) -> Iterator[SeededDatabase]:
    """One for all: to make it takes longer than to ask it."""
    with scratch_database(server, "seeding") as database, ExitStack() as stack:
        migrate(database)
        superuser = stack.enter_context(database.superuser())
        seeded = seed(superuser, PLAN, until=UNTIL)
        yield opened(stack, database, seeded)


def test_what_is_seeded_is_whole_and_as_it_was_ordered(made: SeededDatabase) -> None:
    assert faults(made.superuser) == []
    counts = dict(
        made.superuser.execute(
            "SELECT (stored_at AT TIME ZONE 'UTC')::date, count(*) FROM tillgate.event GROUP BY 1"
        ).fetchall()
    )
    today = UNTIL.date()
    assert counts == {today - timedelta(days=back): 400 for back in range(3)}
    assert made.value("SELECT max(stored_at) < %s FROM tillgate.event", UNTIL)
    states = Counter(
        state for (state,) in made.superuser.execute("SELECT state FROM tillgate.delivery")
    )
    assert states == {"pending": 600, "delivered": 598, "gave_up": 2}
    assert made.value("SELECT count(*) FROM tillgate.attempt") == 60


def test_one_tenant_is_large_and_one_has_little_on_every_day(made: SeededDatabase) -> None:
    seeded = made.seeded
    largest = made.value(
        "SELECT tenant_id::text FROM tillgate.event GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
    )
    assert largest == seeded.tenants[0]
    by_day = made.superuser.execute(
        "SELECT count(*) FROM tillgate.event WHERE tenant_id = %s"
        " GROUP BY (stored_at AT TIME ZONE 'UTC')::date",
        (seeded.sparse,),
    ).fetchall()
    assert by_day == [(20,)] * 3


def test_every_operation_that_is_measured_answers_as_it_should(made: SeededDatabase) -> None:
    for operation in OPERATIONS.values():
        calls = operation.calls(made)
        call = next(calls)
        # Each asserts what it is sent: another call says that this one was as it should be.
        for _ in range(2):
            call = calls.send(call())
        assert callable(call)
