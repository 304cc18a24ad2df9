"""What a run sent and was answered, kind by kind, and what of it was not as promised."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.simulators.messages import Kind
    from ops.simulators.promises import Answer

NO_ANSWER = "none"


@dataclass(slots=True)
class KindTally:
    """One kind's. ``answered`` counts statuses; ``examples`` has a key for each fault."""

    messages: int = 0
    requests: int = 0
    resent: int = 0
    late: int = 0
    answered: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Tally:
    """A whole run's. ``behind_seconds`` is how late a message was first sent at the worst."""

    kinds: dict[Kind, KindTally] = field(default_factory=dict)
    behind_seconds: float = 0.0

    def of(self, kind: Kind) -> KindTally:
        return self.kinds.setdefault(kind, KindTally())

    def answered(self, kind: Kind, answer: Answer, *, is_late: bool) -> None:
        mine = self.of(kind)
        mine.answered[NO_ANSWER if answer.status is None else str(answer.status)] += 1
        mine.late += is_late
        if answer.status is not None:
            mine.seconds.append(answer.seconds)

    def fault(self, kind: Kind, what: str, *, key: str) -> None:
        mine = self.of(kind)
        mine.faults[what] += 1
        mine.examples.setdefault(what, key)

    @property
    def is_as_promised(self) -> bool:
        return not any(mine.faults for mine in self.kinds.values())

    @property
    def requests(self) -> int:
        return sum(mine.requests for mine in self.kinds.values())

    @property
    def seconds(self) -> list[float]:
        return [seconds for mine in self.kinds.values() for seconds in mine.seconds]


def percentile(values: Sequence[float], percent: int) -> float | None:
    """Give the value that so many of a hundred do not exceed, None of no values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
