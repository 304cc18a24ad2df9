"""A tenant's rate over many sandboxes, simulated: the limiter itself, and a stand-in for its table.

``python -m bench.scale.rates`` prints what is let through of a flood, by sandboxes and routing.
Time is the simulation's, and the dice are the same each time.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from tillgate.domain.errors import RateLimitedError
from tillgate.domain.tenant import RateLimit, RateStanding, Tenant, TenantId, TenantState
from tillgate.services.limits import DEBT_EVENTS, DEBT_SECONDS, DEMAND_SECONDS, TenantLimits
from tillgate.services.metering import FLUSH_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tillgate.domain.metrics import Used

SEED = 20261123
SANDBOXES = (1, 2, 4, 16, 64)
# As the stages have it (stacks/stages.py).
DEFAULT_LIMIT = RateLimit(100, 1_000)
# For so long a sandbox lives, where they come and go.
_LIFE_SECONDS = 30.0


class Routing(StrEnum):
    """Which sandbox takes a request."""

    EVEN = "even"
    # The first takes half, the next a quarter, and so on: as Lambda prefers warm ones.
    SKEWED = "skewed"
    # Each is replaced by a new one after half a minute.
    COME_AND_GO = "come and go"


class Ledger:
    """What ``metrics_add_used`` keeps of each tenant; a test holds it against that function."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[float, float, float]] = {}

    def look_up(self, tenant: Tenant, *, now: float) -> Tenant:
        """Give the tenant as the registry does, with how it stands."""
        row = self._rows.get(tenant.tenant_id)
        standing = None if row is None else RateStanding(row[1], max(now - row[0], 0.0))
        return replace(tenant, standing=standing)

    def add(self, used: Used, *, now: float) -> dict[str, tuple[float, float]]:
        answer = {}
        for tenant_id, (rate, burst, let_through, asked_for) in used.items():
            at, out, demand = self._rows.get(tenant_id, (now, 0.0, 0.0))
            seconds = max(now - at, 0.0)
            out = max(out - rate * seconds, 0.0) + let_through
            out = min(out, burst + DEBT_SECONDS * rate + DEBT_EVENTS)
            demand = demand * math.exp(-min(seconds / DEMAND_SECONDS, 100)) + asked_for
            self._rows[tenant_id] = (now, out, demand)
            answer[str(tenant_id)] = (out, demand)
        return answer


class Sandbox:
    """The limiter of one sandbox, which flushes with a request as ``Meter`` does."""

    def __init__(self, limit: RateLimit, ledger: Ledger, *, clock: Callable[[], float]) -> None:
        self.limits = TenantLimits(limit, clock=clock)
        self._ledger = ledger
        self._clock = clock
        self._flushed_at = clock()
        self._known: dict[str, Tenant] = {}

    def request(self, tenant: Tenant, *, events: int = 1, is_ledger_up: bool = True) -> bool:
        """Ask for one request; tell whether it was let in."""
        known = self._known.get(tenant.tenant_id)
        if known is None:
            # While nobody can be asked the snapshot tells who it is, and not how it stands.
            known = self._ledger.look_up(tenant, now=self._clock()) if is_ledger_up else tenant
            self._known[tenant.tenant_id] = known
        try:
            self.limits.admit(known)
        except RateLimitedError:
            is_let_in = False
        else:
            is_let_in = True
            self.limits.charge(tenant.tenant_id, events - 1)
        if self._clock() - self._flushed_at >= FLUSH_SECONDS:
            self._flushed_at = self._clock()
            if is_ledger_up:
                self._flush()
        return is_let_in

    def _flush(self) -> None:
        used = self.limits.report()
        if used is not None:
            self.limits.learn(used, self._ledger.add(used, now=self._clock()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """What one tenant sends: requests a second, Poisson, each of so many events.

    ``is_up`` tells at which second the database takes flushes.
    """

    limit: RateLimit = DEFAULT_LIMIT
    sandboxes: int = 16
    per_second: float = 2_000
    events: int = 1
    seconds: float = 120
    routing: Routing = Routing.EVEN
    is_up: Callable[[float], bool] = lambda _: True

    @property
    def bound(self) -> float:
        """Give by how many events it may be off: decision 30.

        Each sandbox may let a burst through, the rate of the time until it is told of the
        others, and the rest of one request. Most of it is paid back afterwards; one that is new
        begins with what is left.
        """
        rate, burst = self.limit
        # Until a request comes after the flush is due.
        late = FLUSH_SECONDS + self.sandboxes / self.per_second
        return self.sandboxes * (burst + rate * late + self.events - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LetThrough:
    """Events by second; ``overshoot`` is the most by which they were ever above the bucket.

    ``asked`` are all events that were sent.
    """

    by_second: Sequence[int]
    overshoot: float
    asked: int

    def rate(self, start: int, end: int) -> float:
        """Give the mean of some seconds."""
        return sum(self.by_second[start:end]) / (end - start)


def run(flood: Flood) -> LetThrough:
    """Let the flood come."""
    dice = random.Random(SEED)  # noqa: S311  No secret: the same every time.
    now = 1_795_000_000.0
    started = now
    tenant = Tenant(TenantId("flood"), "flood", TenantState.ACTIVE)
    ledger = Ledger()

    def clock() -> float:
        return now

    def made() -> Sandbox:
        return Sandbox(flood.limit, ledger, clock=clock)

    sandboxes = [made() for _ in range(flood.sandboxes)]
    ends = [started + dice.uniform(0, _LIFE_SECONDS) for _ in sandboxes]
    by_second = [0] * math.ceil(flood.seconds)
    rate, burst = flood.limit
    total, asked, overshoot = 0, 0, 0.0
    while True:
        now += dice.expovariate(flood.per_second)
        elapsed = now - started
        if elapsed >= flood.seconds:
            return LetThrough(by_second=by_second, overshoot=overshoot, asked=asked)
        asked += flood.events
        place = _place(flood, dice)
        if flood.routing is Routing.COME_AND_GO and now >= ends[place]:
            sandboxes[place], ends[place] = made(), now + _LIFE_SECONDS
        if sandboxes[place].request(tenant, events=flood.events, is_ledger_up=flood.is_up(elapsed)):
            total += flood.events
            by_second[int(elapsed)] += flood.events
            overshoot = max(overshoot, total - burst - rate * elapsed)


def _place(flood: Flood, dice: random.Random) -> int:
    if flood.routing is Routing.SKEWED:
        return min(int(-math.log2(1 - dice.random())), flood.sandboxes - 1)
    return dice.randrange(flood.sandboxes)


def main() -> None:
    print("let through of 2,000/s, limit 100/s, burst 1,000: the first 10 s, seconds 60 to 120,")
    print("the most above the bucket, and the bound")
    for routing in Routing:
        for sandboxes in SANDBOXES:
            flood = Flood(sandboxes=sandboxes, routing=routing)
            done = run(flood)
            print(
                f"{routing:<12} {sandboxes:>3} sandboxes {sum(done.by_second[:10]):>8,}"
                f" {done.rate(60, 120):>8.1f}/s {done.overshoot:>10,.0f} {flood.bound:>10,.0f}"
            )


if __name__ == "__main__":
    main()
