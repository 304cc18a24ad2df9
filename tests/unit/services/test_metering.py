from __future__ import annotations

from datetime import UTC, datetime

from tests.fakes import InMemoryMetrics
from tillgate.domain.answered import Answered
from tillgate.domain.metrics import DB_DURATION, DELIVERIES, Recorder
from tillgate.domain.tenant import SourceId
from tillgate.services.metering import IDLE_RETRY_SECONDS, KEPT_REQUESTS, Meter

SERIES = "deliveries_total|supabase|delivered"


class Stand:
    """A sandbox's meter, its clock and what it flushes to."""

    def __init__(self, store: InMemoryMetrics | None = None) -> None:
        self.now = 1_000.0
        self.store = store or InMemoryMetrics()
        self.meter = Meter(Recorder(), self.store, clock=lambda: self.now)

    def count(self, number: int = 1) -> None:
        self.meter.recorder.count(DELIVERIES, "supabase", "delivered", by=number)

    def request(self, *, after: float) -> bool:
        """Serve one, so long after the one before."""
        self.now += after
        self.count()
        return self.meter.flush_if_due()

    @property
    def total(self) -> int:
        return self.store.read().series.get(SERIES, 0)


def test_the_first_request_waits_for_no_flush() -> None:
    stand = Stand()

    assert stand.request(after=0)

    assert stand.store.flushes == {}


def test_the_first_request_flushes_what_a_source_sent() -> None:
    stand = Stand()
    stand.meter.recorder.activity.work(
        None, {}, heard={SourceId("s"): datetime(2026, 11, 23, tzinfo=UTC)}, seconds=0.0,
        database_seconds=0.0,
    )  # fmt: skip

    assert stand.request(after=0)

    assert stand.total == 1


def test_a_request_two_seconds_later_flushes_with_itself_counted() -> None:
    stand = Stand()
    stand.request(after=0)
    stand.request(after=1.9)
    assert stand.total == 0

    stand.request(after=0.1)

    assert stand.total == 3
    stand.request(after=1.9)
    assert stand.total == 3
    stand.request(after=100)
    assert stand.total == 5


def test_a_clock_that_was_set_back_puts_no_flush_off() -> None:
    stand = Stand()
    stand.request(after=0)

    stand.request(after=-3_600)

    assert stand.total == 2


def test_what_cannot_be_stored_is_kept_and_tried_again_in_two_seconds() -> None:
    stand = Stand()
    stand.request(after=0)
    stand.store.is_down = True
    assert not stand.request(after=2)
    stand.store.is_down = False

    assert stand.request(after=1)
    assert stand.total == 0
    assert stand.request(after=1)

    assert stand.total == 4
    assert len(stand.store.flushes) == 2


def test_a_flush_whose_answer_was_lost_counts_once() -> None:
    stand = Stand()
    stand.count(7)
    stand.store.loses_answers = True
    assert not stand.meter.flush()
    stand.count(2)
    stand.store.loses_answers = False

    assert stand.meter.flush()

    assert stand.total == 9
    assert [seq for _, seq in stand.store.flushes] == [1, 2]


def test_nothing_is_stored_when_nothing_was_counted() -> None:
    stand = Stand()

    assert stand.meter.flush()

    assert stand.store.flushes == {}


def test_two_sandboxes_have_ids_of_their_own() -> None:
    store = InMemoryMetrics()
    for _ in range(2):
        stand = Stand(store)
        stand.count()
        stand.meter.flush()

    assert stand.total == 2
    assert len({sandbox for sandbox, _ in store.flushes}) == 2


def test_a_pause_flushes_what_a_burst_left_behind() -> None:
    stand = Stand()
    stand.request(after=0)
    stand.request(after=0.5)

    assert stand.meter.idle() == 1.5
    stand.now += 1.5
    assert stand.meter.idle() is None

    assert stand.total == 2
    assert stand.meter.idle() is None
    assert len(stand.store.flushes) == 1


def test_a_pause_flushes_what_a_request_had_to_keep() -> None:
    stand = Stand()
    stand.count()

    assert stand.meter.idle() is None

    assert stand.total == 1


def test_a_pause_flushes_what_a_queued_message_took() -> None:
    stand = Stand()
    stand.meter.recorder.activity.work(
        "11111111-1111-4111-8111-111111111111",
        {"stored": 1},
        heard={
            SourceId("22222222-2222-4222-8222-222222222222"): datetime(2026, 11, 23, tzinfo=UTC)
        },
        seconds=0.5,
        database_seconds=0.1,
    )

    assert stand.meter.idle() is None

    assert len(stand.store.flushes) == 1
    assert not stand.meter.recorder.has_counted


def test_a_request_after_a_pause_flushes_with_itself_counted() -> None:
    stand = Stand()
    stand.request(after=0)
    stand.now += 2
    assert stand.meter.idle() is None
    assert stand.total == 1

    stand.request(after=0)

    assert stand.total == 2


def test_how_long_a_flush_took_is_no_reason_for_another() -> None:
    stand = Stand()
    stand.request(after=0)
    stand.meter.flush()
    stand.meter.recorder.observe(DB_DURATION, 0.001)

    stand.now += 2

    assert stand.meter.idle() is None
    assert len(stand.store.flushes) == 1


def test_a_pause_in_which_the_database_is_down_is_followed_by_another_look() -> None:
    stand = Stand()
    stand.request(after=0)
    stand.now += 2
    stand.store.is_down = True
    assert stand.meter.idle() == IDLE_RETRY_SECONDS
    stand.store.is_down = False

    stand.now += IDLE_RETRY_SECONDS

    assert stand.meter.idle() is None
    assert stand.total == 1


ANSWERED = "http_requests_total|POST|/v1/events|201"


def answered(**learned: object) -> Answered:
    request = Answered()
    for name, value in {"route": "POST /v1/events", **learned}.items():
        setattr(request, name, value)
    request.method, request.status = "POST", 201
    request.seconds, request.database_seconds = 0.004, 0.003
    return request


def test_a_pause_flushes_requests_that_were_only_kept_until_then() -> None:
    stand = Stand()
    stand.meter.answered(answered())
    assert stand.meter.flush()
    stand.meter.answered(answered())
    stand.now += 2

    assert stand.meter.idle() is None

    assert stand.store.read().series[ANSWERED] == 2


def test_a_flush_takes_along_the_request_that_makes_it() -> None:
    stand = Stand()
    for _ in range(2):
        assert stand.meter.answered(answered())
        stand.now += 2

    assert stand.store.read().series[ANSWERED] == 2


def test_the_first_request_that_brings_a_source_s_event_flushes() -> None:
    stand = Stand()
    heard = {SourceId("s"): datetime(2026, 11, 23, tzinfo=UTC)}

    assert stand.meter.answered(answered(heard=heard))

    assert stand.store.read().series[ANSWERED] == 1


def test_what_nobody_stores_is_counted_and_kept_no_longer_as_it_was() -> None:
    stand = Stand()
    for _ in range(KEPT_REQUESTS - 1):
        stand.meter.answered(answered(), may_store=False)
    was_counted = [stand.meter.recorder.has_counted]

    stand.meter.answered(answered(), may_store=False)

    was_counted.append(stand.meter.recorder.has_counted)
    assert was_counted == [False, True]
    assert stand.meter.flush()
    assert stand.store.read().series[ANSWERED] == KEPT_REQUESTS


def test_requests_of_many_kinds_are_counted_as_one_after_the_other_would_be() -> None:
    together, alone = Stand(), Stand()
    kinds: list[dict[str, object]] = [
        {"tenant_id": "t-1", "events": {"stored": 1}},
        {"tenant_id": "t-1", "events": {"duplicate": 2, "invalid": 1, "stored": 0}},
        {"tenant_id": "t-2", "events": {"conflict": 1}},
        {"provider": "square", "shares": {"t-3": {"stored": 1}}, "events": {"stored": 2}},
        {"provider": "square", "shares": {}, "events": {}},
        {},
    ]
    for place, kind in enumerate(kinds * 3):
        for stand in (together, alone):
            request = answered(**kind)
            request.status = (201, 200, 422, 503)[place % 4]
            request.seconds = place / 1_000
            stand.meter.answered(request, may_store=False)
        alone.meter.flush()
    together.meter.flush()

    assert together.store.read().series == alone.store.read().series
    assert summed(together) == summed(alone)


def summed(stand: Stand) -> dict[tuple[str, str], int]:
    """Give each tenant's numbers, of all flushes together."""
    sums: dict[tuple[str, str], int] = {}
    for activity in stand.store.activity.values():
        for tenant_id, numbers in activity.tenants.items():
            for column, number in numbers.items():
                sums[tenant_id, column] = sums.get((tenant_id, column), 0) + number
    return sums
