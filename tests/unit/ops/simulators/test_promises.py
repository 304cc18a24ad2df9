"""What an answer may be, by the HTTP contract."""

from __future__ import annotations

import json

import pytest

from ops.simulators.promises import Answer, Expected, fault_of


def told(accepted: int = 0, duplicates: int = 0, queued: int = 0, quarantined: int = 0) -> Answer:
    counts = {
        "accepted": accepted, "duplicates": duplicates,
        "queued": queued, "quarantined": quarantined,
    }  # fmt: skip
    return Answer(status=200, seconds=0.1, text=json.dumps({**counts, "rid": "r"}))


def answered(status: int | None, text: str = "") -> Answer:
    return Answer(status=status, seconds=0.1, text=text)


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        (Expected.STORED, told(accepted=1)),
        (Expected.KNOWN, told(duplicates=1)),
        (Expected.ONCE, told(accepted=1)),
        (Expected.ONCE, told(duplicates=1)),
        (Expected.SET_ASIDE, told(quarantined=1)),
        (Expected.KEPT, told(quarantined=1)),
        (Expected.REFUSED, answered(401)),
    ],
)
def test_what_is_promised_is_no_fault(expected: Expected, answer: Answer) -> None:
    assert fault_of(answer, expected, items=1) is None


@pytest.mark.parametrize("expected", [e for e in Expected if e is not Expected.REFUSED])
def test_the_queue_may_have_taken_it(expected: Expected) -> None:
    assert fault_of(told(queued=1), expected, items=1) is None


@pytest.mark.parametrize("expected", Expected)
def test_that_neither_store_is_reachable_may_be_said_and_no_answer_is_judged_elsewhere(
    expected: Expected,
) -> None:
    assert fault_of(answered(503), expected, items=1) is None
    assert fault_of(answered(None), expected, items=1) is None


@pytest.mark.parametrize(
    ("expected", "answer", "fault"),
    [
        (Expected.STORED, told(duplicates=1), "1 duplicates, not accepted"),
        (Expected.STORED, told(quarantined=1), "1 quarantined, not accepted"),
        (Expected.KNOWN, told(accepted=1), "1 accepted, not duplicates"),
        (Expected.ONCE, told(quarantined=1), "1 quarantined, not accepted or duplicates"),
        (Expected.SET_ASIDE, told(accepted=1), "1 accepted, not quarantined"),
        (Expected.STORED, told(accepted=2), "2 items counted, not 1"),
        (Expected.STORED, told(), "0 items counted, not 1"),
        (Expected.KEPT, told(), "0 items counted, not 1"),
        (Expected.STORED, answered(401), "answered 401, not 200"),
        (Expected.SET_ASIDE, answered(422), "answered 422, not 200"),
        (Expected.STORED, answered(500), "answered 500, not 200"),
        (Expected.STORED, answered(302), "answered 302, not 200"),
        (Expected.REFUSED, told(accepted=1), "answered 200, not 401"),
        (Expected.STORED, answered(200, "ok"), "200, but without the counts"),
        (Expected.STORED, answered(200, '{"accepted":1}'), "200, but without the counts"),
        (Expected.STORED, answered(200, "[" * 100_000), "200, but without the counts"),
    ],
)
def test_all_else_is_a_fault(expected: Expected, answer: Answer, fault: str) -> None:
    assert fault_of(answer, expected, items=1) == fault


def test_the_items_of_a_request_add_up() -> None:
    assert fault_of(told(accepted=2, queued=1), Expected.STORED, items=3) is None
    assert fault_of(told(accepted=2), Expected.STORED, items=3) == "2 items counted, not 3"


def test_who_wants_a_text_is_told_that_and_no_counts() -> None:
    def adyen(answer: Answer) -> str | None:
        return fault_of(answer, Expected.STORED, items=2, wants_text="[accepted]")

    assert adyen(answered(200, "[accepted]")) is None
    assert adyen(told(accepted=2)) == "its text is not [accepted]"
    assert adyen(answered(401)) == "answered 401, not 200"
