"""A vendor at work, on a clock that only the test moves."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from ops.simulators import SIMULATORS
from ops.simulators.messages import Kind, Recipient, Traffic
from ops.simulators.promises import Answer
from ops.simulators.rules import rules_of
from ops.simulators.run import MOST_UNANSWERED, Pace, VendorRun

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ops.simulators.simulator import Delivery

START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def told(name: str, *, seconds: float = 0.1, items: int = 1) -> Answer:
    counts = dict.fromkeys(("accepted", "duplicates", "queued", "quarantined"), 0)
    return Answer(status=200, seconds=seconds, text=json.dumps(counts | {name: items}))


def refused(status: int, *, seconds: float = 0.1) -> Answer:
    return Answer(status=status, seconds=seconds)


NO_ANSWER = Answer(status=None, seconds=10.0, error="timed out")


class Road:
    """Carries deliveries to a platform of the test's, and moves the time meanwhile."""

    def __init__(self, platform: Callable[[Delivery], Answer]) -> None:
        self.time = 0.0
        self.sent: list[tuple[float, Delivery]] = []
        self.interrupts_at = float("inf")
        self._platform = platform
        self._coming: list[tuple[float, int, Answer]] = []
        self.most_in_flight = 0

    @property
    def in_flight(self) -> int:
        return len(self._coming)

    def post(self, ticket: int, delivery: Delivery) -> None:
        answer = self._platform(delivery)
        self.sent.append((round(self.time, 6), delivery))
        heapq.heappush(self._coming, (self.time + answer.seconds, ticket, answer))
        self.most_in_flight = max(self.most_in_flight, len(self._coming))

    def wait(self, seconds: float) -> list[tuple[int, Answer]]:
        until = self.time + seconds
        if self.time >= self.interrupts_at:
            self.interrupts_at = float("inf")
            raise KeyboardInterrupt
        if self._coming and self._coming[0][0] <= until:
            at, ticket, answer = heapq.heappop(self._coming)
            self.time = max(self.time, at)
            return [(ticket, answer)]
        self.time = until
        return []


class Platform:
    """Keeps the promises: what the vendor signed is stored once, and all else is not."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}

    def __call__(self, delivery: Delivery) -> Answer:
        is_signed = "x-square-hmacsha256-signature" in delivery.headers
        if not is_signed or delivery.secret != "right":
            return refused(401)
        if not delivery.events or delivery.events[0].merchant_id != "MLDEMO0000001":
            return told("quarantined")
        key = delivery.events[0].key
        if key not in self.stored:
            self.stored[key] = delivery.body
            return told("accepted")
        return told("duplicates" if self.stored[key] == delivery.body else "quarantined")


def run_of(
    platform: Callable[[Delivery], Answer],
    *,
    messages: int = 1,
    per_second: float = 10.0,
    vendor: str = "square",
    speed_up: float = 1.0,
    at_once: int = 50,
    interrupts_at: float = float("inf"),
    shares: dict[str, float] | None = None,
) -> tuple[VendorRun, Road]:
    road = Road(platform)
    road.interrupts_at = interrupts_at
    merchant = SIMULATORS[vendor].merchant_example
    recipient = Recipient(
        simulator=SIMULATORS[vendor],
        rules=rules_of(vendor),
        secret="right",
        notification_url="https://pos.example.com/v1/hooks/x/1",
        merchants=[merchant] if merchant else [],
    )
    kinds = {Kind(kind): share for kind, share in (shares or {}).items()}
    run = VendorRun(
        Traffic(recipient, shares=kinds, run_id="r1", dice=Random(7)),  # noqa: S311  Repeatable.
        pace=Pace(messages=messages, per_second=per_second, at_once=at_once, speed_up=speed_up),
        courier=road,
        clock=lambda: road.time,
        now=lambda: START + timedelta(seconds=road.time),
    )
    run.run()
    return run, road


def times(road: Road) -> list[float]:
    return [at for at, _ in road.sent]


def in_turn(*answers: Answer) -> Callable[[Delivery], Answer]:
    """Give these answers, then the last for ever."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def faults(run: VendorRun) -> Sequence[str]:
    return [what for mine in run.tally.kinds.values() for what in mine.faults]


def test_messages_are_sent_at_the_pace_whatever_the_answers_take() -> None:
    _, road = run_of(lambda _: told("accepted", seconds=9.0), messages=5, per_second=4.0)

    assert times(road) == [0, 0.25, 0.5, 0.75, 1.0]


def test_so_many_are_unanswered_at_one_time_and_how_late_the_rest_was_is_said() -> None:
    run, road = run_of(
        lambda _: told("accepted", seconds=1.0), messages=6, per_second=100.0, at_once=2
    )

    assert road.most_in_flight == 2
    assert times(road)[-1] == pytest.approx(2.01)
    assert run.tally.behind_seconds == pytest.approx(1.96)
    assert run.tally.is_as_promised


def test_square_sends_again_after_a_minute_then_two_and_stops_once_it_is_taken() -> None:
    run, road = run_of(in_turn(refused(503), refused(503), told("accepted")))

    assert times(road) == [0, 60, 180]
    assert run.tally.is_as_promised
    assert list(run.acknowledged) == ["r1-0"]


def test_a_minute_of_the_vendor_s_can_be_a_second() -> None:
    _, road = run_of(in_turn(refused(503), refused(503), told("accepted")), speed_up=60.0)

    assert times(road) == [0, 1, 3]


def test_what_got_no_answer_may_be_known_the_next_time() -> None:
    run, _ = run_of(in_turn(NO_ANSWER, told("duplicates")))

    assert run.tally.is_as_promised
    assert run.tally.of(Kind.GENUINE).answered == Counter({"none": 1, "200": 1})
    assert run.tally.of(Kind.GENUINE).late == 1


def test_an_answer_after_the_deadline_is_none_to_the_vendor() -> None:
    run, road = run_of(
        in_turn(told("accepted", seconds=2.5), told("duplicates")), vendor="toast", speed_up=100.0
    )

    assert times(road) == [0, 3]
    assert [delivery.headers["Toast-Attempt-Number"] for _, delivery in road.sent] == ["1", "2"]
    assert run.tally.is_as_promised


def test_what_is_known_at_the_first_attempt_is_a_fault() -> None:
    run, _ = run_of(lambda _: told("duplicates"))

    assert faults(run) == ["1 duplicates, not accepted"]
    assert run.acknowledged == {}


def test_an_event_that_the_vendor_gives_up_is_a_fault() -> None:
    run, road = run_of(lambda _: refused(503), vendor="toast", speed_up=300.0)

    assert times(road) == [0, 1, 3]
    assert faults(run) == ["given up at attempt 3: answered 503"]
    assert run.tally.of(Kind.GENUINE).examples == {"given up at attempt 3: answered 503": "r1-0"}


def test_toast_pauses_after_fifty_errors_and_what_is_due_then_is_lost() -> None:
    run, road = run_of(lambda _: refused(401), messages=60, per_second=10.0, vendor="toast")

    assert len(road.sent) in range(50, 53)
    assert "not sent: the vendor had paused the subscription" in faults(run)
    assert "answered 401, not 200" in faults(run)


def test_every_kind_is_as_promised_where_promises_are_kept() -> None:
    kinds = [kind for kind in Kind if kind is not Kind.GENUINE]
    platform = Platform()
    run, _ = run_of(platform, messages=300, shares=dict.fromkeys(kinds, 0.1))

    assert faults(run) == []
    assert set(run.tally.kinds) == set(Kind)
    assert set(run.acknowledged) == set(platform.stored)
    assert not set(run.never) & set(run.acknowledged)
    assert sum(mine.messages for mine in run.tally.kinds.values()) == 300


@pytest.mark.parametrize(
    ("kind", "answer", "fault"),
    [
        ("forged", told("accepted"), "answered 200, not 401"),
        ("unsigned", told("quarantined"), "answered 200, not 401"),
        ("wrong-merchant", told("accepted"), "1 accepted, not quarantined"),
        ("broken-body", refused(422), "answered 422, not 200"),
        ("conflict", told("accepted"), "1 accepted, not quarantined"),
        ("duplicate", told("accepted"), "1 accepted, not duplicates"),
        ("late-resend", told("accepted"), "1 accepted, not duplicates"),
        ("slow", told("accepted"), "stored more than once, by the counts"),
        ("large", refused(413), "answered 413, not 200"),
    ],
)
def test_a_broken_promise_is_found(kind: str, answer: Answer, fault: str) -> None:
    run, _ = run_of(lambda _: answer, vendor="square", speed_up=100_000.0, shares={kind: 1.0})

    assert fault in faults(run)
    assert not run.tally.is_as_promised


def test_a_forgery_is_sent_once_and_that_nobody_answered_it_is_a_fault() -> None:
    run, road = run_of(lambda _: NO_ANSWER, shares={"forged": 1.0})

    assert len(road.sent) == 1
    assert faults(run) == ["no answer: timed out"]


def test_the_second_of_a_slow_pair_is_sent_before_the_first_is_answered() -> None:
    _, road = run_of(
        in_turn(told("duplicates", seconds=5.0), told("accepted")), shares={"slow": 1.0}
    )

    assert times(road) == [0, 0]


def test_a_late_resend_waits_for_the_end_and_says_which_attempt_it_is() -> None:
    run, road = run_of(
        in_turn(told("accepted"), told("accepted"), told("duplicates")),
        messages=2, per_second=0.5, vendor="toast", shares={"late-resend": 1.0},
    )  # fmt: skip

    assert times(road)[:2] == [0, 2]
    assert min(times(road)[2:]) >= 2
    assert [delivery.headers["Toast-Attempt-Number"] for _, delivery in road.sent] == [
        "1", "1", "3", "3",
    ]  # fmt: skip
    assert run.tally.is_as_promised


def test_that_a_resend_is_given_up_loses_nothing() -> None:
    run, _ = run_of(
        in_turn(told("accepted"), refused(503)), vendor="toast", shares={"late-resend": 1.0}
    )

    assert run.tally.is_as_promised


def test_what_was_queued_may_be_stored_by_its_resend_and_lose_to_the_other_content() -> None:
    resent, _ = run_of(in_turn(told("queued"), told("accepted")), shares={"duplicate": 1.0})
    other, _ = run_of(in_turn(told("queued"), told("accepted")), shares={"conflict": 1.0})

    assert resent.tally.is_as_promised
    assert other.tally.is_as_promised


def test_ctrl_c_ends_it_with_the_tally_so_far() -> None:
    run, road = run_of(lambda _: told("accepted", seconds=0.3), messages=100, interrupts_at=1.0)

    assert run.was_interrupted
    assert 5 < len(road.sent) < 15
    # Those in flight were awaited, and no more was sent.
    assert run.tally.of(Kind.GENUINE).answered == Counter({"200": len(road.sent)})
    assert run.tally.requests == len(road.sent)


def test_no_more_is_sent_where_nothing_is_answered_any_more() -> None:
    answers = iter([told("accepted")] * 20)
    run, road = run_of(lambda _: next(answers, NO_ANSWER), messages=2_000)

    assert run.is_unanswered
    assert 20 + MOST_UNANSWERED <= len(road.sent) < 20 + 2 * MOST_UNANSWERED


def test_now_and_then_an_answer_keeps_it_going() -> None:
    answers = iter(([NO_ANSWER] * (MOST_UNANSWERED - 1) + [told("accepted")]) * 3)
    run, road = run_of(lambda _: next(answers, told("accepted")), messages=300, speed_up=1e5)

    assert not run.is_unanswered
    assert len(road.sent) >= 300
