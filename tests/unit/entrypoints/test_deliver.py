"""Batches of the delivery queues: what is read, what comes again when, what is said."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.services.deliveries import NOW, TENANT, World, event_id
from tillgate.domain.delivery import GaveUp, RetryLater
from tillgate.domain.errors import BadMessageError
from tillgate.domain.queued import retry_seconds
from tillgate.entrypoints.deliver import DeliverBatch, opened
from tillgate.entrypoints.observability import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tillgate.domain.trace import Trace

TRACEPARENT = f"00-{'ab' * 16}-{'cd' * 8}-01"


@dataclass
class RememberingBacklog:
    """Implements Backlog."""

    hidden: list[tuple[str, int]] = field(default_factory=list)
    buried: list[tuple[str, str]] = field(default_factory=list)

    def hide(self, receipts: Sequence[tuple[str, int]]) -> int:
        self.hidden += receipts
        return 0

    def bury(self, body: str, *, reason: str, message_id: str, receive_count: int) -> None:
        assert message_id
        assert receive_count
        self.buried.append((body, reason))


class Worker:
    """DeliverBatch over a world, with both of its queues."""

    def __init__(self, world: World) -> None:
        self.traces: list[Trace] = []
        self.backlogs = {name: RememberingBacklog() for name in ("delivery", "redrive")}
        self._batch = DeliverBatch(
            deliver=world._deliver,
            backlogs=self.backlogs,
            batch_seconds=40,
            sandbox=Sandbox("0.2.0", stage="test", function="deliver"),
            begin_trace=self.traces.append,
        )

    def run(self, *bodies: str, queue: str = "delivery", received: int = 1) -> list[str]:
        """Give the failures; a record is named for its place."""
        records = [
            {
                "messageId": f"id-{place}",
                "receiptHandle": f"receipt-{place}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(received)},
                "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{queue}",
            }
            for place, body in enumerate(bodies)
        ]
        told = self._batch({"Records": records})
        return [item["itemIdentifier"] for item in told["batchItemFailures"]]


def body(*numbers: int, **other: object) -> str:
    message = {"schema": 1, "tenant_id": TENANT, "event_ids": [event_id(n) for n in numbers]}
    return json.dumps(message | other)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_message_that_is_delivered_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    world = World(3)

    assert Worker(world).run(body(0, 1), body(2), received=2) == []

    assert [len(ids) for ids in world.upstream.requests] == [2, 1]
    line, _ = lines(capsys)
    assert line.pop("latency_ms") >= 0
    assert line.pop("at")
    assert line.pop("sandbox")
    assert len(line.pop("trace_id")) == 32
    assert line == {
        "task": "deliver", "rid": "id-0", "tenantId": TENANT, "version": "0.2.0",
        "stage": "test", "function": "deliver", "path": "delivery", "route": "SQS deliver",
        "status": 201, "database_ms": None, "cold_start": True, "provider": None,
        "outcome": "done", "message": "id-0", "received": 2, "events": 2,
        "event_ids": [event_id(0), event_id(1)], "delivered": 2, "gave_up": 0,
        "target": "supabase", "attempts": 1, "retries": 0, "delivery_lag_ms": [0.0, 0.0],
        "enriched": 0, "unenriched": 0, "reasons": [], "later_seconds": None,
    }  # fmt: skip


@pytest.mark.parametrize("queue", ["delivery", "redrive"])
def test_a_message_comes_again_on_its_own_queue_when_it_should(
    capsys: pytest.CaptureFixture[str], queue: str
) -> None:
    world = World(1)
    world.upstream.answer = lambda _ids: RetryLater("http-429", 429, 77)
    worker = Worker(world)

    assert worker.run(body(0), queue=queue, received=3) == ["id-0"]

    assert {name: one.hidden for name, one in worker.backlogs.items() if one.hidden} == {
        queue: [("receipt-0", 77)]
    }
    [line] = lines(capsys)
    assert (line["outcome"], line["later_seconds"], line["reasons"]) == ("later", 77, ["http-429"])


def test_what_is_given_up_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    world = World(1)
    world.upstream.answer = lambda _ids: GaveUp("http-401", 401)

    assert Worker(world).run(body(0)) == []

    [line] = lines(capsys)
    assert (line["outcome"], line["gave_up"], line["reasons"]) == ("done", 1, ["http-401"])


def test_one_tenant_s_trouble_is_not_its_neighbour_s(capsys: pytest.CaptureFixture[str]) -> None:
    world = World(2)
    world.store.open_until = NOW + timedelta(seconds=45)
    worker = Worker(world)

    assert worker.run(body(0), body(1)) == ["id-0", "id-1"]

    assert worker.backlogs["delivery"].hidden == [("receipt-0", 45), ("receipt-1", 45)]
    assert [line["outcome"] for line in lines(capsys)] == ["later", "later"]


def test_with_the_database_down_the_rest_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    world = World(2)
    world.store.is_down_after = 0
    worker = Worker(world)

    assert worker.run(body(0), body(1), received=4) == ["id-0", "id-1"]

    assert [seconds for _, seconds in worker.backlogs["delivery"].hidden] == [retry_seconds(4)] * 2
    assert [line["outcome"] for line in lines(capsys)] == ["later", "untried"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("", "unreadable"),
        ("[]", "unreadable"),
        ("{}", "unreadable"),
        (body(0, schema=2), "unknown-schema"),
        (body(0, tenant_id="x"), "unreadable"),
        (body(0, tenant_id=None), "unreadable"),
        (body(), "unreadable"),
        (body(0, event_ids="abc"), "unreadable"),
        (body(0, event_ids=[1]), "unreadable"),
        (body(0, event_ids=["x' OR 1=1"]), "unreadable"),
    ],
)
def test_a_bad_message_is_buried_with_its_reason(
    capsys: pytest.CaptureFixture[str], bad: str, reason: str
) -> None:
    world = World(1)
    worker = Worker(world)

    assert worker.run(bad, body(0)) == []

    assert worker.backlogs["delivery"].buried == [(bad, reason)]
    assert [line["outcome"] for line in lines(capsys)] == ["buried", "done"]
    with pytest.raises(BadMessageError):
        opened(bad)


def test_an_event_that_is_named_twice_is_one() -> None:
    assert opened(body(1, 1, 2)) == (TENANT, (event_id(1), event_id(2)), None)


def test_a_message_s_trace_is_told_and_logged(capsys: pytest.CaptureFixture[str]) -> None:
    world = World(1)
    worker = Worker(world)

    worker.run(body(0, traceparent=TRACEPARENT))

    assert [trace.trace_id for trace in worker.traces] == ["ab" * 16]
    assert lines(capsys)[0]["trace_id"] == "ab" * 16


@pytest.mark.parametrize("traceparent", [7, None, "", TRACEPARENT.upper(), ["a"]])
def test_an_odd_trace_is_another_one_and_no_reason_to_bury(
    capsys: pytest.CaptureFixture[str], traceparent: object
) -> None:
    world = World(1)
    worker = Worker(world)

    assert worker.run(body(0, traceparent=traceparent)) == []

    [line] = lines(capsys)
    assert line["outcome"] == "done"
    assert line["trace_id"] == worker.traces[0].trace_id != "ab" * 16


def test_requests_that_have_to_be_made_again_are_retries(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = World(1)
    world.upstream.answer = lambda _ids: RetryLater("http-503", 503)

    Worker(world).run(body(0))

    [line] = lines(capsys)
    assert (line["attempts"], line["retries"], line["status"]) == (3, 3, 503)
    assert (line["target"], line["delivery_lag_ms"]) == ("supabase", [])


def test_the_lag_is_from_the_receipt_and_of_a_replay_from_its_beginning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = World(2)
    first, again = (world.store.pending[event_id(n)] for n in (0, 1))
    received = NOW - timedelta(seconds=7)
    world.store.pending = {
        first.event_id: replace(first, received_at=received, stored_at=received, since=received),
        again.event_id: replace(
            again,
            received_at=NOW - timedelta(days=3),
            stored_at=NOW - timedelta(days=3),
            since=NOW - timedelta(seconds=2),
        ),
    }

    Worker(world).run(body(0, 1))

    assert lines(capsys)[0]["delivery_lag_ms"] == [7_000.0, 2_000.0]
