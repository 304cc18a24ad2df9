"""A vendor at work: it sends at its own pace, waits, sends again, and gives up by its rules."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from ops.simulators.messages import Kind, Message, Step, Traffic, When
from ops.simulators.promises import TAKEN, Answer, Expected, fault_of
from ops.simulators.subscription import Subscription
from ops.simulators.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ops.simulators.courier import Courier
    from ops.simulators.simulator import SentEvent

# So often the run looks up from waiting, such as to tell how far it is.
LOOK_SECONDS = 1.0
# So long the answers are awaited that are still to come when it is interrupted.
LAST_SECONDS = 5.0
# So many requests in a row without an answer: nobody is there, or who is drowns. No more is sent.
MOST_UNANSWERED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """So many messages, so many of them a second whether or not the last was answered.

    ``speed_up``: a second of ours is so many of the vendor's, between its attempts.
    """

    messages: int
    per_second: float
    at_once: int
    speed_up: float = 1.0

    @property
    def ends_at(self) -> float:
        return self.messages / self.per_second


@dataclass(slots=True)
class _Course:
    """How far a message has come: items by what was answered, and whether it is over."""

    message: Message
    accepted: int = 0
    was_queued: bool = False
    is_over: bool = False

    @property
    def key(self) -> str:
        known = self.message.events or self.message.never
        return known[0].key if known else "(unreadable)"


@dataclass(frozen=True, slots=True, order=True)
class _Due:
    at: float
    number: int
    course: _Course = field(compare=False)
    step: int = field(compare=False)
    attempt: int = field(compare=False)


class VendorRun:
    """One run. ``acknowledged`` are the events that must be there, ``never`` those that must not.

    Arrivals are open-loop: a slow answer delays nothing, until ``at_once`` are awaited.
    """

    def __init__(
        self,
        traffic: Traffic,
        *,
        pace: Pace,
        courier: Courier,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.tally = Tally()
        self.acknowledged: dict[str, SentEvent] = {}
        self.never: dict[str, SentEvent] = {}
        self.was_interrupted = False
        self.seconds = 0.0
        self._traffic = traffic
        self._simulator = traffic.recipient.simulator
        self._rules = traffic.recipient.rules
        self._subscription = Subscription(self._rules)
        self._pace = pace
        self._courier = courier
        self._clock = clock
        self._now = now
        self._tell = tell
        self._started = 0.0
        self._begun = 0
        self._unanswered = 0
        self._due: list[_Due] = []
        self._posted: dict[int, tuple[_Due, float]] = {}
        self._numbers = count()

    def run(self) -> None:
        """Send all of it, to the last attempt; ctrl-C ends it with what is known by then.

        So does an installation that answers nothing any more.
        """
        self._started = self._clock()
        try:
            while not self.is_unanswered and (
                self._begun < self._pace.messages or self._due or self._courier.in_flight
            ):
                self._post_what_is_due()
                self._take_answers(self._courier.wait(self._until_next()))
                self._tell(f"{self.tally.requests} sent, {len(self._due)} to be sent again")
        except KeyboardInterrupt:
            self.was_interrupted = True
        if self.was_interrupted or self.is_unanswered:
            self._await_the_last()
        self.seconds = self._elapsed()

    @property
    def is_unanswered(self) -> bool:
        """Tell whether it ended because the last MOST_UNANSWERED requests got no answer."""
        return self._unanswered >= MOST_UNANSWERED

    def _await_the_last(self) -> None:
        until = self._clock() + LAST_SECONDS
        while self._courier.in_flight and self._clock() < until:
            self._take_answers(self._courier.wait(LAST_SECONDS))

    def _elapsed(self) -> float:
        return self._clock() - self._started

    def _next_at(self) -> float | None:
        times = [self._due[0].at] if self._due else []
        if self._begun < self._pace.messages:
            times.append(self._begun / self._pace.per_second)
        return min(times, default=None)

    def _until_next(self) -> float:
        at = self._next_at()
        if at is None or self._courier.in_flight >= self._pace.at_once:
            return LOOK_SECONDS
        return min(LOOK_SECONDS, max(0.0, at - self._elapsed()))

    def _post_what_is_due(self) -> None:
        while self._courier.in_flight < self._pace.at_once:
            at = self._next_at()
            if at is None or at > self._elapsed():
                return
            if self._due and self._due[0].at <= at:
                self._post(heapq.heappop(self._due))
            else:
                self._begin(at)

    def _begin(self, at: float) -> None:
        self.tally.behind_seconds = max(self.tally.behind_seconds, self._elapsed() - at)
        message = self._traffic.message(self._begun, self._now())
        self._begun += 1
        self.tally.of(message.kind).messages += 1
        self.never |= {event.key: event for event in message.never}
        course = _Course(message)
        for place, step in enumerate(message.steps):
            if step.when is not When.AT_ONCE:
                break
            self._plan(course, place, at=at, attempt=step.attempt)

    def _plan(self, course: _Course, step: int, *, at: float, attempt: int) -> None:
        due = _Due(at, next(self._numbers), course, step, attempt)
        heapq.heappush(self._due, due)

    def _post(self, due: _Due) -> None:
        course, at = due.course, self._elapsed()
        kind, step = course.message.kind, course.message.steps[due.step]
        if course.is_over:
            return
        if not course.message.impostor and not self._subscription.sends(at * self._pace.speed_up):
            has_ended = self._subscription.ended_at is not None
            state = "ended" if has_ended else "paused"
            self._lose(course, f"not sent: the vendor had {state} the subscription", step=step)
            return
        delivery = step.delivery
        if due.attempt > 1:
            delivery = self._simulator.resend(delivery, attempt=due.attempt, at=self._now())
        self.tally.of(kind).requests += 1
        self.tally.of(kind).resent += due.attempt > step.attempt
        self._posted[due.number] = (due, at)
        self._courier.post(due.number, delivery)

    def _take_answers(self, answers: list[tuple[int, Answer]]) -> None:
        for ticket, answer in answers:
            due, at = self._posted.pop(ticket)
            self._answered(due, at, answer)

    def _answered(self, due: _Due, at: float, answer: Answer) -> None:
        course, limit = due.course, self._rules.answer_seconds
        kind, step = course.message.kind, course.message.steps[due.step]
        is_late = answer.status is None or (limit is not None and answer.seconds > limit)
        self.tally.answered(kind, answer, is_late=is_late)
        if not self.is_unanswered:
            self._unanswered = 0 if answer.status is not None else self._unanswered + 1
        fault = self._fault(due, answer)
        if fault is not None:
            self.tally.fault(kind, fault, key=course.key)
        elif answer.status == TAKEN:
            self.acknowledged |= {event.key: event for event in course.message.events}
        if course.message.impostor:
            if answer.status is None:
                self.tally.fault(kind, f"no answer: {answer.error}", key=course.key)
            return
        verdict = self._subscription.judge(
            at * self._pace.speed_up,
            attempt=due.attempt,
            status=answer.status,
            after_seconds=answer.seconds,
        )
        if self.was_interrupted:
            return
        if verdict.is_acknowledged:
            self._go_on(due)
        elif verdict.again_at is not None:
            again_at = verdict.again_at / self._pace.speed_up
            self._plan(course, due.step, at=again_at, attempt=due.attempt + 1)
        else:
            told = answer.error if answer.status is None else f"answered {answer.status}"
            self._lose(course, f"given up at attempt {due.attempt}: {told}", step=step)

    def _go_on(self, due: _Due) -> None:
        following = due.step + 1
        steps = due.course.message.steps
        if following == len(steps) or steps[following].when is When.AT_ONCE:
            return
        at = self._elapsed()
        if steps[following].when is When.AT_THE_END:
            at = max(at, self._pace.ends_at)
        self._plan(due.course, following, at=at, attempt=steps[following].attempt)

    def _lose(self, course: _Course, why: str, *, step: Step) -> None:
        """Send no more of it. What is known already is not lost by that."""
        if not course.is_over and step.expected is not Expected.KNOWN:
            self.tally.fault(course.message.kind, why, key=course.key)
        course.is_over = True

    def _fault(self, due: _Due, answer: Answer) -> str | None:
        course, step = due.course, due.course.message.steps[due.step]
        fault = fault_of(
            answer,
            self._expected(course, step, attempt=due.attempt),
            items=step.items,
            wants_text=self._simulator.wants_text,
        )
        counts = answer.counts if answer.status == TAKEN else None
        if counts is not None:
            course.accepted += counts["accepted"]
            course.was_queued |= counts["queued"] > 0
            if fault is None and course.accepted > len(course.message.events) > 0:
                return "stored more than once, by the counts"
        return fault

    @staticmethod
    def _expected(course: _Course, step: Step, *, attempt: int) -> Expected:
        """Allow for what an earlier attempt, or the queue, may have stored meanwhile."""
        if step.expected is Expected.STORED and attempt > step.attempt:
            return Expected.ONCE
        if course.was_queued and step.expected is Expected.KNOWN:
            return Expected.ONCE
        # Which of the two was stored first is not promised.
        if course.was_queued and course.message.kind is Kind.CONFLICT:
            return Expected.KEPT
        return step.expected
