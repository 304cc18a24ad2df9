"""Looking each second: what is due goes on the queue, and when the looking ends."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tillgate.domain.delivery import DueDelivery
from tillgate.domain.errors import QueueUnavailableError, StoreUnavailableError
from tillgate.domain.tenant import EventId, TenantId
from tillgate.services.queue_due import Feed, QueueDue, QueueReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class World:
    """A clock that goes on by pauses and by ``seconds_each`` of a claim."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.seconds_each = 0.0
        self.stops_at = float("inf")
        self.order: list[str] = []
        self.due = InMemoryDue(self, "due")
        self.redriven = InMemoryDue(self, "redriven")
        self.queue, self.redrive_queue = InMemoryQueue(), InMemoryQueue()
        self.queue_due = QueueDue(
            deliveries=Feed(self.due, self.queue, 5, clock=lambda: self.now),
            redrives=Feed(self.redriven, self.redrive_queue, 5, clock=lambda: self.now),
            clock=lambda: self.now,
            pause=self.pause,
            is_stopping=self.is_stopping,
        )

    def pause(self, seconds: float) -> None:
        assert seconds >= 0
        assert not self.is_stopping(), "nobody pauses after that"
        self.now = max(self.now, min(self.now + seconds, self.stops_at))

    def is_stopping(self) -> bool:
        return self.now >= self.stops_at

    def run(self, seconds: float) -> QueueReport:
        return self.queue_due.run(until=1_000.0 + seconds)


class InMemoryDue:
    """Implements DueDeliveries; ``arriving`` of them come in before each claim."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.waiting: list[DueDelivery] = []
        self.arriving = 0
        self.claimed_at: list[float] = []
        self.down_from = float("inf")
        self.down_until = float("inf")
        self.made = 0

    def add(self, count: int) -> None:
        for _ in range(count):
            self.made += 1
            self.waiting.append(DueDelivery(TenantId("t"), EventId(f"{self.name}-{self.made}")))

    @contextmanager
    def claim(self, *, at_most: int) -> Iterator[list[DueDelivery]]:
        self.world.order.append(self.name)
        self.claimed_at.append(self.world.now - 1_000)
        if self.down_from <= self.world.now < self.down_until:
            raise StoreUnavailableError("down")
        self.add(self.arriving)
        self.world.now += self.world.seconds_each
        claimed = self.waiting[:at_most]
        yield claimed
        self.waiting = self.waiting[at_most:]


class InMemoryQueue:
    """Implements DeliveryQueue; fails the next ``failing`` times."""

    def __init__(self) -> None:
        self.queued: list[str] = []
        self.failing = 0

    def put(self, deliveries: Sequence[DueDelivery]) -> None:
        assert deliveries, "an empty message costs like a full one"
        if self.failing:
            self.failing -= 1
            raise QueueUnavailableError("down")
        self.queued += [one.event_id for one in deliveries]


@pytest.fixture
def world() -> World:
    return World()


def test_it_looks_once_a_second_until_the_time_is_up(world: World) -> None:
    assert world.run(5) == QueueReport(0, 0, 0, 0)

    assert world.due.claimed_at == [0, 1, 2, 3, 4, 5]


def test_its_last_look_is_at_the_end(world: World) -> None:
    world.seconds_each = 0.001

    world.run(3)

    assert world.due.claimed_at == [0, 1, 2, 3]
    world.now = 1_000.0
    world.due.claimed_at.clear()
    world.run(2.5)
    assert world.due.claimed_at == [0, 1, 2, 2.5]


def test_it_looks_once_however_little_time_there_is(world: World) -> None:
    world.due.add(3)

    assert world.run(0).queued == 3
    assert world.due.claimed_at == [0]


@pytest.mark.parametrize(("waiting", "claims"), [(0, 1), (4, 1), (5, 2), (12, 3)])
def test_a_look_goes_on_until_nothing_is_due(world: World, waiting: int, claims: int) -> None:
    world.due.add(waiting)

    report = world.run(0)

    assert (report.queued, len(world.queue.queued)) == (waiting, waiting)
    assert world.due.claimed_at == [0] * claims


def test_what_is_due_goes_before_what_is_redriven_and_each_to_its_queue(world: World) -> None:
    world.due.add(7)
    world.redriven.add(6)

    assert world.run(0) == QueueReport(7, 6, 0, 0)
    assert world.order == ["due", "due", "redriven", "redriven"]
    assert world.queue.queued == [f"due-{n}" for n in range(1, 8)]
    assert world.redrive_queue.queued == [f"redriven-{n}" for n in range(1, 7)]


def test_nothing_is_begun_after_the_time_is_up(world: World) -> None:
    world.seconds_each = 0.4
    world.due.arriving = 5

    world.run(3)

    assert max(world.due.claimed_at) <= 3
    assert world.redriven.claimed_at == []
    assert world.now <= 1_003 + 0.4


def test_a_slow_look_is_followed_by_the_next_at_once(world: World) -> None:
    world.seconds_each = 0.75

    world.run(4)

    assert world.due.claimed_at == [0, 1.5, 3]


def test_a_store_that_is_away_for_a_second_is_asked_again_in_the_next(world: World) -> None:
    world.due.down_from, world.due.down_until = 1_002, 1_003
    world.due.arriving = 1

    assert world.run(5) == QueueReport(queued=5, redriven=0, queue_failures=0, store_failures=1)
    assert world.due.claimed_at == [0, 1, 2, 3, 4, 5]


def test_a_store_that_is_down_to_the_end_is_an_error(world: World) -> None:
    world.due.down_from = 1_002

    with pytest.raises(StoreUnavailableError):
        world.run(5)
    assert world.due.claimed_at == [0, 1, 2, 3, 4, 5]
    assert world.redriven.claimed_at == [0, 1], "and nobody waits for it twice in one look"


def test_redrives_that_fail_keep_no_delivery_from_being_queued(world: World) -> None:
    world.due.arriving = 1
    world.redriven.down_from, world.redriven.down_until = 1_000, 1_004

    assert world.run(5) == QueueReport(queued=6, redriven=0, queue_failures=0, store_failures=4)
    assert world.due.claimed_at == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("is_store", [True, False])
def test_redrives_that_fail_to_the_end_are_an_error_once_all_deliveries_are_queued(
    world: World, *, is_store: bool
) -> None:
    world.due.arriving = 1
    world.redriven.add(1)
    world.redrive_queue.failing = 100
    if is_store:
        world.redriven.down_from = 1_000

    with pytest.raises(StoreUnavailableError if is_store else QueueUnavailableError):
        world.run(5)
    assert len(world.queue.queued) == 6


def test_a_queue_that_fails_is_tried_again_in_a_second(world: World) -> None:
    world.due.add(3)
    world.queue.failing = 2

    assert world.run(5) == QueueReport(3, 0, queue_failures=2, store_failures=0)
    assert world.queue.queued == ["due-1", "due-2", "due-3"]


def test_a_queue_that_fails_to_the_end_is_an_error(world: World) -> None:
    world.due.add(3)
    world.queue.failing = 100

    with pytest.raises(QueueUnavailableError):
        world.run(5)
    assert world.due.claimed_at == [0, 1, 2, 3, 4, 5]
    assert len(world.due.waiting) == 3


def test_a_stop_in_a_pause_ends_the_looking_at_once(world: World) -> None:
    world.stops_at = 1_002.5

    assert world.run(50) == QueueReport(0, 0, 0, 0)
    assert world.due.claimed_at == [0, 1, 2]
    assert world.now == 1_002.5


def test_at_a_stop_the_step_in_hand_is_finished_and_no_other_begun(world: World) -> None:
    world.due.add(12)
    world.redriven.add(3)
    world.seconds_each = 0.4
    world.stops_at = 1_000.5

    assert world.run(50) == QueueReport(10, 0, 0, 0)
    assert world.queue.queued == [f"due-{n}" for n in range(1, 11)]
    assert len(world.due.waiting) == 2
    assert world.redriven.claimed_at == []


def test_a_queue_that_fails_when_it_is_stopped_is_an_error(world: World) -> None:
    world.due.add(3)
    world.queue.failing = 1
    world.stops_at = 1_000.5

    with pytest.raises(QueueUnavailableError):
        world.run(50)
    assert len(world.due.waiting) == 3


def test_a_run_that_begins_when_it_is_stopping_looks_once(world: World) -> None:
    world.stops_at = 1_000
    world.due.add(12)

    assert world.run(50).queued == 5
    assert world.due.claimed_at == [0]
