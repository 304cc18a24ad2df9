"""A queue that is slow: steps become so small that each ends in time, and grow again after."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tillgate.domain.delivery import DueDelivery
from tillgate.domain.errors import QueueUnavailableError, StoreUnavailableError
from tillgate.domain.tenant import EventId, TenantId
from tillgate.services.queue_due import CLAIMED_AT_ONCE, Feed, QueueDue

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# As SqsDeliveryQueue has them.
TENANTS_A_CALL = 10
PUT_SECONDS = 5.0


class SlowWorld:
    """Implements DueDeliveries and DeliveryQueue; each call of the queue takes its time."""

    def __init__(self, *, seconds_a_call: float = 0.0) -> None:
        self.now = 0.0
        self.seconds_a_call = seconds_a_call
        self.waiting: list[DueDelivery] = []
        self.sent: Counter[str] = Counter()
        self.sizes: list[int] = []
        self.failing_commits = 0
        self.feed = Feed(self, self, CLAIMED_AT_ONCE, clock=lambda: self.now)

    def add(self, count: int, *, tenants: int) -> None:
        first = len(self.sent) + len(self.waiting)
        self.waiting += [
            DueDelivery(TenantId(f"t-{n % tenants}"), EventId(f"e-{first + n}"))
            for n in range(count)
        ]

    @contextmanager
    def claim(self, *, at_most: int) -> Iterator[list[DueDelivery]]:
        self.sizes.append(at_most)
        yield self.waiting[:at_most]
        if self.failing_commits:
            self.failing_commits -= 1
            raise StoreUnavailableError("took too long")
        self.waiting = self.waiting[at_most:]

    def put(self, deliveries: Sequence[DueDelivery]) -> None:
        ends_at = self.now + PUT_SECONDS
        by_tenant: dict[str, list[str]] = {}
        for one in deliveries:
            by_tenant.setdefault(one.tenant_id, []).append(one.event_id)
        messages = list(by_tenant.values())
        for first in range(0, len(messages), TENANTS_A_CALL):
            # What is sent is sent, whether its answer comes in time or not.
            for event_ids in messages[first : first + TENANTS_A_CALL]:
                self.sent.update(event_ids)
            self.now += self.seconds_a_call
            if self.now > ends_at:
                self.now = ends_at
                raise QueueUnavailableError("out of time")

    def run(self, *, seconds: float) -> None:
        nothing = Feed(SlowWorld(), SlowWorld(), 10, clock=lambda: self.now)
        QueueDue(
            deliveries=self.feed, redrives=nothing, clock=lambda: self.now, pause=self.pause
        ).run(until=self.now + seconds)

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def sent_twice(self) -> int:
        return sum(self.sent.values()) - len(self.sent)


@pytest.mark.parametrize("seconds_a_call", [0.11, 0.3, 0.6, 2.0])
def test_everything_is_queued_however_slow_each_call_and_little_of_it_twice(
    seconds_a_call: float,
) -> None:
    world = SlowWorld(seconds_a_call=seconds_a_call)
    world.add(500, tenants=500)

    world.run(seconds=170)

    assert len(world.sent) == 500
    assert world.waiting == []
    assert world.sent_twice() <= CLAIMED_AT_ONCE


def test_five_hundred_merchants_at_110_ms_a_call_take_two_steps_more() -> None:
    world = SlowWorld(seconds_a_call=0.11)
    world.add(500, tenants=500)

    world.run(seconds=15)

    # The first ends after five seconds and is taken anew, smaller; what takes two is not doubled.
    assert world.sizes[:4] == [500, 100, 200, 200]
    assert world.waiting == []
    assert world.now <= 16
    assert 0 < world.sent_twice() <= CLAIMED_AT_ONCE


def test_a_queue_that_stays_slow_is_not_tried_with_more_than_it_takes() -> None:
    world = SlowWorld(seconds_a_call=0.11)
    world.add(5_000, tenants=5_000)

    world.run(seconds=120)

    assert len(world.sent) == 5_000
    assert world.sent_twice() <= CLAIMED_AT_ONCE
    assert max(world.sizes[1:]) == 200


def test_steps_grow_back_to_their_size_when_the_queue_is_quick_again() -> None:
    world = SlowWorld(seconds_a_call=0.6)
    world.add(500, tenants=500)
    world.run(seconds=100)
    assert world.sizes[-1] < 100

    world.seconds_a_call = 0.01
    world.add(5_000, tenants=5_000)
    world.run(seconds=10)

    assert world.waiting == []
    assert world.sizes[-1] == CLAIMED_AT_ONCE


def test_a_step_that_was_too_long_for_the_store_is_followed_by_a_smaller_one() -> None:
    world = SlowWorld()
    world.add(500, tenants=500)
    world.failing_commits = 1

    world.run(seconds=1)

    assert world.sizes[:2] == [500, 100]
    assert world.waiting == []
