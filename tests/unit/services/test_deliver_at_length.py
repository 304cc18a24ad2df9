"""A message that has come often, events that have waited long: something has to give."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.unit.services.deliveries import NOW, World, event_id
from tillgate.domain.delivery import AttemptOutcome, Delivered, RetryLater
from tillgate.domain.queued import retry_seconds

if TYPE_CHECKING:
    from tillgate.domain.delivery import SendResult
    from tillgate.domain.tenant import EventId

DAY = timedelta(hours=24)


def test_after_a_day_it_is_given_up_as_expired_once_more_tried() -> None:
    world = World(3)
    world.age(DAY, 0)
    world.age(DAY - timedelta(seconds=60), 1)
    world.upstream.answer = lambda _ids: RetryLater("timeout")

    report = world.deliver()

    assert world.reasons() == {event_id(0): "expired"}
    assert (report.gave_up, report.later_seconds) == (1, retry_seconds(1))
    assert [one.outcome for one in world.store.attempts if one.event_id == event_id(0)] == [
        "retry_later"
    ]


def test_what_our_own_outage_held_up_for_a_day_is_tried_for_a_day_yet() -> None:
    world = World(2)
    for one in world.ids:
        waited = replace(world.store.pending[one], since=NOW - DAY * 2)
        world.store.pending[one] = waited
    world.upstream.answer = lambda _ids: RetryLater("timeout")

    assert world.deliver().gave_up == 0
    world.store.open_until = NOW + timedelta(hours=1)
    assert world.deliver().gave_up == 0
    assert world.reasons() == {}


def test_a_batch_too_large_to_be_answered_in_time_is_made_smaller_with_each_late_receive() -> None:
    world = World(100)

    def slow(ids: tuple[EventId, ...]) -> SendResult:
        return Delivered(201) if len(ids) <= 10 else RetryLater("timeout")

    world.upstream.answer = slow
    for received in range(1, 11):
        world.store.open_until, world.store.failures = None, 0
        world.deliver(received=received)

    assert len(world.store.settled) == 100
    assert {one.outcome for one in world.store.settled.values()} == {AttemptOutcome.DELIVERED}


def test_what_is_older_than_a_day_is_delivered_if_it_can_be() -> None:
    world = World()
    world.age(DAY * 3, 0)

    assert world.deliver().delivered == 1


def test_what_expires_while_the_breaker_is_open_is_given_up() -> None:
    world = World(2)
    world.store.open_until = NOW + timedelta(seconds=30)
    world.age(DAY, 1)

    report = world.deliver(received=9)

    assert world.reasons() == {event_id(1): "expired"}
    assert (report.gave_up, report.later_seconds) == (1, retry_seconds(9))
    world.age(DAY, 0)
    assert world.deliver(received=10).later_seconds is None
