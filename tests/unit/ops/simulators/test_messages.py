"""What is sent of each kind."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from ops.simulators import SIMULATORS
from ops.simulators.messages import Kind, Message, Recipient, Traffic, When
from ops.simulators.promises import Expected
from ops.simulators.rules import rules_of

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
EVERY_VENDOR = pytest.mark.parametrize("name", SIMULATORS)


def traffic(name: str, shares: dict[str, float] | None = None, *, merchants: int = 1) -> Traffic:
    simulator = SIMULATORS[name]
    known = [simulator.merchant_id(number) for number in range(1, merchants + 1)]
    recipient = Recipient(
        simulator=simulator,
        rules=rules_of(name),
        secret=simulator.new_secret(),
        notification_url="https://pos.example.com/v1/hooks/x/1",
        merchants=[merchant for merchant in known if merchant],
    )
    kinds = {Kind(kind): share for kind, share in (shares or {}).items()}
    return Traffic(recipient, shares=kinds, run_id="r1", dice=Random(7))  # noqa: S311  Repeatable.


def message(name: str, kind: Kind) -> Message:
    return traffic(name, {kind: 1.0}).message(0, NOW)


def expected(found: Message) -> list[Expected]:
    return [step.expected for step in found.steps]


@EVERY_VENDOR
def test_genuine_traffic_is_one_request_under_keys_of_the_run(name: str) -> None:
    found = [traffic(name).message(number, NOW) for number in (0, 1)]

    assert [expected(one) for one in found] == [[Expected.STORED]] * 2
    assert found[0].events[0].key != found[1].events[0].key
    assert found[0].kind is Kind.GENUINE


@EVERY_VENDOR
def test_a_duplicate_is_the_same_again_once_the_first_was_taken(name: str) -> None:
    first, again = message(name, Kind.DUPLICATE).steps

    assert first.delivery is again.delivery
    assert (again.expected, again.when, again.attempt) == (Expected.KNOWN, When.AFTERWARDS, 2)


@EVERY_VENDOR
def test_a_late_resend_is_the_last_attempt_at_an_event_that_is_as_old(name: str) -> None:
    first, again = message(name, Kind.LATE_RESEND).steps
    delays = rules_of(name).delays_seconds

    assert (again.when, again.attempt) == (When.AT_THE_END, max(2, len(delays) + 1))
    assert again.expected is Expected.KNOWN
    assert first.delivery.events == again.delivery.events


def test_a_late_event_s_time_is_that_of_the_event_and_the_signature_s_that_of_sending() -> None:
    first = message("standard", Kind.LATE_RESEND).steps[0].delivery
    age = timedelta(seconds=sum(rules_of("standard").delays_seconds))

    assert first.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert (NOW - age).strftime("%Y-%m-%dT%H:%M:%S").encode() in first.body


@pytest.mark.parametrize("name", [n for n, s in SIMULATORS.items() if s.tells_amount])
def test_a_conflict_is_another_body_under_the_same_key(name: str) -> None:
    found = message(name, Kind.CONFLICT)
    first, other = found.steps

    assert [event.key for event in first.delivery.events] == [
        event.key for event in other.delivery.events
    ]
    assert first.delivery.body != other.delivery.body
    assert expected(found) == [Expected.STORED, Expected.SET_ASIDE]


@EVERY_VENDOR
@pytest.mark.parametrize("kind", [Kind.FORGED, Kind.UNSIGNED])
def test_what_nobody_signed_is_refused_and_must_not_be_there(name: str, kind: Kind) -> None:
    found = message(name, kind)

    assert expected(found) == [Expected.REFUSED]
    assert (len(found.events), len(found.never), found.impostor) == (0, 1, True)


@pytest.mark.parametrize("name", [n for n, s in SIMULATORS.items() if s.merchant_example])
def test_a_strange_merchant_s_event_is_set_aside_and_must_not_be_there(name: str) -> None:
    found = message(name, Kind.WRONG_MERCHANT)

    [event] = found.never
    assert event.merchant_id != SIMULATORS[name].merchant_example
    assert (expected(found), found.events, found.impostor) == ([Expected.SET_ASIDE], (), False)


@EVERY_VENDOR
def test_a_broken_body_is_set_aside_whole(name: str) -> None:
    found = message(name, Kind.BROKEN_BODY)

    assert (expected(found), found.steps[0].items, found.events) == ([Expected.SET_ASIDE], 1, ())


@EVERY_VENDOR
def test_large_is_as_large_as_toast_s_largest(name: str) -> None:
    assert len(message(name, Kind.LARGE).steps[0].delivery.body) >= 600_000


@EVERY_VENDOR
def test_slow_is_sent_twice_at_once(name: str) -> None:
    found = message(name, Kind.SLOW)

    assert [(step.when, step.attempt) for step in found.steps] == [
        (When.AT_ONCE, 1),
        (When.AT_ONCE, 2),
    ]
    assert expected(found) == [Expected.ONCE, Expected.ONCE]


def test_an_app_s_merchants_stand_in_one_request_where_the_vendor_puts_them_there() -> None:
    many = traffic("clover", merchants=8)
    sizes = {len(many.message(number, NOW).events) for number in range(60)}
    one = traffic("square", merchants=8)
    whose = {one.message(number, NOW).events[0].merchant_id for number in range(60)}

    assert sizes == {1, 2, 3, 4, 5}
    assert len(whose) == 8


def test_shares_are_those_asked_for() -> None:
    mixed = traffic("square", {"forged": 0.25, "slow": 0.25})

    kinds = Counter(mixed.message(number, NOW).kind for number in range(2_000))
    assert set(kinds) == {Kind.GENUINE, Kind.FORGED, Kind.SLOW}
    assert 400 < kinds[Kind.FORGED] < 600
    assert 400 < kinds[Kind.SLOW] < 600
