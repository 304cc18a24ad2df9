"""Ten minutes without the database, and without the queue too, as each vendor lives them.

Every vendor's own retry rules are played on a simulated clock against the real use cases,
in process. One answer in fifty is lost on the way back.
"""

from __future__ import annotations

from functools import cache

import pytest

from tests.chaos.in_process import Played, is_slow, play
from tests.chaos.simulated_vendor import Answer, Foretold, foretell
from tillgate.providers import PROVIDERS

EVERY_SECONDS = 2.0
FIRST_SENDS = tuple(EVERY_SECONDS * n for n in range(1_200))
OUTAGE_BEGIN, OUTAGE_END = 600.0, 1_200.0
# Of 300 first sent in the outage. Clover sends nothing again; Toast pauses, for a minute at a
# time, and what falls into a pause is taken for lost, which is the strictest reading of its page.
LOST = {"clover": 300, "toast": 266}
every_vendor = pytest.mark.parametrize("vendor", PROVIDERS)


def is_out(at: float) -> bool:
    return OUTAGE_BEGIN <= at < OUTAGE_END


@cache
def replay(vendor: str, *, queue_is_up: bool) -> Played:
    return play(vendor, FIRST_SENDS, is_out=is_out, queue_is_up=queue_is_up)


def in_outage(played: Played) -> list[Answer]:
    return [answer for post, answer in played.sender.answers if is_out(post.at)]


def foretold(vendor: str) -> Foretold:
    return foretell(PROVIDERS[vendor].retries, FIRST_SENDS, is_out=is_out, is_slow=is_slow)


@every_vendor
def test_without_the_database_every_delivery_is_answered_200(vendor: str) -> None:
    played = replay(vendor, queue_is_up=True)

    assert {answer.status for _, answer in played.sender.answers} == {200}
    assert len(played.tillgate.queue.messages) == len(in_outage(played)) >= 300


@every_vendor
def test_without_the_database_every_event_is_stored_once_the_queue_is_drained(vendor: str) -> None:
    tillgate = replay(vendor, queue_is_up=True).tillgate

    assert sorted(tillgate.stored()) == list(range(len(FIRST_SENDS)))
    assert tillgate.quarantine.items == []


@every_vendor
def test_without_the_database_no_subscription_is_paused_or_ended(vendor: str) -> None:
    subscription = replay(vendor, queue_is_up=True).sender.subscription

    assert (subscription.paused_at, subscription.ended_at) == ([], None)


@every_vendor
def test_without_both_stores_every_delivery_is_answered_503(vendor: str) -> None:
    played = replay(vendor, queue_is_up=False)

    assert {answer.status for answer in in_outage(played)} == {503}
    assert {answer.status for _, answer in played.sender.answers} == {200, 503}
    assert played.tillgate.queue.messages == []


@every_vendor
def test_without_both_stores_all_that_the_vendor_sends_again_is_stored_once(vendor: str) -> None:
    played, expected = replay(vendor, queue_is_up=False), foretold(vendor)

    assert played.tillgate.stored() == expected.reached
    assert len(played.tillgate.events.events) == len(expected.reached)
    assert played.tillgate.quarantine.items == []


@every_vendor
def test_without_both_stores_a_subscription_fares_as_its_rules_say(vendor: str) -> None:
    subscription, expected = replay(vendor, queue_is_up=False).sender.subscription, foretold(vendor)

    assert tuple(subscription.paused_at) == expected.paused_at
    assert subscription.ended_at == expected.ended_at


@every_vendor
def test_without_both_stores_ten_minutes_cost_what_is_never_sent_again(vendor: str) -> None:
    played = replay(vendor, queue_is_up=False)

    assert len(FIRST_SENDS) - len(played.tillgate.stored()) == LOST.get(vendor, 0)
    assert bool(played.sender.subscription.paused_at) is (vendor == "toast")
    assert played.sender.subscription.ended_at is None
