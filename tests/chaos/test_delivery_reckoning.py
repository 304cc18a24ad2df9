"""The reckoning of deliveries on made-up runs: each way in which it has to fail, it fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.delivery_reckoning import (
    Account,
    Arrived,
    Books,
    DeliveryVerdict,
    Kept,
    merged,
    most_within,
    reckon_delivery,
)
from tests.chaos.delivery_run import delivery_recovery_target
from tests.chaos.delivery_scene import DeliveryScenario, DeliveryShape
from tests.chaos.ledger import Entry, Item, Told, digest_of

ONE = Item("k-1", digest_of({"total": 1}))
TWO = Item("k-2", digest_of({"total": 2}))
GOOD = DeliveryVerdict(2, 2)
BOOKS = Books(
    tenant_id="t-1",
    entries=[Entry(ONE, "r-1", Told.NEW, 0, "e-1"), Entry(TWO, "r-2", Told.QUEUED, 0)],
    kept=[Kept("k-1", "e-1", ONE.digest), Kept("k-2", "e-2", TWO.digest)],
    arrived=[Arrived("k-1", "e-1", ONE.digest, "t-1"), Arrived("k-2", "e-2", TWO.digest, "t-1")],
    accounts={"e-1": Account(attempts=1), "e-2": Account(attempts=3)},
    seen={"e-1": 1, "e-2": 3},
)
DEAD = replace(
    BOOKS,
    kept=[BOOKS.kept[0], replace(BOOKS.kept[1], state="gave_up", reason="http-400")],
    arrived=BOOKS.arrived[:1],
)


def test_what_arrived_once_as_it_was_sent_and_told_is_in_order() -> None:
    assert reckon_delivery(BOOKS) == GOOD


def test_what_was_acknowledged_and_is_not_stored_is_lost() -> None:
    verdict = reckon_delivery(replace(BOOKS, kept=BOOKS.kept[:1], arrived=BOOKS.arrived[:1]))
    assert verdict == replace(GOOD, lost=("k-2",))


def test_what_is_stored_twice_is_doubled() -> None:
    again = Kept("k-2", "e-3", TWO.digest)
    arrived = Arrived("k-2", "e-3", TWO.digest, "t-1")
    books = replace(BOOKS, kept=[*BOOKS.kept, again], arrived=[*BOOKS.arrived, arrived])
    assert reckon_delivery(books).doubled == ("k-2 is stored 2 times", "k-2 has arrived 2 times")


def test_what_arrived_twice_is_doubled_by_its_id_and_by_its_key() -> None:
    verdict = reckon_delivery(replace(BOOKS, arrived=[*BOOKS.arrived, BOOKS.arrived[0]]))
    assert verdict.doubled == ("e-1 has arrived 2 times", "k-1 has arrived 2 times")


def test_what_is_said_to_be_delivered_and_is_not_there_is_undelivered() -> None:
    verdict = reckon_delivery(replace(BOOKS, arrived=BOOKS.arrived[:1]))
    expected = ("k-2 is delivered, and has not arrived as it was sent",)
    assert verdict == replace(GOOD, undelivered=expected)


@pytest.mark.parametrize(
    "wrong",
    [
        Arrived("k-2", "e-2", ONE.digest, "t-1"),
        Arrived("k-9", "e-2", TWO.digest, "t-1"),
    ],
    ids=["data", "key"],
)
def test_what_arrived_otherwise_than_it_was_sent_is_undelivered(wrong: Arrived) -> None:
    verdict = reckon_delivery(replace(BOOKS, arrived=[BOOKS.arrived[0], wrong]))
    assert verdict.undelivered == ("k-2 is delivered, and has not arrived as it was sent",)


def test_what_still_waits_is_pending_and_undelivered() -> None:
    waiting = replace(BOOKS.kept[1], state="pending")
    books = replace(BOOKS, kept=[BOOKS.kept[0], waiting], arrived=BOOKS.arrived[:1])
    verdict = reckon_delivery(books)
    assert verdict.pending == ("k-2",)
    assert verdict.undelivered == ("k-2 is pending, and has not arrived as it was sent",)


def test_what_arrived_and_still_waits_is_pending_and_named() -> None:
    waiting = replace(BOOKS.kept[1], state="pending")
    verdict = reckon_delivery(replace(BOOKS, kept=[BOOKS.kept[0], waiting]))
    assert verdict.pending == ("k-2",)
    assert verdict.faults == ("k-2 has arrived, and is said to be pending",)


def test_a_dead_letter_that_is_meant_to_be_one_is_in_order() -> None:
    assert reckon_delivery(replace(DEAD, meant_dead={"k-2": "http-400"})) == GOOD


def test_a_dead_letter_that_nobody_meant_is_undelivered_and_named() -> None:
    verdict = reckon_delivery(DEAD)
    assert verdict.undelivered == ("k-2 is gave_up, and has not arrived as it was sent",)
    assert verdict.faults == ("k-2 is gave_up for http-400",)


def test_a_dead_letter_for_another_reason_is_undelivered() -> None:
    verdict = reckon_delivery(replace(DEAD, meant_dead={"k-2": "expired"}))
    assert verdict.undelivered == ("k-2 is gave_up for http-400",)


def test_what_is_meant_to_be_refused_and_is_not_is_named() -> None:
    verdict = reckon_delivery(replace(BOOKS, meant_dead={"k-2": "http-400"}))
    assert verdict.undelivered == ("k-2 is delivered for None",)
    assert verdict.faults == ("k-2 has arrived, and was to be refused",)


def test_an_event_that_was_never_to_be_delivered_is_named() -> None:
    none = replace(BOOKS.kept[1], state="none")
    books = replace(BOOKS, kept=[BOOKS.kept[0], none], arrived=BOOKS.arrived[:1])
    assert reckon_delivery(books).faults == ("k-2 is none for None",)


def test_what_arrived_and_is_not_stored_or_is_anothers_is_named() -> None:
    foreign = Arrived("k-9", "e-9", ONE.digest, "t-2")
    verdict = reckon_delivery(replace(BOOKS, arrived=[*BOOKS.arrived, foreign]))
    assert verdict.faults == (
        "k-9 has arrived, and is not stored",
        "k-9 is another tenant's",
    )


@pytest.mark.parametrize("seen", [0, 2, 4])
def test_another_number_of_attempts_than_of_requests_is_named(seen: int) -> None:
    verdict = reckon_delivery(replace(BOOKS, seen={"e-1": 1, "e-2": seen}))
    assert verdict == replace(GOOD, attempts_differ=(f"k-2: 3 attempts, {seen} requests",))


def test_an_event_that_the_api_does_not_know_is_named() -> None:
    verdict = reckon_delivery(replace(BOOKS, accounts={"e-1": Account(attempts=1)}))
    assert verdict.attempts_differ == ("k-2: the API knows nothing of it",)


@pytest.mark.parametrize(
    ("seen", "is_well"), [(0, False), (1, True), (2, True), (3, True), (4, False)]
)
def test_an_attempt_without_an_outcome_may_or_may_not_have_been_seen(
    seen: int, *, is_well: bool
) -> None:
    books = replace(
        BOOKS,
        accounts={"e-1": Account(attempts=1), "e-2": Account(attempts=3, unknown=2)},
        seen={"e-1": 1, "e-2": seen},
        kills=2,
        unknown_requests=2,
    )
    assert (reckon_delivery(books).attempts_differ == ()) is is_well


def test_more_requests_without_an_outcome_than_kills_are_named() -> None:
    verdict = reckon_delivery(replace(BOOKS, kills=1, unknown_requests=2))
    assert verdict.faults == ("2 requests have no outcome, after 1 kills",)


def test_verdicts_are_put_together_with_what_else_must_not_be() -> None:
    bad = reckon_delivery(DEAD)
    assert merged([GOOD, bad], faults=["torn"]) == DeliveryVerdict(
        4, 4, undelivered=bad.undelivered, faults=(*bad.faults, "torn")
    )


@pytest.mark.parametrize(
    ("instants", "most"),
    [([], 0), ([1.0], 1), ([0, 0.9, 1.8], 1), ([0.0, 0.1, 0.89, 0.9, 0.95], 4)],
)
def test_the_most_within_a_time_are_counted_wherever_they_lie(
    instants: list[float], most: int
) -> None:
    assert most_within(reversed(instants), 0.9) == most


def scenario(seconds: float, *, breaks: bool = False, loses: bool = False) -> DeliveryScenario:
    return DeliveryScenario(
        name="made-up",
        fault=lambda _scene: None,
        seconds=seconds,
        breaks_upstream=breaks,
        loses_receipts=loses,
        shape=DeliveryShape(visibility_seconds=10),
    )


def test_recovery_may_take_a_minute_and_what_hides_a_message_longest() -> None:
    assert delivery_recovery_target(scenario(6)) == 60 + 10
    assert delivery_recovery_target(scenario(6, loses=True)) == 60 + 10 + 10
    # 5 s for the last request, 30 of the breaker, 15 of the probe: 110 s after the fault began
    # a message that came at 75 s is hidden for 80.
    assert delivery_recovery_target(scenario(60, breaks=True)) == 60 + 50 + 80
