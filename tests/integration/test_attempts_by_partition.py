"""Attempts and duplicates cost the same however much history there is."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.integration.deliveries import DeliveryStand
from tests.integration.events import NOW, event
from tillgate.adapters.postgres.event_store import PostgresEventStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.testdatabase import TestDatabase

DAYS = 60
# A generic plan is taken from the sixth call of a session on.
WARM_CALLS = 8


@pytest.fixture
def stand(database: TestDatabase) -> Iterator[DeliveryStand]:
    with DeliveryStand(database) as made:
        yield made


def settle(stand: DeliveryStand, tenant: str, settled: list[dict[str, object]]) -> None:
    stand.deliver.execute(
        "SELECT tillgate.record_attempts(%s, '[]', %s, NULL, 5, '30 s')",
        (tenant, json.dumps(settled)),
    )


def forget_what_was_read(stand: DeliveryStand) -> None:
    """Count from now on.

    A session hands its counts in a second later at the earliest: what making the partitions
    read would else come after the reset, as if it had been read since.
    """
    stand.superuser.execute("SELECT pg_stat_force_next_flush()")
    stand.superuser.execute("SELECT pg_stat_reset()")


def partitions_read(stand: DeliveryStand) -> int:
    """Count the partitions of which a row or an index was looked at, by all sessions so far."""
    row = stand.superuser.execute(
        "SELECT count(*) FROM pg_stat_user_tables WHERE relname ~ '^(event|delivery|attempt)_2'"
        " AND coalesce(seq_scan, 0) + coalesce(idx_scan, 0) > 0"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_an_attempt_looks_at_its_own_day_only(stand: DeliveryStand) -> None:
    for day in range(1, DAYS):
        stand.superuser.execute(
            "SELECT tillgate.make_partitions((now() AT TIME ZONE 'UTC')::date - %s)", (day,)
        )
    tenant = stand.tenant()
    stand.deliver.execute("SET plan_cache_mode = force_generic_plan")
    ids = stand.accept(tenant, 3)
    forget_what_was_read(stand)
    for _ in range(WARM_CALLS):
        begun = stand.begin(tenant, ids)
        assert begun.event_ids == ids
        stand.deliver.execute(
            "SELECT tillgate.record_attempts(%s, %s, %s, false, 1000000, '30 s')",
            (
                tenant,
                json.dumps([
                    {"event_id": one, "attempt_id": begun.attempt_id, "at": NOW.isoformat(),
                     "outcome": "retry_later", "status": 503, "duration_ms": 1, "reason": "x"}
                    for one in ids
                ]),
                json.dumps([{"event_id": one, "state": "pending"} for one in ids]),
            ),
        )  # fmt: skip
    stand.deliver.execute("SELECT pg_stat_force_next_flush()")
    stand.deliver.execute("SELECT 1")

    assert 0 < partitions_read(stand) <= 6


def test_what_one_worker_gave_up_and_another_delivered_is_delivered(stand: DeliveryStand) -> None:
    tenant = stand.tenant()
    [event_id] = stand.accept(tenant)
    stand.begin(tenant, [event_id])
    settle(stand, tenant, [{"event_id": event_id, "state": "gave_up", "reason": "expired"}])
    settle(stand, tenant, [{"event_id": event_id, "state": "delivered"}])

    assert stand.superuser.execute(
        "SELECT state, due_at, gave_up_reason FROM tillgate.delivery WHERE tenant_id = %s",
        (tenant,),
    ).fetchall() == [("delivered", None, None)]


def test_what_got_a_destination_meanwhile_is_not_given_up_for_want_of_one(
    stand: DeliveryStand,
) -> None:
    tenant = stand.tenant()
    [event_id] = stand.accept(tenant)
    gave_up: dict[str, object] = {"event_id": event_id, "state": "gave_up"}

    settle(stand, tenant, [{**gave_up, "reason": "no-destination"}])
    settle(stand, tenant, [{**gave_up, "reason": "expired", "since": "2020-01-01T00:00:00Z"}])
    [(state,)] = stand.superuser.execute(
        "SELECT state FROM tillgate.delivery WHERE tenant_id = %s", (tenant,)
    ).fetchall()
    assert state == "pending"

    stand.superuser.execute("DELETE FROM tillgate.destination WHERE tenant_id = %s", (tenant,))
    settle(stand, tenant, [{**gave_up, "reason": "no-destination"}])
    [(state,)] = stand.superuser.execute(
        "SELECT state FROM tillgate.delivery WHERE tenant_id = %s", (tenant,)
    ).fetchall()
    assert state == "gave_up"


def test_when_it_was_first_tried_is_told(stand: DeliveryStand) -> None:
    tenant = stand.tenant()
    ids = stand.accept(tenant, 2)
    first = stand.begin(tenant, ids[:1], at="2026-11-23T10:00:00Z")
    second = stand.begin(tenant, ids, at="2026-11-23T11:00:00Z")

    assert [one["tried_since"] for one in first.answer["events"]] == [None]
    assert [one["tried_since"] for one in second.answer["events"]] == [
        "2026-11-23T10:00:00+00:00",
        None,
    ]


def test_a_duplicate_is_found_without_reading_the_tenants_other_keys(
    stand: DeliveryStand,
) -> None:
    tenant = stand.tenant(has_destination=False)
    stand.superuser.execute(
        "INSERT INTO tillgate.ingest_key (tenant_id, key, fingerprint, event_id, received_at,"
        " stored_at) SELECT %s, 'api:' || n, decode(repeat('00', 32), 'hex'),"
        " gen_random_uuid(), now(), now() FROM generate_series(1, 20000) AS n",
        (tenant,),
    )
    ingest = stand.connect("ingest")
    events = PostgresEventStore(ingest, within_seconds=10)
    new = event(uuid.uuid4().hex)
    events.accept(tenant, [new], received_at=NOW)
    forget_what_was_read(stand)
    for _ in range(WARM_CALLS):
        [again] = events.accept(tenant, [new], received_at=NOW)
        assert again.outcome == "duplicate"
    ingest.rows("SELECT pg_stat_force_next_flush()", (), within_seconds=5)
    ingest.rows("SELECT 1", (), within_seconds=5)
    [(seen,)] = stand.superuser.execute(
        "SELECT coalesce(idx_tup_fetch, 0) + seq_tup_read FROM pg_stat_user_tables"
        " WHERE relname = 'ingest_key'"
    ).fetchall()

    # No test of others is to find keys without events.
    stand.superuser.execute(
        "DELETE FROM tillgate.ingest_key WHERE tenant_id = %s AND key <> %s", (tenant, new.key)
    )

    assert WARM_CALLS <= seen < WARM_CALLS * 10
