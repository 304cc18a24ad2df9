from __future__ import annotations

import json
from typing import Any

import pytest

from tests.watch_fakes import (
    NOW,
    TENANT_ID,
    InMemoryQueueDepths,
    InMemoryWatchStore,
    measured,
    source,
)
from tillgate.domain.slo import Counts
from tillgate.entrypoints.watch import WatchTask
from tillgate.services.watch import Watch

AT_MS = int(NOW.timestamp() * 1000)
DAY = 86_400


def lines(store: InMemoryWatchStore, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Run once; give what was written, the run's own line first."""
    task = WatchTask(
        Watch(store, InMemoryQueueDepths()), stage="test", version="0.2.0", clock=lambda: NOW
    )
    task()
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def metrics(line: dict[str, Any]) -> dict[tuple[str, ...], dict[str, str]]:
    """Read a line as CloudWatch does: units by name, by dimensions, each a member of the line."""
    read: dict[tuple[str, ...], dict[str, str]] = {}
    assert line["_aws"]["Timestamp"] == AT_MS
    for part in line["_aws"]["CloudWatchMetrics"]:
        assert part["Namespace"] == "Tillgate"
        for dimensions in part["Dimensions"]:
            assert all(isinstance(line[name], str) for name in dimensions)
            read[tuple(dimensions)] = {m["Name"]: m["Unit"] for m in part["Metrics"]}
        assert all(isinstance(line[m["Name"]], (int, float)) for m in part["Metrics"])
    return read


def test_a_run_is_one_line_with_the_platforms_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    store = InMemoryWatchStore()
    store.measured = measured(
        dead_letters=7,
        oldest_due_seconds=1.23456,
        secret_age_seconds=90.5 * DAY,
        proofs={
            "backup_verified": NOW.timestamp() - 3_600,
            "drill_rollback": NOW.timestamp() - DAY,
            "drill_restore": NOW.timestamp() - 3 * DAY,
        },
    )

    line = lines(store, capsys)[0]

    assert (line["task"], line["stage"], line["version"]) == ("watch", "test", "0.2.0")
    assert line["outcome"] == "done"
    assert metrics(line) == {
        ("stage",): {
            "database_up": "Count",
            "quiet_sources": "Count",
            "open_tenants": "Count",
            "accept_age_seconds": "Seconds",
            "partitions_days_ahead": "Count",
            "dead_letters": "Count",
            "oldest_pending_seconds": "Seconds",
            "secret_age_days": "None",
            "backup_verified_age_hours": "None",
            "drill_age_days": "None",
        }
    }
    assert (line["database_up"], line["dead_letters"]) == (1, 7)
    assert (line["secret_age_days"], line["backup_verified_age_hours"]) == (90.5, 1)
    assert (line["drill_age_days"], line["oldest_pending_seconds"]) == (3, 1.235)


def test_what_was_never_shown_to_work_is_absent(capsys: pytest.CaptureFixture[str]) -> None:
    [told] = metrics(lines(InMemoryWatchStore(), capsys)[0]).values()

    assert told.keys().isdisjoint({"backup_verified_age_hours", "drill_age_days"})
    assert "secret_age_days" not in told


def test_each_value_of_a_second_dimension_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    store = InMemoryWatchStore()
    store.measured = measured(proofs={"drill_rollback": NOW.timestamp() - DAY})
    store.counts = {"1h": Counts(2_000, 1), "30d": Counts(1_000, 3)}
    found: dict[tuple[str, str], float] = {}
    for line in lines(store, capsys)[1:]:
        [(dimensions, units)] = metrics(line).items()
        [name] = units
        assert dimensions[0] == "stage"
        found[name, line[dimensions[1]]] = line[name]

    assert found == {
        ("queue_messages", "accept"): 0,
        ("queue_messages", "accept-dead-letters"): 0,
        ("queue_messages", "delivery"): 0,
        ("queue_messages", "redrive"): 0,
        ("queue_messages", "delivery-dead-letters"): 0,
        ("database_connections", "ingest"): 3,
        ("database_connections", "watch"): 1,
        ("quarantine_items", "unreadable"): 2,
        ("quarantine_items", "key-conflict"): 0,
        ("drill_age_days", "rollback"): 1,
        ("error_budget_left_ratio", "1h"): 0.5,
        ("error_budget_left_ratio", "30d"): -2,
    }


@pytest.mark.parametrize("method", ["measure", "put_gauges"])
def test_a_database_that_is_down_is_said_with_a_zero(
    method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = InMemoryWatchStore()
    store.is_down = {method}

    line = lines(store, capsys)[0]

    assert line["outcome"] == "database-down"
    assert line["database_up"] == 0
    assert metrics(line)["stage",]["database_up"] == "Count"
    assert line["faults"] == [f"{method.removesuffix('_gauges')}:unavailable"]


def test_who_fell_quiet_is_said_by_name_and_since_when(capsys: pytest.CaptureFixture[str]) -> None:
    store = InMemoryWatchStore()
    store.add(source(1, last_event_at=None), source(2, quiet_since=NOW, heard_at=NOW))
    store.add(source(3, quiet_since=NOW, time_zone=None))

    said = [line for line in lines(store, capsys) if "source" in line]

    assert [(line["outcome"], line["source"][-1]) for line in said] == [
        ("quiet", "1"),
        ("heard", "2"),
        ("unwatched", "3"),
    ]
    assert said[0] == {
        "at": "2026-11-23T12:00:00.000000Z",
        "task": "watch",
        "stage": "test",
        "outcome": "quiet",
        "tenantId": TENANT_ID,
        "source": source(1).source_id,
        "provider": "square",
        "quiet_since": "2026-11-23T10:00:00.000000Z",
        "last_event_at": None,
    }
    assert "_aws" not in said[0]


def test_a_run_that_could_not_judge_all_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    store = InMemoryWatchStore()
    store.add(*(source(n) for n in range(4)))
    left = Watch(store, InMemoryQueueDepths(), is_out_of_time=lambda: store.asked > 0)
    task = WatchTask(left, stage="test", version="0.2.0", clock=lambda: NOW)

    for _ in range(2):
        task()
        store.asked = -1
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    runs = [line for line in said if "queues" in line]
    assert [line.get("is_silence_left", False) for line in runs] == [True, False]
