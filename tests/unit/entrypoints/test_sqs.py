"""Batches of the accept queue: what is stored, what comes again, what is buried, what is said."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.fakes import InMemoryMetrics
from tests.unit.entrypoints.queue_worker import CANARY, NOW, Lines, ScriptedBacklog, Worker
from tillgate.domain.activity import PLATFORM
from tillgate.domain.errors import (
    BadMessageError,
    ObjectsUnavailableError,
    SealBrokenError,
    SecretUnavailableError,
    StoreUnavailableError,
)
from tillgate.domain.metrics import Recorder
from tillgate.domain.queued import LONGEST_UNTRIED_SECONDS, MAX_OWN_FAILURES, retry_seconds
from tillgate.domain.tenant import SourceId, TenantId
from tillgate.domain.trace import Trace
from tillgate.services.hook_items import Tally
from tillgate.services.metering import Meter

if TYPE_CHECKING:
    from tillgate.domain.queued import QueuedMessage


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    return Lines(capsys)


def test_a_batch_is_stored_in_its_order(lines: Lines) -> None:
    worker = Worker()

    assert worker.run("a", "b", "hook-c") == []
    assert worker.accepted == ["a", "b", "hook-c"]
    assert (worker.backlog.hidden, worker.backlog.buried) == ([], [])
    assert lines.outcomes() == ["done"] * 3


def test_an_empty_batch_is_nothing(lines: Lines) -> None:
    assert Worker().run() == []
    assert lines() == []


def test_what_fails_alone_is_reported_alone_and_hidden_by_its_own_count(lines: Lines) -> None:
    worker = Worker(opening={name: ObjectsUnavailableError(CANARY) for name in "bd"})
    records = [worker.record(name, received=n) for n, name in enumerate("abcd", start=1)]

    assert worker.failures({"Records": records}) == ["id-b", "id-d"]
    assert worker.accepted == ["a", "c"]
    assert worker.backlog.hidden == [
        [("receipt-b", retry_seconds(2)), ("receipt-d", retry_seconds(4))]
    ]
    assert lines.outcomes() == ["done", "later", "done", "later"]


@pytest.mark.parametrize("error", [StoreUnavailableError, SecretUnavailableError])
@pytest.mark.parametrize("when", ["opening", "accepting"])
def test_after_the_database_is_down_the_rest_is_not_touched(
    lines: Lines, error: type[Exception], when: str
) -> None:
    worker = Worker()
    getattr(worker, when)["b"] = error(CANARY)

    assert worker.run("a", "b", "c", "d", received=7) == ["id-b", "id-c", "id-d"]
    assert worker.opened == ["a", "b"]
    assert worker.accepted == ["a"]
    [hidden] = worker.backlog.hidden
    assert hidden == [
        ("receipt-b", retry_seconds(7)),
        ("receipt-c", LONGEST_UNTRIED_SECONDS),
        ("receipt-d", LONGEST_UNTRIED_SECONDS),
    ]
    assert lines.outcomes() == ["done", "later", "untried", "untried"]


def test_a_secret_that_does_not_open_is_no_neighbour_s_trouble(lines: Lines) -> None:
    worker = Worker(accepting={"hook-a": SealBrokenError(CANARY)})

    assert worker.run("hook-a", "b") == ["id-hook-a"]
    assert worker.accepted == ["b"]
    assert lines.outcomes() == ["later", "done"]


def test_the_next_batch_begins_with_the_database_thought_up(lines: Lines) -> None:
    worker = Worker(accepting={"a": StoreUnavailableError("down")})
    assert worker.run("a", "b") == ["id-a", "id-b"]
    worker.accepting.clear()

    assert worker.run("a", "b") == []
    assert lines.outcomes() == ["later", "untried", "done", "done"]


def test_when_the_batch_s_time_is_over_the_rest_is_left_for_later(lines: Lines) -> None:
    worker = Worker(batch_seconds=0.05, accept_seconds=0.06)

    assert worker.run("a", "b", "c", received=3) == ["id-b", "id-c"]
    assert worker.opened == ["a"]
    assert worker.backlog.hidden == [
        [("receipt-b", retry_seconds(3)), ("receipt-c", retry_seconds(3))]
    ]
    assert lines.outcomes() == ["done", "untried", "untried"]


@pytest.mark.parametrize("reason", ["seal-broken", "claim-expired", "unreadable"])
def test_a_bad_message_is_buried_at_once_with_its_reason(lines: Lines, reason: str) -> None:
    worker = Worker(opening={"b": BadMessageError(reason)})

    assert worker.run("a", "b", "c") == []
    assert worker.accepted == ["a", "c"]
    assert worker.backlog.buried == [("b", reason, "id-b", 1)]
    assert worker.backlog.hidden == []
    assert [line.get("reason") for line in lines()] == [None, reason, None]


def test_a_bad_message_that_cannot_be_buried_comes_again(lines: Lines) -> None:
    worker = Worker(
        opening={"b": BadMessageError("unreadable")}, backlog=ScriptedBacklog(cannot_bury=True)
    )

    assert worker.run("a", "b", "c") == ["id-b"]
    assert worker.accepted == ["a", "c"]
    assert worker.backlog.hidden == [[("receipt-b", retry_seconds(1))]]
    line = lines()[1]
    assert (line["outcome"], line["reason"]) == ("later", "unreadable")
    assert line["error"][0].startswith("tillgate.domain.errors.QueueUnavailableError at ")


@pytest.mark.parametrize("when", ["opening", "accepting"])
@pytest.mark.parametrize("received", [1, MAX_OWN_FAILURES - 1])
def test_what_nobody_foresaw_comes_again(lines: Lines, when: str, received: int) -> None:
    worker = Worker()
    getattr(worker, when)["b"] = RuntimeError(CANARY)

    assert worker.run("a", "b", "c", received=received) == ["id-b"]
    assert worker.accepted == ["a", "c"]
    assert worker.backlog.buried == []
    line = lines()[1]
    assert line["outcome"] == "later"
    assert line["error"][0].startswith("builtins.RuntimeError at queue_worker.py:")


@pytest.mark.parametrize("received", [MAX_OWN_FAILURES, MAX_OWN_FAILURES + 50])
def test_what_nobody_foresaw_is_buried_at_last(lines: Lines, received: int) -> None:
    worker = Worker(accepting={"b": KeyError(CANARY)})

    assert worker.run("a", "b", "c", received=received) == []
    assert worker.backlog.buried == [("b", "KeyError", "id-b", received)]
    assert lines.outcomes() == ["done", "buried", "done"]


def test_what_nobody_foresaw_and_cannot_be_buried_comes_again(lines: Lines) -> None:
    worker = Worker(accepting={"b": KeyError(CANARY)}, backlog=ScriptedBacklog(cannot_bury=True))

    assert worker.run("b", received=MAX_OWN_FAILURES) == ["id-b"]
    assert lines.outcomes() == ["later"]


@pytest.mark.parametrize("received", [MAX_OWN_FAILURES, 999])
def test_an_outage_of_any_length_buries_nothing(lines: Lines, received: int) -> None:
    worker = Worker(accepting={"a": StoreUnavailableError("down")})

    assert worker.run("a", received=received) == ["id-a"]
    assert worker.backlog.buried == []
    assert worker.backlog.hidden == [[("receipt-a", 900)]]
    assert lines.outcomes() == ["later"]


def test_what_cannot_be_hidden_is_still_reported(lines: Lines) -> None:
    worker = Worker(
        accepting={"a": StoreUnavailableError("down")}, backlog=ScriptedBacklog(cannot_hide=True)
    )

    assert worker.run("a", "b") == ["id-a", "id-b"]
    *messages, batch = lines()
    assert [line["outcome"] for line in messages] == ["later", "untried"]
    assert (batch["outcome"], batch["messages"], batch["not_hidden"]) == ("not-hidden", 2, 2)


def test_what_was_not_tried_did_not_wait_for_the_database(lines: Lines) -> None:
    meter = Meter(Recorder(), InMemoryMetrics(), clock=lambda: 0.0)

    class Waiting(Worker):
        def _accept(self, message: QueuedMessage) -> Tally:
            meter.recorder.waited(0.0125)
            return super()._accept(message)

    worker = Waiting(
        accepting={"a": StoreUnavailableError("down")},
        backlog=ScriptedBacklog(fails_to_hide=1),
        meter=meter,
    )
    worker.run("a", "b")

    told = [(line["outcome"], line["database_ms"]) for line in lines()]
    assert told == [("later", 12.5), ("untried", None), ("not-hidden", None)]


def test_how_many_could_not_be_hidden_is_said(lines: Lines) -> None:
    worker = Worker(
        accepting={"a": StoreUnavailableError("down")}, backlog=ScriptedBacklog(fails_to_hide=2)
    )

    assert worker.run("a", "b", "c") == ["id-a", "id-b", "id-c"]
    *messages, batch = lines()
    assert [line["outcome"] for line in messages] == ["later", "untried", "untried"]
    assert (batch["outcome"], batch["messages"], batch["not_hidden"]) == ("not-hidden", 3, 2)
    assert "error" not in batch


@pytest.mark.parametrize(
    ("received", "seconds"), [(1, 5), (4, 40), (5, LONGEST_UNTRIED_SECONDS), (60, 60)]
)
def test_who_was_not_tried_waits_as_the_one_that_was_and_a_minute_at_most(
    lines: Lines, received: int, seconds: int
) -> None:
    worker = Worker(accepting={"a": StoreUnavailableError("down")})
    tried = worker.record("a", received=received)
    untried = [worker.record("b"), worker.record("c", received=200)]

    assert worker.failures({"Records": [tried, *untried]}) == ["id-a", "id-b", "id-c"]
    assert worker.backlog.hidden == [
        [
            ("receipt-a", retry_seconds(received)),
            ("receipt-b", seconds),
            ("receipt-c", seconds),
        ]
    ]
    assert lines.outcomes() == ["later", "untried", "untried"]


def test_a_line_of_events_says_what_became_of_them(lines: Lines) -> None:
    tally = Tally(accepted=3, duplicates=2, quarantined=1, tenant_ids={TenantId("t")})
    Worker(tally=tally).run("rid-1", received=4)

    [line] = lines()
    latency, at, sandbox = line.pop("latency_ms"), line.pop("at"), line.pop("sandbox")
    trace_id = line.pop("trace_id")
    assert line == {
        "task": "accept", "tenantId": "t", "version": "0.2.0", "stage": "test",
        "function": "accept", "path": "accept", "route": "SQS accept", "status": None,
        "database_ms": None, "cold_start": True, "provider": None,
        "outcome": "done", "message": "id-rid-1", "received": 4, "rid": "rid-1",
        "target": "database", "attempts": 1, "retries": 0,
        "accepted": 3, "duplicates": 2, "quarantined": 1,
    }  # fmt: skip
    assert latency >= 0
    assert datetime.fromisoformat(at).tzinfo is not None
    assert sandbox
    assert len(trace_id) == 32


def test_a_message_s_line_has_the_trace_of_the_request_that_it_came_from(lines: Lines) -> None:
    Worker(trace=Trace("ab" * 16)).run("a", "hook-b")

    assert [line["trace_id"] for line in lines()] == ["ab" * 16] * 2


def test_messages_without_a_trace_have_the_invocation_s(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
    Worker(opening={"b": BadMessageError("unreadable")}).run("a", "b")

    assert {line["trace_id"] for line in lines()} == {"5759e988bd862e3fe1be46a994272793"}


def test_what_could_not_be_opened_is_known_by_its_message_s_id(lines: Lines) -> None:
    Worker(opening={"b": BadMessageError("unreadable")}).run("b")

    [line] = lines()
    assert (line["rid"], line["tenantId"], line["outcome"]) == ("id-b", None, "buried")


def test_only_a_sandbox_s_first_line_is_a_cold_start(lines: Lines) -> None:
    worker = Worker()
    worker.run("a", "b")
    worker.run("c")

    assert [line["cold_start"] for line in lines()] == [True, False, False]


def test_a_message_that_has_to_come_again_is_one_more_retry(lines: Lines) -> None:
    worker = Worker(accepting={"a": StoreUnavailableError("down")})
    worker.run("a", "b")

    tried, untried = lines()
    assert (tried["target"], tried["attempts"], tried["retries"]) == ("database", 1, 1)
    assert "attempts" not in untried


def test_a_line_of_a_hook_names_its_provider(lines: Lines) -> None:
    Worker().run("hook-1")

    [line] = lines()
    assert (line["provider"], line["rid"]) == ("square", "hook-1")


def test_every_line_of_a_sandbox_names_it(lines: Lines) -> None:
    worker = Worker()
    worker.run("a", "b")
    worker.run("c")

    assert len({line["sandbox"] for line in lines()}) == 1


def test_the_time_that_messages_take_is_their_tenants() -> None:
    metrics = InMemoryMetrics()
    meter = Meter(Recorder(), metrics, clock=lambda: 0.0)
    one, two, source = TenantId("one"), TenantId("two"), SourceId("source")
    tally = Tally(accepted=1, tenant_ids={TenantId("t")})
    worker = Worker(tally=tally, meter=meter, accept_seconds=0.01)
    worker.run("rid-1")
    # One merchant's events are half of it, and a quarter is nobody's.
    tally.accepted, tally.quarantined = 3, 1
    tally.shares.update({one: {"stored": 2}, two: {"duplicate": 1}})
    tally.heard[source] = NOW
    worker.run("hook-1")
    meter.flush()

    [activity] = metrics.activity.values()
    times = {tenant: deltas["handler_us"] for tenant, deltas in activity.tenants.items()}
    assert times.keys() == {"t", one, two, PLATFORM}
    assert times[one] == pytest.approx(2 * times[two], abs=1)
    assert times[PLATFORM] == pytest.approx(times["t"] + 4 * times[two], abs=4)
    assert min(times.values()) >= 2_500
    assert all(deltas.keys() == {"handler_us"} for deltas in activity.tenants.values())
    assert activity.sources == {source: round(NOW.timestamp() * 1000)}


def test_a_message_that_failed_has_taken_its_tenants_time() -> None:
    metrics = InMemoryMetrics()
    meter = Meter(Recorder(), metrics, clock=lambda: 0.0)
    worker = Worker(
        accepting={"rid-1": StoreUnavailableError("down")}, meter=meter, accept_seconds=0.01
    )
    worker.run("rid-1")
    meter.flush()

    [activity] = metrics.activity.values()
    assert activity.tenants.keys() == {"t", PLATFORM}


@pytest.mark.parametrize("body", ["a", "hook-a"])
def test_what_conflicts_after_it_was_queued_is_a_metric_of_its_own(lines: Lines, body: str) -> None:
    worker = Worker(tally=Tally(accepted=1, quarantined=3, conflicts=2))

    assert worker.run(body) == []

    said, message = lines()
    assert (said["rid"], said["stage"], said["task"]) == (message["rid"], "test", "accept")
    assert said["conflicts_after_queued"] == 2
    [told] = said["_aws"]["CloudWatchMetrics"]
    assert told == {
        "Namespace": "Tillgate",
        "Dimensions": [["stage"]],
        "Metrics": [{"Name": "conflicts_after_queued", "Unit": "Count"}],
    }
    assert message["quarantined"] == 3


def test_what_is_set_aside_for_another_reason_is_no_conflict(lines: Lines) -> None:
    worker = Worker(tally=Tally(quarantined=3))

    worker.run("a", "hook-b")

    assert all("conflicts_after_queued" not in line for line in lines())
