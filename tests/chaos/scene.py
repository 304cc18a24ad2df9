"""What a fault is given to work on, and what a scenario is made of."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.integration.polling import pause, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.senders import Load, Sender
    from tests.chaos.world import World


@dataclass(frozen=True, slots=True)
class Scene:
    """A scenario under load. ``bystander`` is a sender whose calls the fault makes itself."""

    world: World
    load: Load
    bystander: Sender
    seconds: float
    dice: random.Random = field(default_factory=lambda: random.Random(17))  # noqa: S311  Dice, not secrets.

    def wait(self, share: float = 1.0) -> None:
        """Let the load go on for so much of the fault's time."""
        pause(self.seconds * share)

    def shuffled(self) -> list[Sender]:
        """Give the senders in random order."""
        return self.dice.sample(self.load.senders, len(self.load.senders))

    def each(self, seconds: float, act: Callable[[], bool], *, times: int) -> None:
        """Do something so often, at random instants this far apart, as soon as it can be done."""
        for _ in range(times):
            pause(self.dice.uniform(0, 2 * seconds))
            until(act, what="there was something to do it to")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How much load; the same scenarios run small in ``make test``.

    ``visibility_seconds``: how long a receipt hides a message. The stack's is minutes, six
    times the function's time-out.
    """

    senders: int = 8
    pause_seconds: float = 0.1
    # More than the 5 s for which a sandbox goes straight to the queue after a failure.
    after_seconds: float = 6.0
    visibility_seconds: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """``fault`` turns it on, waits and turns it off; ``before`` comes ahead of the load.

    ``reasons``: for which events may be in quarantine instead of stored. ``may_refuse``:
    neither store is to be had at times, so an answer may be 503.
    """

    name: str
    fault: Callable[[Scene], None]
    seconds: float = 8.0
    before: Callable[[World], None] | None = None
    reasons: frozenset[str] = frozenset()
    may_refuse: bool = False
    signs_time: bool = True
    large: bool = False
    needs_small_disk: bool = False
