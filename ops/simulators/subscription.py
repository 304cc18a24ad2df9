"""What a vendor does with an answer, by its own rules: again, no more, or never to this URL."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ops.simulators.rules import RetryRules

OK = range(200, 300)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``again_at`` is when the message is due again; None after its last attempt."""

    is_acknowledged: bool
    again_at: float | None = None


@dataclass(slots=True)
class Subscription:
    """What failures do to a subscription, and when they did; times are the vendor's, in seconds."""

    rules: RetryRules
    paused_at: list[float] = field(default_factory=list)
    ended_at: float | None = None
    _errors: deque[float] = field(default_factory=deque)
    _last_success: float = 0.0

    def sends(self, at: float) -> bool:
        pausing = self.rules.pausing
        is_paused = (
            pausing is not None
            and bool(self.paused_at)
            and at < self.paused_at[-1] + pausing.pause_seconds
        )
        return self.ended_at is None and not is_paused

    def judge(
        self, at: float, *, attempt: int, status: int | None, after_seconds: float
    ) -> Verdict:
        """Take the answer to an attempt, counted from 1, that was made ``at``; None is none."""
        rules = self.rules
        in_time = status is not None and (
            rules.answer_seconds is None or after_seconds <= rules.answer_seconds
        )
        if in_time and status in OK:
            self._last_success = at
            return Verdict(is_acknowledged=True)
        is_resent = not in_time or status in rules.resent
        is_last = not is_resent or attempt > len(rules.delays_seconds)
        self._failed(at, is_last=is_last)
        again_at = None if is_last else at + rules.delays_seconds[attempt - 1]
        return Verdict(is_acknowledged=False, again_at=again_at)

    def _failed(self, at: float, *, is_last: bool) -> None:
        rules, pausing = self.rules, self.rules.pausing
        silent = rules.ends_after_silent_seconds
        if (is_last and rules.ends_when_exhausted) or (
            silent is not None and at - self._last_success >= silent
        ):
            self.ended_at = at
        if pausing is None:
            return
        self._errors.append(at)
        while self._errors[0] <= at - pausing.errors_within_seconds:
            self._errors.popleft()
        if len(self._errors) < pausing.errors:
            return
        self.paused_at.append(at)
        recent = [p for p in self.paused_at if p > at - pausing.pauses_within_seconds]
        if len(recent) >= pausing.pauses:
            self.ended_at = at
