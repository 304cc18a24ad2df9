"""The simulated vendor itself, by numbers worked out by hand from the vendors' pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.simulated_vendor import Answer, SimulatedVendor
from tillgate.domain.vendor_rules import DAY, HOUR
from tillgate.providers import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def sent(
    vendor: str, first_sends: Sequence[float], *, answer: Callable[[float], Answer]
) -> SimulatedVendor:
    """Play a vendor against a receiver that answers by the time alone."""
    sender = SimulatedVendor(PROVIDERS[vendor].retries, lambda post: answer(post.at))
    sender.run(first_sends)
    return sender


def times(sender: SimulatedVendor) -> list[float]:
    return [post.at for post, _ in sender.answers]


def always(status: int, *, after_seconds: float = 0.1) -> Callable[[float], Answer]:
    return lambda _: Answer(status, after_seconds)


def test_toast_sends_again_after_5_then_10_minutes_then_never() -> None:
    assert times(sent("toast", [7.0], answer=always(503))) == [7, 307, 907]


def test_square_sends_again_for_a_day() -> None:
    at = times(sent("square", [0.0], answer=always(503)))

    assert at[:8] == [0, 60, 180, 420, 900, 1_860, 3_780, 3_780 + HOUR]
    assert DAY - HOUR < at[-1] <= DAY


@pytest.mark.parametrize("status", [200, 202, 299])
def test_what_is_acknowledged_is_not_sent_again(status: int) -> None:
    assert times(sent("square", [0.0], answer=always(status))) == [0]


@pytest.mark.parametrize("status", [400, 401, 403, 410, 302])
def test_toast_drops_what_is_refused_and_the_others_do_not(status: int) -> None:
    assert times(sent("toast", [0.0], answer=always(status))) == [0]
    assert len(times(sent("standard", [0.0], answer=always(status)))) == 8


@pytest.mark.parametrize("status", [404, 429, 500, 503, 504])
def test_toast_sends_again_what_a_gateway_may_have_answered(status: int) -> None:
    assert times(sent("toast", [0.0], answer=always(status))) == [0, 300, 900]


def test_an_answer_that_comes_too_late_is_none() -> None:
    in_time = sent("toast", [0.0], answer=always(200, after_seconds=2.0))
    too_late = sent("toast", [0.0], answer=always(200, after_seconds=2.1))

    assert (times(in_time), times(too_late)) == ([0], [0, 300, 900])


def test_fifty_errors_in_five_minutes_pause_toast_for_one() -> None:
    sender = sent("toast", [float(at) for at in range(150)], answer=always(401))

    assert sender.subscription.paused_at == [49, 109]
    assert times(sender) == [*range(50), 109]


def test_forty_nine_errors_do_not() -> None:
    sender = sent("toast", [float(at) for at in range(49)], answer=always(401))

    assert sender.subscription.paused_at == []


def test_the_ninth_pause_in_ten_minutes_stops_toast() -> None:
    sender = sent("toast", [n / 4 for n in range(8_000)], answer=always(401))

    assert len(sender.subscription.paused_at) == 9
    assert sender.subscription.ended_at == sender.subscription.paused_at[-1] < 600
    assert times(sender)[-1] == sender.subscription.ended_at


@pytest.mark.parametrize(("vendor", "hours"), [("shopify", 4), ("zettle", 70)])
def test_a_delivery_that_fails_to_the_last_ends_the_subscription(vendor: str, hours: int) -> None:
    sender = sent(vendor, [0.0, 100 * float(HOUR)], answer=always(500))

    assert sender.subscription.ended_at == times(sender)[-1]
    assert (hours - 1) * HOUR < times(sender)[-1] <= hours * HOUR


def test_three_silent_weeks_end_square_s_subscription() -> None:
    sender = sent("square", [day * float(DAY) for day in range(30)], answer=always(500))

    assert sender.subscription.ended_at == 21 * DAY
