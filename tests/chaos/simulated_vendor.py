"""A vendor's sender on a simulated clock, by the vendor's own rules; and an oracle of it.

Both are told when Tillgate could take a delivery. The simulator asks Tillgate and believes
its answers; the oracle reckons from the rules alone which deliveries reach it.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

from ops.simulators.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tillgate.domain.vendor_rules import RetryRules


@dataclass(frozen=True, slots=True, order=True)
class Post:
    """One attempt at one message. ``at`` is in seconds of simulated time, ``number`` from 1."""

    at: float
    message: int
    number: int


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    after_seconds: float


@dataclass(slots=True)
class SimulatedVendor:
    """Sends each message until it is acknowledged or the rules give it up."""

    rules: RetryRules
    deliver: Callable[[Post], Answer]
    subscription: Subscription = field(init=False)
    answers: list[tuple[Post, Answer]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.subscription = Subscription(self.rules)

    def run(self, first_sends: Sequence[float]) -> None:
        """Send message ``n`` first at ``first_sends[n]``, and again as the rules say."""
        due = [(at, message, 1) for message, at in enumerate(first_sends)]
        heapq.heapify(due)
        while due:
            post = Post(*heapq.heappop(due))
            if not self.subscription.sends(post.at):
                continue
            answer = self.deliver(post)
            self.answers.append((post, answer))
            verdict = self.subscription.judge(
                post.at,
                attempt=post.number,
                status=answer.status,
                after_seconds=answer.after_seconds,
            )
            if verdict.again_at is not None:
                heapq.heappush(due, (verdict.again_at, post.message, post.number + 1))


@dataclass(frozen=True, slots=True)
class Foretold:
    """What the rules make of an outage: what reaches Tillgate, and what the vendor does."""

    reached: frozenset[int]
    paused_at: tuple[float, ...]
    ended_at: float | None


def foretell(
    rules: RetryRules,
    first_sends: Sequence[float],
    *,
    is_out: Callable[[float], bool],
    is_slow: Callable[[Post], bool],
) -> Foretold:
    """Reckon what happens, given when Tillgate takes nothing and which answers are slow.

    Every attempt that there could be is laid out beforehand, in order of time, and struck
    out when one before it makes it needless or impossible. Outages are shorter than any
    silence that ends a subscription.
    """
    last = len(rules.delays_seconds) + 1
    reached: set[int] = set()
    over: set[int] = set()
    errors: list[float] = []
    pauses: list[float] = []
    ended_at: float | None = None
    for post in _laid_out(rules, first_sends):
        if post.message in over:
            continue
        if ended_at is not None or _is_within_pause(rules, pauses, post.at):
            over.add(post.message)
            continue
        if not is_out(post.at):
            reached.add(post.message)
            if rules.answer_seconds is None or not is_slow(post):
                over.add(post.message)
                continue
        if rules.ends_when_exhausted and post.number == last:
            ended_at = post.at
        if rules.pausing is not None:
            errors.append(post.at)
            if _count(errors, post.at, rules.pausing.errors_within_seconds) >= rules.pausing.errors:
                pauses.append(post.at)
                span = rules.pausing.pauses_within_seconds
                if _count(pauses, post.at, span) >= rules.pausing.pauses:
                    ended_at = post.at
    return Foretold(frozenset(reached), tuple(pauses), ended_at)


def _laid_out(rules: RetryRules, first_sends: Sequence[float]) -> list[Post]:
    offsets = (0, *accumulate(rules.delays_seconds))
    return sorted(
        Post(at + offset, message, number)
        for message, at in enumerate(first_sends)
        for number, offset in enumerate(offsets, start=1)
    )


def _is_within_pause(rules: RetryRules, pauses: Sequence[float], at: float) -> bool:
    return rules.pausing is not None and any(
        since <= at < since + rules.pausing.pause_seconds for since in pauses
    )


def _count(times: Sequence[float], at: float, seconds: float) -> int:
    return sum(at - seconds < time <= at for time in times)
