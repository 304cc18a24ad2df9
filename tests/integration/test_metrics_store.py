"""Increments of many sandboxes in a real database: each counts once, and none goes down."""

from __future__ import annotations

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.integration.polling import until
from tests.integration.testdatabase import migrate, scratch_database
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.metrics import PostgresMetrics
from tillgate.domain.metrics import DELIVERIES, Recorder
from tillgate.services.metering import Meter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.local.postgres import EmbeddedPostgres
    from tests.integration.testdatabase import Connection, TestDatabase

SANDBOXES = 4
FLUSHES = 150
WITHIN_SECONDS = 0.5
DELIVERED = "deliveries_total|supabase|delivered"
ROLES = ("ingest", "accept", "api", "deliver")


@pytest.fixture(scope="module")
def counted(server: EmbeddedPostgres) -> Iterator[TestDatabase]:
    """A database whose totals are these tests' own; each names series of its own."""
    with scratch_database(server, f"t{uuid.uuid4().hex}") as made:
        migrate(made)
        yield made


def add(connection: Connection, sandbox: uuid.UUID, seq: int, **deltas: int) -> bool:
    row = connection.execute(
        "SELECT tillgate.metrics_add(%s, %s, %s::jsonb)", (sandbox, seq, json.dumps(deltas))
    ).fetchone()
    assert row is not None
    return bool(row[0])


def fold(connection: Connection, *, age: str = "0", at_most: int = 10_000) -> int:
    row = connection.execute(
        "SELECT tillgate.metrics_fold(%s::interval, %s)", (age, at_most)
    ).fetchone()
    assert row is not None
    return int(row[0])


def series(connection: Connection) -> dict[str, int]:
    row = connection.execute("SELECT tillgate.metrics_read()").fetchone()
    assert row is not None
    read: dict[str, int] = row[0]["series"]
    return read


def test_a_repeated_flush_counts_once_before_and_after_it_was_folded(
    counted: TestDatabase,
) -> None:
    sandbox = uuid.uuid4()
    with (
        counted.as_role("ingest") as ingest,
        counted.as_role("sweep") as sweep,
        counted.as_role("health") as health,
    ):
        assert add(ingest, sandbox, 1, repeated=3)
        assert not add(ingest, sandbox, 1, repeated=3)
        assert series(health)["repeated"] == 3
        assert fold(sweep) >= 1
        assert not add(ingest, sandbox, 1, repeated=3)
        assert fold(sweep) == 0
        assert series(health)["repeated"] == 3


def test_a_flush_whose_answer_was_lost_counts_once(counted: TestDatabase) -> None:
    sandbox = uuid.uuid4()
    with counted.as_role("ingest") as first, counted.as_role("ingest") as second:
        first.execute("BEGIN")
        assert add(first, sandbox, 1, lost=5)
        with ThreadPoolExecutor(1) as beside:
            # It waits for the first, of which its sender knows no more than that it was sent.
            repeat = beside.submit(add, second, sandbox, 1, lost=5)
            first.execute("COMMIT")
            assert repeat.result() is False
    with counted.as_role("health") as health:
        assert series(health)["lost"] == 5


def test_a_flush_that_is_committed_after_its_deadline_counts_once(counted: TestDatabase) -> None:
    database = Database(lambda: counted.url("ingest"), max_uses=1_000)
    meter = Meter(
        Recorder(), PostgresMetrics(database, within_seconds=WITHIN_SECONDS), clock=lambda: 0.0
    )
    database.connect(within_seconds=10)
    with counted.superuser() as other:
        before = series(other).get(DELIVERED, 0)
        with other.transaction():
            other.execute("LOCK TABLE tillgate.metric_increment IN EXCLUSIVE MODE")
            meter.recorder.count(DELIVERIES, "supabase", "delivered", by=7)
            assert not meter.flush()
        # Nobody waits for its answer any more, and the server does as it was told.
        until(lambda: series(other).get(DELIVERED, 0) == before + 7, what="it is committed")
        meter.recorder.count(DELIVERIES, "supabase", "delivered", by=2)
        until(meter.flush, what="the database answers in time")
        assert series(other)[DELIVERED] == before + 9
    database.close()


def test_no_counter_goes_down_while_it_is_folded_and_added_to(counted: TestDatabase) -> None:
    done = threading.Event()

    def flush(role: str) -> None:
        sandbox = uuid.uuid4()
        with counted.as_role(role) as connection:
            for seq in range(FLUSHES):
                add(connection, sandbox, seq, rising=1, also=2)

    def keep_folding() -> int:
        with counted.as_role("sweep") as sweep:
            folded = 0
            while not done.is_set():
                folded += fold(sweep, at_most=7)
            return folded

    def keep_reading() -> list[int]:
        read = []
        with counted.as_role("health") as health:
            while not done.is_set():
                read.append(series(health).get("rising", 0))
        return read

    with ThreadPoolExecutor(SANDBOXES + 3) as pool:
        folds = [pool.submit(keep_folding) for _ in range(2)]
        reader = pool.submit(keep_reading)
        try:
            flushes = [pool.submit(flush, role) for role in ROLES]
            for flushing in flushes:
                flushing.result()
        finally:
            done.set()
        assert sum(folding.result() for folding in folds) > 0
        read = reader.result()
    assert read == sorted(read)
    assert len(set(read)) > 1
    with counted.as_role("health") as health:
        assert series(health)["rising"] == SANDBOXES * FLUSHES
        assert series(health)["also"] == 2 * SANDBOXES * FLUSHES


def test_a_sandboxs_newest_flush_is_known_for_a_day_and_the_others_for_an_hour(
    counted: TestDatabase,
) -> None:
    sandbox = uuid.uuid4()
    with (
        counted.as_role("ingest") as ingest,
        counted.as_role("sweep") as sweep,
        counted.superuser() as superuser,
    ):
        for seq in (1, 2, 3):
            add(ingest, sandbox, seq, kept=1)
        fold(sweep)

        def left_after(age: str) -> list[int]:
            superuser.execute(
                "UPDATE tillgate.metric_increment SET at = now() - %s::interval"
                " WHERE sandbox_id = %s",
                (age, sandbox),
            )
            fold(sweep)
            return [
                seq
                for (seq,) in superuser.execute(
                    "SELECT seq FROM tillgate.metric_increment WHERE sandbox_id = %s ORDER BY seq",
                    (sandbox,),
                )
            ]

        assert left_after("59 minutes") == [1, 2, 3]
        assert left_after("61 minutes") == [3]
        assert left_after("23 hours") == [3]
        assert left_after("25 hours") == []
    with counted.as_role("health") as health:
        assert series(health)["kept"] == 3


def test_what_is_young_is_not_folded_yet(counted: TestDatabase) -> None:
    with counted.as_role("ingest") as ingest, counted.as_role("sweep") as sweep:
        fold(sweep)
        add(ingest, uuid.uuid4(), 1, young=1)
        assert fold(sweep, age="1 minute") == 0
        assert fold(sweep, age="0") == 1


def test_connections_are_counted_by_role(counted: TestDatabase) -> None:
    with (
        counted.as_role("health") as health,
        counted.as_role("deliver"),
        counted.as_role("deliver"),
    ):
        row = health.execute("SELECT tillgate.metrics_read()").fetchone()
    assert row is not None
    assert row[0]["connections"] == {"health": 1, "deliver": 2}
