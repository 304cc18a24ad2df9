"""What becomes of events that only name what changed, whatever their vendor's API answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.services.deliveries import OTHER_SOURCE, World, access, event_id
from tests.unit.services.enrichments import failing, fetched, gave_up, sent, waiting
from tillgate.domain.delivery import AttemptOutcome, Delivered, GaveUp, RetryLater
from tillgate.domain.enrichment import (
    NOT_ENRICHED,
    Enrichment,
    EnrichmentState,
    Fetched,
)
from tillgate.domain.queued import retry_seconds

if TYPE_CHECKING:
    from tillgate.services.enrich import FetchResult


def test_an_event_goes_with_the_object_that_it_names() -> None:
    world = World(3)
    world.name({0: "O:A", 1: "O:B"})

    report = world.deliver()

    assert sent(world) == {
        0: fetched('{"id":"O:A"}'),
        1: fetched('{"id":"O:B"}'),
        2: NOT_ENRICHED,
    }
    assert world.upstream.requests == [world.ids]
    assert world.api.tokens == {"token-of-aaaa"}
    assert (report.delivered, report.enriched, report.unenriched) == (3, 2, 0)
    assert (report.attempts, report.later_seconds, report.reasons) == (1, None, [])


def test_a_source_without_a_credential_is_asked_nothing() -> None:
    world = World()
    world.name({0: "O:A"})
    world.store.accesses = ()

    assert world.deliver().delivered == 1
    assert (world.api.asked, sent(world)) == ([], {0: NOT_ENRICHED})


def test_a_provider_whose_api_nobody_knows_here_is_asked_nothing() -> None:
    world = World()
    world.name({0: "O:A"})
    world.store.accesses = (access(provider="square"),)

    assert world.deliver().delivered == 1
    assert (world.api.asked, sent(world)) == ([], {0: NOT_ENRICHED})


def test_what_names_nothing_is_marked_so() -> None:
    world = World(2)
    world.name({0: "O:A"})
    one = world.store.pending[event_id(1)]
    world.name({1: "x"})
    world.store.pending[one.event_id] = one

    report = world.deliver()

    assert sent(world)[1] == NOT_ENRICHED
    assert (report.enriched, report.unenriched) == (1, 0)


def test_several_updates_of_one_object_share_a_fetch() -> None:
    world = World(3)
    world.name(dict.fromkeys(range(3), "O:A"))

    assert world.deliver().enriched == 3
    assert world.api.asked == ["O:A"]


def test_sources_do_not_share_what_they_name_alike() -> None:
    world = World(2)
    world.name({0: "O:A"})
    world.name({1: "O:A"}, source_id=OTHER_SOURCE)

    assert world.deliver().enriched == 2
    assert world.api.asked == ["O:A", "O:A"]
    assert world.api.tokens == {"token-of-aaaa", "token-of-bbbb"}


def test_halves_are_sent_without_another_fetch() -> None:
    world = World(16)
    world.name({number: f"O:{number}" for number in range(16)})
    bad = event_id(5)
    world.upstream.answer = lambda ids: GaveUp("http-400", 400) if bad in ids else Delivered(201)

    report = world.deliver()

    assert (report.delivered, report.gave_up, report.enriched) == (15, 1, 15)
    assert len(world.api.asked) == 16
    assert all(one.enrichment.object for one in world.upstream.sent)


def test_a_destination_that_fails_is_tried_again_without_another_fetch() -> None:
    world = World(2)
    world.name({0: "O:A", 1: "O:B"})
    world.api.answer = failing("O:B", answer=RetryLater("timeout"))
    left: list[RetryLater | Delivered] = [RetryLater("http-503", 503), Delivered(201)]
    world.upstream.answer = lambda _ids: left.pop(0)

    report = world.deliver()

    assert (report.delivered, report.attempts) == (1, 2)
    assert world.upstream.requests == [(event_id(0),), (event_id(0),)]
    assert world.api.asked.count("O:A") == 1
    # Who waits is not begun again with the others.
    assert sum(one.event_id == event_id(1) for one in world.store.attempts) == 1


def test_what_is_gone_at_the_vendor_is_delivered_marked_so() -> None:
    world = World()
    world.name({0: "O:A"})
    world.api.answer = failing("O:A", answer=GaveUp("gone", 404))

    report = world.deliver()

    assert sent(world) == {0: Enrichment(state=EnrichmentState.GONE, reason="http-404")}
    assert (report.delivered, report.enriched, report.unenriched) == (1, 0, 1)


def test_what_the_api_refuses_is_delivered_marked_so() -> None:
    world = World(2)
    world.name({0: "O:A", 1: "O:B"})
    world.api.answer = failing("O:A", "O:B", answer=GaveUp("http-401", 401))

    report = world.deliver()

    assert set(sent(world).values()) == {gave_up("http-401")}
    assert (report.delivered, report.unenriched, report.later_seconds) == (2, 2, None)


def test_a_fault_that_passes_is_tried_again_at_once() -> None:
    world = World()
    world.name({0: "O:A"})
    left: list[FetchResult] = [RetryLater("http-503", 503), Fetched("{}")]
    world.api.answer = lambda _one: left.pop(0)

    assert world.deliver().enriched == 1
    [slept] = world.slept
    assert 0.1 <= slept <= 0.3


def test_what_fails_still_comes_again_and_the_others_go_now() -> None:
    world = World(4)
    world.name({1: "O:A", 2: "O:B"})
    world.api.answer = failing("O:A")

    report = world.deliver(received=3)

    assert world.upstream.requests == [(event_id(0), event_id(2), event_id(3))]
    assert world.api.asked == ["O:A", "O:A", "O:B"]
    assert (report.delivered, report.enriched, report.attempts) == (3, 1, 1)
    assert (report.later_seconds, report.reasons) == (retry_seconds(3), ["enrichment-http-500"])
    assert waiting(world) == {1: ("enrichment-http-500", 500)}
    [put_off] = world.store.put_off.values()
    assert (put_off.outcome, put_off.due_seconds) == (AttemptOutcome.RETRY_LATER, 6 * 3600)
    # It is the destination's request that tells of the destination.
    assert world.store.well == [True]


def test_when_all_wait_the_destination_is_neither_asked_nor_blamed() -> None:
    world = World(2)
    world.name({0: "O:A", 1: "O:B"})
    world.api.answer = failing("O:A", "O:B", answer=RetryLater("connection-refused"))

    report = world.deliver()

    assert (world.upstream.requests, report.attempts) == ([], 0)
    assert (world.store.well, report.later_seconds) == ([None], retry_seconds(1))
    assert world.store.pending.keys() == set(world.ids)


@pytest.mark.parametrize(
    "answer",
    [
        RetryLater("timeout"),
        RetryLater("http-429", 429),
        RetryLater("http-503", 503, after_seconds=120.2),
    ],
)
def test_an_api_that_is_not_to_be_asked_is_asked_no_more(answer: RetryLater) -> None:
    world = World(4)
    world.name({0: "O:A", 1: "O:B", 2: "O:C"})
    world.api.answer = failing("O:A", answer=answer)
    world.api.seconds = 3

    report = world.deliver()

    assert world.api.asked == ["O:A"]
    assert world.upstream.requests == [(event_id(3),)]
    assert waiting(world) == dict.fromkeys(range(3), (f"enrichment-{answer.reason}", answer.status))
    assert report.later_seconds == (121 if answer.after_seconds else retry_seconds(1))
    durations = {one.event_id: one.duration_ms for one in world.store.attempts}
    assert (durations[event_id(0)], durations[event_id(1)]) == (3000.0, 0.0)


def test_two_objects_in_a_row_that_it_fails_at_are_the_api() -> None:
    world = World(5)
    world.name({number: f"O:{number}" for number in range(5)})
    world.api.answer = failing("O:1", "O:2")

    report = world.deliver()

    assert world.api.asked == ["O:0", "O:1", "O:1", "O:2", "O:2"]
    assert (report.enriched, set(waiting(world))) == (1, {1, 2, 3, 4})


def test_one_source_s_trouble_is_not_another_s() -> None:
    world = World(2)
    world.name({0: "O:A"})
    world.name({1: "O:B"}, source_id=OTHER_SOURCE)
    world.api.answer = failing("O:A", answer=RetryLater("timeout"))

    assert world.deliver().enriched == 1
    assert sent(world).keys() == {1}


def test_a_long_wait_that_the_api_asks_for_is_the_queue_s() -> None:
    world = World()
    world.name({0: "O:A"})
    world.api.answer = failing("O:A", answer=RetryLater("http-429", 429, 30.5))

    report = world.deliver()

    assert (world.api.asked, world.slept, report.later_seconds) == (["O:A"], [], 31)
