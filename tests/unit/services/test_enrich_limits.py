"""How long an event waits for its object, for what there is room, and what never happens."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import PlainSecretBox
from tests.unit.services.deliveries import NOW, OTHER_SOURCE, World, access, event_id
from tests.unit.services.enrichments import failing, gave_up, sent, waiting
from tillgate.domain.delivery import AttemptOutcome, Delivered, GaveUp, RetryLater
from tillgate.domain.enrichment import ENRICH_WITHIN, NOT_ENRICHED, Fetched
from tillgate.domain.errors import SealBrokenError, SecretUnavailableError
from tillgate.domain.queued import retry_seconds
from tillgate.services.enrich import MAX_OBJECT_BYTES_A_REQUEST, MESSAGE_SECONDS

if TYPE_CHECKING:
    from tillgate.domain.delivery import SendResult
    from tillgate.domain.tenant import EventId
    from tillgate.services.enrich import FetchResult

HOUR = ENRICH_WITHIN


def test_after_an_hour_an_event_goes_without_its_object() -> None:
    world = World(3)
    world.name({number: f"O:{number}" for number in range(3)})
    world.age(HOUR, 0, 2)
    world.age(HOUR - timedelta(minutes=1), 1)
    world.api.answer = failing("O:0", "O:1", "O:2")

    report = world.deliver()

    assert sent(world) == {0: gave_up("http-500"), 2: gave_up("http-500")}
    assert set(waiting(world)) == {1}
    assert (report.delivered, report.unenriched) == (2, 2)
    assert report.later_seconds == retry_seconds(1)


def test_what_is_older_than_an_hour_is_enriched_if_it_can_be() -> None:
    world = World()
    world.name({0: "O:A"})
    world.age(HOUR * 5, 0)

    assert world.deliver().enriched == 1


def test_what_there_is_no_time_for_comes_again_and_gets_further() -> None:
    world = World(10)
    world.name({number: f"O:{number}" for number in range(10)})
    world.age(HOUR * 5, *range(10))
    world.api.seconds = 4

    report = world.deliver()

    assert len(world.api.asked) == 4
    assert world.api.within == [15, 11, 7, 3]
    assert (report.enriched, report.unenriched) == (4, 0)
    assert (report.later_seconds, report.reasons) == (retry_seconds(1), ["enrichment-no-time"])
    world.elapsed = 0
    assert world.deliver().enriched == 4


def test_the_batch_s_end_leaves_time_for_the_send() -> None:
    world = World(3, batch_seconds=6)
    world.name({number: f"O:{number}" for number in range(3)})
    world.api.seconds = 3

    report = world.deliver()

    assert world.api.within == [4, 1]
    assert (report.enriched, report.attempts) == (2, 1)


def test_what_has_no_room_beside_other_objects_goes_in_the_next_request() -> None:
    world = World(8)
    world.name({number: f"O:{number}" for number in range(8)})
    large = '{"x":"' + "y" * (MAX_OBJECT_BYTES_A_REQUEST // 3) + '"}'
    world.api.answer = lambda _one: Fetched(large)

    report = world.deliver()

    assert [len(ids) for ids in world.upstream.requests] == [2, 2, 2, 2]
    assert (report.enriched, report.later_seconds) == (8, None)
    assert len(world.api.asked) == 8
    crowded = [one for one in world.store.attempts if one.reason == "enrichment-no-room"]
    assert {(one.outcome, one.status) for one in crowded} == {("retry_later", None)}


def test_a_table_without_the_columns_refuses_only_what_has_something_in_them() -> None:
    world = World(8)
    world.name({2: "O:A", 5: "O:B"})

    def refuse_new_columns(ids: tuple[EventId, ...]) -> SendResult:
        carried = world.upstream.sent[-len(ids) :]
        is_old_form = all(one.enrichment == NOT_ENRICHED for one in carried)
        return Delivered(201) if is_old_form else GaveUp("http-400-PGRST204", 400)

    world.upstream.answer = refuse_new_columns

    report = world.deliver()

    refused = {one for one, reason in world.reasons().items() if reason is not None}
    assert refused == {event_id(2), event_id(5)}
    assert (report.delivered, report.reasons) == (6, ["http-400-PGRST204"])


@pytest.mark.parametrize(
    ("error", "reason"),
    [(SealBrokenError, "secret-unreadable"), (SecretUnavailableError, "secret-unavailable")],
)
def test_a_token_that_cannot_be_opened_is_waited_for_within_the_hour(
    error: type[Exception], reason: str
) -> None:
    class Broken(PlainSecretBox):
        def open(self, sealed: bytes, *, context: str) -> bytes:
            if context.startswith("credential:"):
                raise error("no")
            return super().open(sealed, context=context)

    world = World(2, box=Broken())
    world.name({0: "O:A", 1: "O:B"})
    world.age(HOUR, 1)

    report = world.deliver()

    assert (world.api.asked, report.reasons) == ([], [f"enrichment-{reason}"])
    assert (sent(world), set(waiting(world))) == ({1: gave_up(reason)}, {0})


def test_a_token_is_opened_for_its_own_source_only() -> None:
    world = World()
    world.name({0: "O:A"})
    other = access(OTHER_SOURCE)
    [mine] = world.store.accesses
    world.store.accesses = (
        type(mine)(
            tenant_id=mine.tenant_id,
            source_id=mine.source_id,
            provider=mine.provider,
            merchant_id=None,
            api_url=mine.api_url,
            sealed_token=other.sealed_token,
        ),
    )

    assert world.deliver().reasons == ["enrichment-secret-unreadable"]
    assert world.api.asked == []


FETCHES: st.SearchStrategy[FetchResult] = st.one_of(
    st.just(Fetched("{}")),
    st.just(Fetched('"' + "x" * (MAX_OBJECT_BYTES_A_REQUEST // 2) + '"')),
    st.just(GaveUp("gone", 404)),
    st.just(GaveUp("http-403", 403)),
    st.builds(
        RetryLater,
        st.just("later"),
        st.none() | st.integers(429, 599),
        st.none() | st.floats(0, 3600),
    ),
)
SENDS = st.one_of(
    st.just(Delivered(201)),
    st.just(GaveUp("refused", 400)),
    st.just(RetryLater("http-503", 503)),
    st.just(RetryLater("http-409", 409)),
)


@given(
    fetches=st.lists(FETCHES, min_size=1, max_size=20),
    sends=st.lists(SENDS, min_size=1, max_size=10),
    names=st.lists(st.sampled_from(["O:A", "O:B", "O:C", None]), min_size=1, max_size=12),
    seconds=st.floats(0, 5),
    ages=st.lists(st.integers(0, 30), min_size=12, max_size=12),
)
def test_whatever_the_api_answers_no_event_is_lost_to_it(
    fetches: list[FetchResult],
    sends: list[Delivered | GaveUp | RetryLater],
    names: list[str | None],
    seconds: float,
    ages: list[int],
) -> None:
    world = World(len(names), batch_seconds=40)
    world.name({number: name for number, name in enumerate(names) if name is not None})
    for number in range(len(names)):
        world.age(timedelta(hours=ages[number]), number)
    world.api.answer = lambda _one: fetches.pop(0) if len(fetches) > 1 else fetches[0]
    world.upstream.answer = lambda _ids: sends.pop(0) if len(sends) > 1 else sends[0]
    world.api.seconds = seconds

    report = world.deliver()

    settled = world.store.settled
    assert settled.keys() | world.store.pending.keys() == set(world.ids)
    assert bool(world.store.pending) == (report.later_seconds is not None)
    # Nothing is given up but by the destination.
    reasons = {one.reason for one in settled.values() if one.outcome is AttemptOutcome.GAVE_UP}
    assert reasons <= {"refused", "expired"}
    assert len(world.store.attempts) == len(world.store.begun)
    carried = set(world.upstream.requests)
    assert {len(set(ids)) for ids in carried} == {len(ids) for ids in carried}
    assert report.enriched + report.unenriched <= report.delivered
    assert world.elapsed <= 2 * MESSAGE_SECONDS + 40
    assert world.now() >= NOW
