"""The reckoning on made-up runs: each way in which it has to fail, it fails."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.chaos.ledger import Entry, Item, Told, digest_of, text_digest
from tests.chaos.reckoning import SetAside, Stored, Verdict, reckon
from tests.chaos.run import recovery_target

if TYPE_CHECKING:
    from collections.abc import Sequence

ONE = Item("k-1", digest_of({"total": 1}))
TWO = Item("k-2", digest_of({"total": 2}))
CONFLICT = "conflict-after-queued"


def told(item: Item, what: Told, *, rid: str = "r-1", event_id: str = "", at: float = 0) -> Entry:
    return Entry(item, rid, what, at, event_id, "418" if what is Told.ODD else "")


def stored(item: Item, event_id: str = "e-1") -> Stored:
    return Stored(item.key, event_id, item.digest)


def verdict(
    entries: Sequence[Entry],
    rows: Sequence[Stored] = (),
    set_aside: Sequence[SetAside] = (),
    reasons: frozenset[str] = frozenset(),
) -> Verdict:
    return reckon(entries, rows, set_aside, reasons=reasons)


def test_events_that_are_stored_once_as_they_were_sent_are_in_order() -> None:
    entries = [told(ONE, Told.NEW, event_id="e-1"), told(TWO, Told.QUEUED, rid="r-2")]
    assert verdict(entries, [stored(ONE), stored(TWO, "e-2")]) == Verdict(2, 2, (), (), ())


@pytest.mark.parametrize("what", [Told.NEW, Told.KNOWN, Told.QUEUED])
def test_an_acknowledged_event_that_is_nowhere_is_lost(what: Told) -> None:
    assert verdict([told(ONE, what)]).lost == ("k-1",)


@pytest.mark.parametrize("what", [Told.REFUSED, Told.NOTHING])
@pytest.mark.parametrize("rows", [[], [stored(ONE)]], ids=["absent", "stored"])
def test_what_was_not_acknowledged_may_be_stored_or_not(what: Told, rows: list[Stored]) -> None:
    assert verdict([told(ONE, what)], rows) == Verdict(1, 0, (), (), ())


def test_what_was_acknowledged_at_the_second_try_counts_once() -> None:
    entries = [told(ONE, Told.REFUSED), told(ONE, Told.NOTHING), told(ONE, Told.KNOWN)]
    assert verdict(entries, [stored(ONE)]) == Verdict(1, 1, (), (), ())


def test_a_key_with_two_events_is_doubled() -> None:
    found = verdict([told(ONE, Told.QUEUED)], [stored(ONE, "e-1"), stored(ONE, "e-2")])
    assert found.doubled == ("k-1 is stored 2 times",)


def test_a_refused_event_that_is_stored_twice_is_doubled() -> None:
    found = verdict([told(ONE, Told.REFUSED)], [stored(ONE, "e-1"), stored(ONE, "e-2")])
    assert found.doubled == ("k-1 is stored 2 times",)


def test_a_key_that_was_told_to_be_new_twice_is_doubled() -> None:
    found = verdict([told(ONE, Told.NEW), told(ONE, Told.NEW)], [stored(ONE)])
    assert found.doubled == ("k-1 was told to be new 2 times",)


def test_an_event_that_is_stored_otherwise_than_sent_is_lost_and_named() -> None:
    found = verdict([told(ONE, Told.NEW)], [Stored("k-1", "e-1", TWO.digest)])
    assert found.lost == ("k-1",)
    assert found.faults == ("k-1 is not stored as it was sent",)


def test_an_event_that_nobody_sent_is_named() -> None:
    found = verdict([told(ONE, Told.NEW)], [stored(ONE), stored(TWO, "e-2")])
    assert found.faults == ("k-2 is stored, and nobody sent it",)


def test_an_id_that_is_not_the_stored_events_is_named() -> None:
    found = verdict([told(ONE, Told.NEW, event_id="e-9")], [stored(ONE)])
    assert found.faults == ("k-1 was told another event's id",)


def test_an_answer_that_no_sender_should_get_is_named() -> None:
    assert verdict([told(ONE, Told.ODD)]).faults == ("k-1 was answered 418",)


def test_quarantine_keeps_an_event_where_the_scenario_means_it_to() -> None:
    other = Item("k-1", TWO.digest)
    entries = [told(ONE, Told.QUEUED, rid="r-a"), told(other, Told.NEW, rid="r-b")]
    aside = [SetAside("r-a", CONFLICT)]
    meant = verdict(entries, [stored(other)], aside, frozenset({CONFLICT}))
    assert meant == Verdict(2, 2, (), (), ())
    found = verdict(entries, [stored(other)], aside)
    assert found.lost == ("k-1",)
    assert found.faults == (f"r-a is in quarantine for {CONFLICT}",)


def test_quarantine_for_another_reason_keeps_nothing() -> None:
    found = verdict(
        [told(ONE, Told.QUEUED)], [], [SetAside("r-1", "unreadable")], frozenset({CONFLICT})
    )
    assert found.lost == ("k-1",)
    assert found.faults == ("r-1 is in quarantine for unreadable",)


def test_an_event_that_is_in_quarantine_twice_or_stored_as_well_is_doubled() -> None:
    aside = [SetAside("r-1", CONFLICT), SetAside("r-1", CONFLICT)]
    found = verdict([told(ONE, Told.QUEUED)], [stored(ONE)], aside, frozenset({CONFLICT}))
    assert found.doubled == ("r-1 is in quarantine 2 times", "k-1 is stored, and in quarantine")


def test_data_is_compared_as_it_is_stored() -> None:
    data = {"b": "ü", "a": [1, {"d": None, "c": True}]}
    assert digest_of(data) == text_digest('{"a":[1,{"c":true,"d":null}],"b":"ü"}')
    assert digest_of(data) != text_digest(json.dumps(data))


@pytest.mark.parametrize(
    ("fault_seconds", "hidden"), [(0, 5), (5, 5), (6, 10), (15, 10), (30, 20), (60, 40)]
)
def test_recovery_may_take_a_minute_and_the_longest_time_a_message_is_hidden(
    fault_seconds: float, hidden: float
) -> None:
    assert recovery_target(fault_seconds) == 60 + hidden
