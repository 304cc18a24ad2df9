"""A message's own trouble: waited out for days, then buried with its reason, never dropped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.unit.adapters.sqs_stand import Stand, hook
from tests.unit.entrypoints.queue_worker import CANARY, Lines, ScriptedBacklog, Worker
from tillgate.adapters.queue_message import encode
from tillgate.domain.errors import (
    KeyMissingError,
    NotUnderstoodError,
    ObjectsUnavailableError,
    QueueUnavailableError,
    SealBrokenError,
    StoreRefusedError,
)
from tillgate.domain.queued import MAX_OWN_FAILURES
from tillgate.entrypoints.observability import Sandbox
from tillgate.entrypoints.sqs import AcceptBatch
from tillgate.services.hook_items import Tally

if TYPE_CHECKING:
    from collections.abc import Callable

# As often as a message was received when a database that was down for 12 hours is back.
AFTER_12_HOURS = 55
TROUBLES = [
    NotUnderstoodError("unknown-key"),
    SealBrokenError(CANARY),
    KeyMissingError(CANARY),
    ObjectsUnavailableError(CANARY),
    StoreRefusedError(CANARY),
    RuntimeError(CANARY),
    KeyError(CANARY),
    AssertionError(CANARY),
    MemoryError(CANARY),
]
REASONS = [
    "unknown-key",
    *(type(error).__name__ for error in TROUBLES[1:]),
]
each_trouble = pytest.mark.parametrize("error", TROUBLES, ids=lambda error: type(error).__name__)
each_step = pytest.mark.parametrize("when", ["opening", "accepting"])


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    return Lines(capsys)


def troubled(error: Exception, when: str, *, names: str) -> Worker:
    worker = Worker()
    getattr(worker, when).update(dict.fromkeys(names, error))
    return worker


@each_trouble
@each_step
@pytest.mark.parametrize("received", [1, AFTER_12_HOURS, MAX_OWN_FAILURES - 1])
def test_after_12_hours_of_outage_every_message_is_left_for_later(
    lines: Lines, error: Exception, when: str, received: int
) -> None:
    worker = troubled(error, when, names="abcdefghij")

    assert worker.run(*"abcdefghij", received=received) == [f"id-{name}" for name in "abcdefghij"]
    assert worker.backlog.buried == []
    assert worker.opened == list("abcdefghij"), "it is no neighbour's trouble"
    assert lines.outcomes() == ["later"] * 10


@pytest.mark.parametrize(("error", "reason"), [*zip(TROUBLES, REASONS, strict=True)], ids=REASONS)
@each_step
def test_at_the_300th_receive_it_is_buried_with_its_reason(
    lines: Lines, error: Exception, reason: str, when: str
) -> None:
    assert MAX_OWN_FAILURES == 300
    worker = troubled(error, when, names="b")

    assert worker.run("a", "b", "c", received=300) == []
    assert worker.accepted == ["a", "c"]
    assert worker.backlog.buried == [("b", reason, "id-b", 300)]
    line = lines()[1]
    assert (line["outcome"], line["reason"]) == ("buried", reason)
    assert line["error"], "the log says where it came from"


@each_trouble
def test_what_cannot_be_buried_at_last_comes_again(lines: Lines, error: Exception) -> None:
    worker = Worker(accepting={"b": error}, backlog=ScriptedBacklog(cannot_bury=True))

    assert worker.run("b", received=MAX_OWN_FAILURES) == ["id-b"]
    assert lines.outcomes() == ["later"]


def test_a_queue_that_is_down_is_no_message_s_own_trouble(lines: Lines) -> None:
    worker = Worker(accepting={"a": QueueUnavailableError(CANARY)})

    assert worker.run("a", "b", received=MAX_OWN_FAILURES) == ["id-a", "id-b"]
    assert (worker.backlog.buried, worker.accepted) == ([], [])
    assert lines.outcomes() == ["later"]


class SealedWorker:
    """AcceptBatch over messages that are really sealed; ``stored`` is what it accepted."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand
        self.backlog = ScriptedBacklog()
        self.stored = 0

    def run(self, envelope: object, *, received: int) -> tuple[list[str], list[str]]:
        """Give what comes again, and the reasons of what was buried."""
        batch = AcceptBatch(
            open_message=self._stand.new_worker().open,
            accept=self._accept,
            backlog=self.backlog,
            batch_seconds=60,
            sandbox=Sandbox("0.2.0"),
        )
        told = batch({"Records": [Worker.record(json.dumps(envelope), received=received)]})
        return (
            [item["itemIdentifier"] for item in told["batchItemFailures"]],
            [reason for _, reason, _, _ in self.backlog.buried],
        )

    def _accept(self, _message: object) -> Tally:
        self.stored += 1
        return Tally(accepted=1)


def lost_key(stand: Stand) -> dict[str, object]:
    envelope = stand.put(hook())
    stand.ring.keys = {"k2": "another"}
    return envelope


def later_schema(stand: Stand) -> dict[str, object]:
    return {**stand.put(hook()), "schema": 2}


def later_kind(stand: Stand) -> dict[str, object]:
    return stand.sealed(encode(hook()), kind="delivery")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lost_key, "unknown-key"),
        (later_schema, "unknown-schema"),
        (later_kind, "unknown-kind"),
    ],
)
def test_what_a_later_version_may_have_written_waits_and_is_buried_at_the_300th(
    make: Callable[[Stand], object], reason: str
) -> None:
    stand = Stand()
    envelope = make(stand)
    worker = SealedWorker(stand)
    name = f"id-{json.dumps(envelope)}"

    for received in (1, AFTER_12_HOURS, 299):
        assert worker.run(envelope, received=received) == ([name], [])
    assert worker.run(envelope, received=300) == ([], [reason])
    assert worker.stored == 0


def test_a_key_that_is_back_lets_what_waited_for_it_be_stored() -> None:
    stand = Stand()
    envelope = lost_key(stand)
    worker = SealedWorker(stand)
    assert worker.run(envelope, received=AFTER_12_HOURS)[0] != []
    stand.ring.keys = {"k1": "made up", "k2": "another"}

    assert worker.run(envelope, received=AFTER_12_HOURS + 1) == ([], [])
    assert worker.stored == 1


@pytest.mark.parametrize("received", [1, AFTER_12_HOURS])
def test_a_broken_seal_under_a_known_key_is_buried_at_once(received: int) -> None:
    stand = Stand()
    envelope = stand.put(hook())
    stand.ring.keys = {"k1": "another"}

    assert SealedWorker(stand).run(envelope, received=received) == ([], ["seal-broken"])
