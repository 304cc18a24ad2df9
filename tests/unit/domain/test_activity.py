from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tillgate.domain.activity import (
    COLUMN_OF,
    COLUMNS,
    PLATFORM,
    Activity,
    ActivityIncrement,
)
from tillgate.domain.metrics import INGEST_EVENTS, Recorder
from tillgate.domain.tenant import SourceId, TenantId

ONE, TWO = TenantId("tenant-one"), TenantId("tenant-two")
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def test_a_tenants_request_is_its_own_and_the_platforms() -> None:
    activity = Activity()
    activity.request(ONE, 201, {"stored": 1}, seconds=0.0007, database_seconds=0.0005)
    activity.request(ONE, 422, {"conflict": 1}, seconds=0.002, database_seconds=0.0)
    activity.request(TWO, 503, {}, seconds=40.0, database_seconds=1.0)

    one = {
        "requests": 2, "client_errors": 1, "events": 1, "conflicts": 1, "handler_us": 2_700,
        "database_us": 500, "latency_1": 1, "latency_2": 1,
    }  # fmt: skip
    two = {
        "requests": 1, "server_errors": 1, "handler_us": 40_000_000, "database_us": 1_000_000,
        "latency_15": 1,
    }  # fmt: skip
    both = {
        "requests": 3, "server_errors": 1, "client_errors": 1, "events": 1, "conflicts": 1,
        "handler_us": 40_002_700, "database_us": 1_000_500, "latency_1": 1, "latency_2": 1,
        "latency_15": 1,
    }  # fmt: skip
    assert activity.increment().tenants == {ONE: one, TWO: two, PLATFORM: both}


def test_a_request_of_nobody_is_the_platforms_alone() -> None:
    activity = Activity()
    activity.request(None, 401, {}, seconds=0.001, database_seconds=0.0)

    assert activity.increment().tenants == {
        PLATFORM: {
            "requests": 1, "client_errors": 1, "handler_us": 1_000, "latency_1": 1,
        }
    }  # fmt: skip


def test_a_request_of_many_is_one_of_each_and_its_time_is_split_by_events() -> None:
    activity = Activity()
    # Five items, one of them of a merchant that nobody knows.
    activity.request(
        None,
        200,
        {"stored": 3, "duplicate": 1, "quarantined": 1},
        shares={ONE: {"stored": 2, "duplicate": 1}, TWO: {"stored": 1}},
        seconds=0.010,
        database_seconds=0.005,
    )

    tenants = activity.increment().tenants
    assert tenants == {
        ONE: {
            "requests": 1, "events": 2, "duplicates": 1, "handler_us": 6_000,
            "database_us": 3_000, "latency_4": 1,
        },
        TWO: {
            "requests": 1, "events": 1, "handler_us": 2_000, "database_us": 1_000,
            "latency_4": 1,
        },
        PLATFORM: {
            "requests": 1, "events": 3, "duplicates": 1, "quarantined": 1, "handler_us": 10_000,
            "database_us": 5_000, "latency_4": 1,
        },
    }  # fmt: skip


def test_what_is_split_never_adds_up_to_more_than_there_was() -> None:
    activity = Activity()
    shares = {TenantId(f"tenant-{n}"): {"stored": 1} for n in range(7)}
    activity.request(
        None, 200, {"stored": 7}, shares=shares, seconds=0.001, database_seconds=0.0005
    )

    tenants = activity.increment().tenants
    parts = [tenants[tenant_id] for tenant_id in shares]
    assert {part["handler_us"] for part in parts} == {142}
    assert {part["database_us"] for part in parts} == {71}


def test_a_hook_of_one_tenant_is_as_any_request_of_its_own() -> None:
    one, other = Activity(), Activity()
    one.request(
        None,
        200,
        {"stored": 2},
        shares={ONE: {"stored": 2}},
        seconds=0.001,
        database_seconds=0.0,
    )
    other.request(ONE, 200, {"stored": 2}, seconds=0.001, database_seconds=0.0)

    assert one.increment() == other.increment()


@pytest.mark.parametrize(
    "shares",
    [
        {ONE: {"stored": 0}},
        {ONE: {"queued": 4}},
        {ONE: {"queued": 4}, TWO: {"stored": 0}},
        {ONE: {}, TWO: {}},
    ],
)
def test_a_request_that_failed_is_an_error_to_each_and_brought_nothing(
    shares: dict[TenantId, dict[str, int]],
) -> None:
    activity = Activity()
    activity.request(None, 503, {}, shares=shares, seconds=0.001, database_seconds=0.0)

    tenants = activity.increment().tenants
    assert tenants.keys() == {*shares, PLATFORM}
    for tenant in tenants.values():
        assert (tenant["requests"], tenant["server_errors"]) == (1, 1)
        assert "events" not in tenant


def test_own_and_shared_requests_of_a_tenant_are_one_sum() -> None:
    activity = Activity()
    activity.request(ONE, 201, {"stored": 1}, seconds=0.001, database_seconds=0.0)
    activity.request(
        None,
        200,
        {"stored": 2},
        shares={ONE: {"stored": 1}, TWO: {"stored": 1}},
        seconds=0.002,
        database_seconds=0.0,
    )

    tenants = activity.increment().tenants
    assert (tenants[ONE]["requests"], tenants[ONE]["handler_us"]) == (2, 2_000)
    assert (tenants[TWO]["requests"], tenants[TWO]["handler_us"]) == (1, 1_000)
    assert (tenants[PLATFORM]["requests"], tenants[PLATFORM]["handler_us"]) == (2, 3_000)


def test_a_message_adds_time_and_no_request() -> None:
    activity = Activity()
    activity.work(ONE, {}, seconds=0.5, database_seconds=0.25)
    activity.work(None, {}, seconds=0.5, database_seconds=0.0)
    activity.work(
        None,
        {"stored": 4},
        shares={ONE: {"stored": 1}, TWO: {"stored": 2}},
        seconds=1.0,
        database_seconds=0.0,
    )

    assert activity.increment().tenants == {
        ONE: {"handler_us": 750_000, "database_us": 250_000},
        TWO: {"handler_us": 500_000},
        PLATFORM: {"handler_us": 2_000_000, "database_us": 250_000},
    }


def test_a_source_was_heard_when_its_newest_came() -> None:
    activity = Activity()
    for seconds in (1, 3, 2):
        at = NOW + timedelta(seconds=seconds)
        heard = {SourceId("s"): at, SourceId(f"s-{seconds}"): at}
        activity.work(None, {}, heard=heard, seconds=0.0, database_seconds=0.0)

    start = round(NOW.timestamp() * 1000)
    assert activity.increment().sources == {
        "s": start + 3_000, "s-1": start + 1_000, "s-2": start + 2_000, "s-3": start + 3_000,
    }  # fmt: skip


def test_a_clock_that_was_set_back_makes_no_sum_fall() -> None:
    activity = Activity()
    activity.request(ONE, 201, {}, seconds=-3.0, database_seconds=0.0)

    assert "handler_us" not in activity.increment().tenants[ONE]


def test_every_outcome_that_is_counted_has_its_column() -> None:
    [_, outcome] = INGEST_EVENTS.labels

    assert frozenset(COLUMN_OF) == outcome.values
    assert {COLUMNS[place] for place in COLUMN_OF.values()} == {
        "events", "duplicates", "conflicts", "rejected", "quarantined",
    }  # fmt: skip


def test_a_flush_carries_it_once() -> None:
    recorder = Recorder()
    recorder.activity.request(ONE, 201, {"stored": 1}, seconds=0.001, database_seconds=0.0)
    first = recorder.unflushed()
    assert first is not None
    assert first.activity is not None
    recorder.activity.request(TWO, 201, {"stored": 1}, seconds=0.001, database_seconds=0.0)

    assert recorder.unflushed() is first
    recorder.stored(first)
    second = recorder.unflushed()

    assert second is not None
    assert isinstance(second.activity, ActivityIncrement)
    assert second.activity.tenants.keys() == {TWO, PLATFORM}
    recorder.stored(second)
    assert recorder.unflushed() is None


def test_what_names_no_tenant_is_flushed_without_activity() -> None:
    recorder = Recorder()
    recorder.waited(0.001)

    increment = recorder.unflushed()

    assert increment is not None
    assert increment.activity is None
    assert recorder.database_seconds == 0.001
    recorder.begin()
    assert recorder.database_seconds == 0.0
