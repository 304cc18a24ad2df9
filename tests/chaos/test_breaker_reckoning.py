"""What a breaker lets through, on made-up runs: each way in which it has to fail, it fails."""

from __future__ import annotations

import pytest

from tests.chaos.delivery_reckoning import BreakerRule, breaker_faults

RULE = BreakerRule(trip=5, open_seconds=30, at_once=2)
FAULT = (10.0, 70.0)
TRIPPED = [(10.0 + n, "503") for n in range(5)]
PROBE = (45.0, "503")
CLOSED = [(76.0, "201"), (76.1, "201")]


def found(*requests: tuple[float, str]) -> list[str]:
    return breaker_faults(requests, RULE, fault=FAULT)


def test_a_breaker_that_opens_probes_and_closes_is_in_order() -> None:
    assert found((9.0, "201"), *TRIPPED, PROBE, *CLOSED) == []


def test_what_was_under_way_when_it_opened_may_still_come() -> None:
    assert found(*TRIPPED, (14.01, "503"), PROBE, *CLOSED) == []


def test_more_than_what_was_under_way_is_named() -> None:
    requests = found(*TRIPPED, (14.01, "503"), (14.02, "503"), PROBE, *CLOSED)
    assert requests == ["2 requests came when the breaker was open"]


def test_probes_that_follow_each_other_too_soon_are_named() -> None:
    assert found(*TRIPPED, PROBE, (60.0, "503"), *CLOSED) == ["a probe 15.0 s after the one before"]


def test_two_probes_at_once_are_named() -> None:
    assert found(*TRIPPED, PROBE, (45.01, "503"), *CLOSED) == ["a probe 0.0 s after the one before"]


def test_a_breaker_that_was_never_put_to_it_is_named() -> None:
    assert found(*TRIPPED[:4], *CLOSED) == [
        "it saw 4 requests in the fault, too few to open the breaker"
    ]


def test_a_breaker_that_lets_nobody_try_is_named() -> None:
    assert found(*TRIPPED, *CLOSED) == ["no probe was made"]


@pytest.mark.parametrize("after", [[], [(72.0, "503")]], ids=["silent", "failing"])
def test_a_breaker_that_never_closes_is_named(after: list[tuple[float, str]]) -> None:
    assert "it never closed" in found(*TRIPPED, PROBE, *after)


def test_a_request_that_fails_after_it_closed_is_named() -> None:
    assert "a request failed after it had closed" in found(*TRIPPED, PROBE, *CLOSED, (110.0, "503"))
