"""What becomes of a message's events, whatever the destination answers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import PlainSecretBox
from tests.unit.services.deliveries import DESTINATION, NOW, World, event_id
from tillgate.domain.delivery import AttemptOutcome, Delivered, GaveUp, RetryLater
from tillgate.domain.errors import SealBrokenError, SecretUnavailableError, StoreUnavailableError
from tillgate.domain.queued import retry_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.domain.delivery import SendResult
    from tillgate.domain.tenant import EventId

REFUSED = GaveUp("http-400-23502", 400)
DAY = timedelta(hours=24)


def in_turn(*results: SendResult) -> Callable[[tuple[EventId, ...]], SendResult]:
    """Answer with these, the last one for ever."""
    left = list(results)
    return lambda _ids: left.pop(0) if len(left) > 1 else left[0]


def refusing(
    *poison: int, answer: SendResult = REFUSED
) -> Callable[[tuple[EventId, ...]], SendResult]:
    """Refuse each request that has one of these events in it."""
    bad = {event_id(number) for number in poison}
    return lambda ids: answer if bad & set(ids) else Delivered(201)


def test_a_batch_is_delivered_in_one_request() -> None:
    world = World(100)

    report = world.deliver()

    assert world.upstream.requests == [world.ids]
    assert world.upstream.secrets == {"service-key"}
    assert (report.delivered, report.gave_up, report.attempts) == (100, 0, 1)
    assert (report.later_seconds, report.reasons) == (None, [])
    assert world.store.pending == {}
    assert world.recorded() == world.upstream.requests
    assert {one.outcome for one in world.store.attempts} == {AttemptOutcome.DELIVERED}
    assert world.store.well == [True]


def test_what_is_settled_already_is_not_sent_again() -> None:
    world = World(3)
    world.deliver()

    report = world.deliver()

    assert len(world.upstream.requests) == 1
    assert (report.delivered, report.attempts, report.later_seconds) == (0, 0, None)


def test_a_fault_that_passes_is_tried_again_at_once_under_another_id() -> None:
    world = World(2)
    world.upstream.answer = in_turn(RetryLater("http-503", 503), Delivered(201))

    report = world.deliver()

    assert (report.delivered, report.attempts, report.later_seconds) == (2, 2, None)
    assert report.reasons == ["http-503"]
    assert world.recorded() == world.upstream.requests == [world.ids, world.ids]
    assert [one.outcome for one in world.store.attempts[::2]] == ["retry_later", "delivered"]
    assert len({one.attempt_id for one in world.store.attempts}) == 2
    [slept] = world.slept
    assert 0.1 <= slept <= 0.3


def test_a_fault_that_lasts_is_left_to_the_queue_after_three_tries() -> None:
    world = World(2)
    world.upstream.answer = in_turn(RetryLater("timeout"))

    report = world.deliver(received=4)

    assert (report.attempts, report.delivered, report.gave_up) == (3, 0, 0)
    assert report.later_seconds == retry_seconds(4)
    assert world.store.pending.keys() == set(world.ids)
    assert {one.due_seconds for one in world.store.put_off.values()} == {6 * 3600}
    assert world.store.well == [False] * 3


def test_a_request_that_took_its_time_is_not_tried_again_here() -> None:
    world = World()
    world.upstream.answer, world.upstream.seconds = in_turn(RetryLater("timeout")), 5

    assert (world.deliver().attempts, world.slept) == (1, [])


def test_what_the_destination_asks_for_is_the_least_that_is_waited() -> None:
    world = World()
    world.upstream.answer = in_turn(RetryLater("http-429", 429, 1.5), Delivered(201))

    assert world.deliver().delivered == 1
    assert world.slept == [1.5]


@pytest.mark.parametrize("received", [1, 12])
def test_a_longer_wait_that_it_asks_for_is_the_queue_s(received: int) -> None:
    world = World()
    world.upstream.answer = in_turn(RetryLater("http-429", 429, 120.2))

    report = world.deliver(received=received)

    assert (report.attempts, world.slept) == (1, [])
    assert report.later_seconds == max(121, retry_seconds(received))


def test_no_request_is_begun_when_the_time_is_up() -> None:
    world = World(batch_seconds=0.4)

    report = world.deliver(received=2)

    assert (report.attempts, report.later_seconds) == (0, retry_seconds(2))
    assert world.store.begun == {}


def test_no_wait_outlasts_the_batch() -> None:
    world = World(batch_seconds=1)
    world.upstream.answer = in_turn(RetryLater("http-503", 503, 0.6))

    report = world.deliver()

    assert (report.attempts, world.slept, report.later_seconds) == (1, [], retry_seconds(1))


def test_a_refusal_gives_up_at_once_with_its_reason() -> None:
    world = World()
    world.upstream.answer = in_turn(REFUSED)

    report = world.deliver()

    assert (report.gave_up, report.attempts, report.later_seconds) == (1, 1, None)
    assert world.reasons() == {event_id(0): "http-400-23502"}
    assert [(one.outcome, one.status) for one in world.store.attempts] == [("gave_up", 400)]
    assert world.store.well == [True]


@pytest.mark.parametrize("poison", [(0,), (99,), (41,), (0, 99), (3, 4, 50)])
@pytest.mark.parametrize("answer", [REFUSED, GaveUp("http-413", 413), GaveUp("http-403", 403)])
def test_a_refused_batch_is_halved_until_the_poison_is_alone(
    poison: tuple[int, ...], answer: GaveUp
) -> None:
    world = World(100)
    world.upstream.answer = refusing(*poison, answer=answer)

    report = world.deliver()

    given_up = {one for one, reason in world.reasons().items() if reason is not None}
    assert given_up == {event_id(number) for number in poison}
    assert (report.delivered, report.gave_up) == (100 - len(poison), len(poison))
    assert report.attempts <= 1 + 2 * 7 * len(poison)
    assert world.recorded() == world.upstream.requests
    assert report.later_seconds is None


@pytest.mark.parametrize("status", [301, 308, 401, 404, 405, 406, 410, 415])
def test_a_refusal_of_everything_is_not_halved(status: int) -> None:
    world = World(100)
    world.upstream.answer = in_turn(GaveUp(f"http-{status}", status))

    report = world.deliver()

    assert (report.gave_up, report.attempts) == (100, 1)


def test_an_address_that_cannot_be_called_tells_nothing_of_the_destination() -> None:
    world = World(10)
    world.upstream.answer = in_turn(GaveUp("bad-address"))

    assert (world.deliver().gave_up, world.store.well) == (10, [None])


def test_halves_that_there_is_no_time_for_come_again() -> None:
    world = World(100, batch_seconds=10)
    world.upstream.answer, world.upstream.seconds = refusing(99), 3

    report = world.deliver()

    assert report.attempts == 4
    assert report.later_seconds == retry_seconds(1)
    world.batch_seconds = 1_000
    world.deliver()
    assert world.store.pending == {}
    assert [one for one, reason in world.reasons().items() if reason] == [event_id(99)]


def test_a_conflict_holds_up_nobody_but_its_event() -> None:
    world = World(16)
    world.upstream.answer = refusing(5, answer=RetryLater("http-409", 409))

    report = world.deliver()

    assert report.delivered == 15
    assert world.store.pending.keys() == {event_id(5)}
    assert report.later_seconds == retry_seconds(1)
    assert world.store.failures == 0


def test_an_event_that_a_destination_breaks_at_is_found_at_last() -> None:
    world = World(100)
    world.upstream.answer = refusing(63, answer=RetryLater("http-500", 500))

    assert world.deliver(received=1).delivered == 0
    world.store.failures = 0
    report = world.deliver(received=7)

    assert report.delivered == 99
    assert world.store.pending.keys() == {event_id(63)}
    assert world.store.open_until is None


def test_a_destination_that_breaks_at_everything_is_not_asked_on_and_on() -> None:
    world = World(100)
    world.upstream.answer = in_turn(RetryLater("http-500", 500))

    report = world.deliver(received=20)

    assert report.attempts == 5
    assert report.later_seconds == retry_seconds(20)


def test_while_the_breaker_is_open_nothing_is_sent() -> None:
    world = World(2)
    world.store.open_until = NOW + timedelta(seconds=29.5)

    report = world.deliver()

    assert (world.upstream.requests, world.store.begun) == ([], {})
    assert (report.later_seconds, report.reasons) == (30, ["breaker-open"])


def test_the_breaker_that_a_message_opens_holds_for_its_own_tries() -> None:
    world = World()
    world.store.failures = 4
    world.upstream.answer = in_turn(RetryLater("connection-refused"))

    report = world.deliver()

    assert report.attempts == 1
    assert report.later_seconds == 30


def test_with_no_destination_left_a_person_is_told() -> None:
    world = World(2)
    world.store.destination = None

    report = world.deliver()

    assert set(world.reasons().values()) == {"no-destination"}
    assert (report.gave_up, report.later_seconds, world.store.attempts) == (2, None, [])


def test_what_is_too_large_for_one_request_goes_in_several() -> None:
    world = World(10)
    world.store.fits = 4

    report = world.deliver()

    assert [len(ids) for ids in world.upstream.requests] == [4, 4, 2]
    assert (report.delivered, report.later_seconds) == (10, None)
    assert world.recorded() == world.upstream.requests


@pytest.mark.parametrize(
    ("error", "reason"),
    [(SealBrokenError, "secret-unreadable"), (SecretUnavailableError, "secret-unavailable")],
)
def test_a_secret_that_is_not_to_be_had_is_not_the_destination_s_fault(
    error: type[Exception], reason: str
) -> None:
    class Broken(PlainSecretBox):
        def open(self, sealed: bytes, *, context: str) -> bytes:
            raise error(f"{len(sealed)} {context}")

    world = World(box=Broken())

    report = world.deliver()

    assert world.upstream.requests == []
    assert (report.reasons, report.later_seconds) == ([reason], retry_seconds(1))
    assert world.store.well == [None]


@pytest.mark.parametrize("calls", [0, 1])
def test_a_database_that_does_not_answer_is_told_to_the_caller(calls: int) -> None:
    world = World()
    world.store.is_down_after = calls

    with pytest.raises(StoreUnavailableError):
        world.deliver()

    assert world.store.pending.keys() == set(world.ids)


STATUSES = st.integers(400, 599)
RESULTS: st.SearchStrategy[SendResult] = st.one_of(
    st.just(Delivered(201)),
    st.builds(
        RetryLater,
        st.just("later"),
        st.none() | STATUSES,
        st.none() | st.floats(0, 3600),
    ),
    st.builds(GaveUp, st.just("refused"), st.none() | STATUSES),
)


@given(
    results=st.lists(RESULTS, min_size=1, max_size=30),
    count=st.integers(1, 20),
    fits=st.integers(1, 25),
    received=st.integers(1, 60),
    seconds=st.floats(0, 5),
    ages=st.lists(st.integers(0, 30), min_size=20, max_size=20),
)
def test_whatever_is_answered_every_event_is_settled_or_comes_again(
    results: list[SendResult],
    count: int,
    fits: int,
    received: int,
    seconds: float,
    ages: list[int],
) -> None:
    world = World(count, batch_seconds=40)
    world.store.fits = fits
    for number in range(count):
        world.age(timedelta(hours=ages[number]), number)
    world.upstream.answer, world.upstream.seconds = in_turn(*results), seconds

    report = world.deliver(received=received)

    settled = world.store.settled
    assert settled.keys() | world.store.pending.keys() == set(world.ids)
    assert bool(world.store.pending) == (report.later_seconds is not None)
    assert report.later_seconds is None or 1 <= report.later_seconds <= 3600
    assert (report.delivered, report.gave_up) == (
        sum(one.outcome is AttemptOutcome.DELIVERED for one in settled.values()),
        sum(one.outcome is AttemptOutcome.GAVE_UP for one in settled.values()),
    )
    # The attempts tell of each request that was made, and of no other.
    assert world.recorded() == world.upstream.requests
    assert len(world.store.attempts) == len(world.store.begun)
    delivered = {one.event_id for one in world.store.attempts if one.outcome == "delivered"}
    assert delivered == {
        one for one, how in settled.items() if how.outcome is AttemptOutcome.DELIVERED
    }
    assert world.store.destination is DESTINATION
    assert world.elapsed <= 40 + seconds
