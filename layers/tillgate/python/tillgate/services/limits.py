"""How much of its rate each tenant has used, as one sandbox knows it.

A bucket holds a tenant's burst and fills at its rate. Each sandbox keeps one of what all sandboxes
together have left: its own events it takes out at once, the others' when it is told of them, which
is each time that what was counted is stored (``report``, ``learn``). Between two times it takes for
granted that the others go on as they do: of a tenant of which a third came through this sandbox
lately, each event takes three out. What was let through too much is a debt, so that in the long run
it is the rate, however many sandboxes there are. How far it can be off: decision 30.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tillgate.domain.errors import RateLimitedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tillgate.domain.metrics import Used
    from tillgate.domain.tenant import RateLimit, Tenant, TenantId

MAX_BUCKETS = 10_000
# What is let through too much is paid back for so long at the most, and so many events more: a
# batch that began in time. The function metrics_add_used has the same two.
DEBT_SECONDS = 300
DEBT_EVENTS = 500
# A sandbox's share is of what was asked for lately: of what is as old as this, a third counts.
# metrics_add_used has the same.
DEMAND_SECONDS = 4.0
# Whoever has heard nothing of the others for so long, goes by itself alone.
KNOWN_SECONDS = 10.0
# Events are told of when they are as many as this share of a second's: quiet tenants cost nothing.
_WORTH_TELLING = 32
_LEAST_SHARE = 1 / 1024
# One event, but for what is lost in adding up seconds since 1970.
_ONE = 0.999
# When all are in use that may be, those go that have the most left, so many at once.
_EVICTED = MAX_BUCKETS // 10


# Written out, since making a dataclass takes half a millisecond of every cold start.
class _Bucket:
    """``level`` is what all sandboxes together have left, ``cost`` what an event here takes of it.

    ``asked`` and ``used`` are the events since the last report, all and those let through;
    ``own`` those asked for lately, the older the less. Times are the wall clock's.
    """

    __slots__ = (
        "asked", "at", "burst", "cost", "given", "learned_at", "level", "limit", "own", "rate",
        "tenant_id", "used",
    )  # fmt: skip

    def __init__(self, tenant_id: TenantId, limit: RateLimit, *, now: float) -> None:
        self.tenant_id = tenant_id
        # As the registry gave it, which may be nothing.
        self.given: RateLimit | None = None
        self.level = float(limit.burst)
        self.cost = 1.0
        self.at = self.learned_at = now
        self.asked = self.used = 0
        self.own = 0.0
        self.set_limit(limit)

    def set_limit(self, limit: RateLimit) -> None:
        self.limit = limit
        self.rate, self.burst = limit
        self.level = min(self.level, self.burst)

    def fill(self, now: float) -> None:
        """Let in what time has brought. A clock that was set back brings nothing, nor takes any."""
        elapsed = now - self.at
        self.at = now
        if elapsed > 0:
            self.level = min(self.level + elapsed * self.rate, self.burst)

    def take(self, events: int) -> None:
        """Take events out, as far as debts go."""
        self.used += events
        least = -(DEBT_SECONDS * self.rate + DEBT_EVENTS)
        self.level = max(self.level - events * self.cost, least)

    def forget_others(self, now: float) -> None:
        """Go by what came here, once nothing was heard of the others for too long."""
        if not 0 <= now - self.learned_at < KNOWN_SECONDS:
            self.level = min(self.level + self.taken_for_others, self.burst)
            self.cost = 1.0

    @property
    def taken_for_others(self) -> float:
        """What was taken out since the last report without being known to be used."""
        return self.used * (self.cost - 1)

    @property
    def wait_seconds(self) -> int:
        """Whole seconds after which the next is let in, if nobody else sends meanwhile."""
        wait = (_ONE - self.level) / self.rate
        if self.cost > 1:
            # If the others send nothing more, this is known by then.
            wait = min(wait, max(wait - self.taken_for_others / self.rate, KNOWN_SECONDS))
        return max(math.ceil(wait), 1)


class TenantLimits:
    """Lets each tenant's events through at its rate. ``clock`` gives seconds, by the wall clock.

    ``default`` is for tenants that have no limit of their own. Not for two threads at once.
    """

    def __init__(self, default: RateLimit, *, clock: Callable[[], float]) -> None:
        self._default = default
        self._clock = clock
        self._buckets: dict[TenantId, _Bucket] = {}
        # Those of which somebody has asked since they were reported.
        self._asked: list[_Bucket] = []

    def admit(self, tenant: Tenant) -> None:
        """Let one request in, as one event. Raises RateLimitedError."""
        bucket = self._buckets.get(tenant.tenant_id)
        if bucket is None or bucket.given is not tenant.limit:
            bucket = self.note(tenant)
        if not bucket.asked:
            self._asked.append(bucket)
        bucket.asked += 1
        # As fill and take, written out: this is what each request passes.
        now = self._clock()
        elapsed = now - bucket.at
        bucket.at = now
        level = bucket.level
        if elapsed > 0:
            level += elapsed * bucket.rate
            if level > bucket.burst:  # noqa: PLR1730  min() is a call, and takes three times as long.
                level = bucket.burst
        if bucket.cost > 1:
            bucket.level = level
            bucket.forget_others(now)
            level = bucket.level
        if level < _ONE:
            bucket.level = level
            raise RateLimitedError(bucket.limit, retry_seconds=bucket.wait_seconds)
        bucket.level = level - bucket.cost
        bucket.used += 1

    def charge(self, tenant_id: TenantId, events: int) -> None:
        """Take out what a request that was let in turned out to hold besides: it may be a debt."""
        bucket = self._buckets.get(tenant_id)
        if bucket is not None and events > 0:
            if not bucket.asked:
                self._asked.append(bucket)
            bucket.asked += events
            bucket.take(events)

    def take(self, tenant_id: TenantId, events: int) -> bool:
        """Take so many events out, all or none; False when the tenant is over its rate.

        Of a tenant whose limit was never noted, by the default.
        """
        bucket = self._buckets.get(tenant_id) or self._made(tenant_id, self._default)
        if not bucket.asked:
            self._asked.append(bucket)
        bucket.asked += events
        now = self._clock()
        bucket.fill(now)
        if bucket.cost > 1:
            bucket.forget_others(now)
        if bucket.level < _ONE:
            return False
        bucket.take(events)
        return True

    def note(self, tenant: Tenant) -> _Bucket:
        """Go by the limit that the tenant has now."""
        limit = tenant.limit or self._default
        bucket = self._buckets.get(tenant.tenant_id)
        if bucket is None:
            bucket = self._made(tenant.tenant_id, limit)
            if tenant.standing is not None:
                used, seconds = tenant.standing
                bucket.level -= max(used - seconds * bucket.rate, 0.0)
        bucket.given = tenant.limit
        if bucket.limit != limit:
            bucket.set_limit(limit)
        return bucket

    def report(self) -> Used | None:
        """Give what was asked for and let through since the last time; None for nothing to tell.

        It is given once: ``learn`` is told what became of it.
        """
        told = [
            bucket
            for bucket in self._asked
            if bucket.asked * _WORTH_TELLING >= bucket.rate or bucket.cost > 1
        ]
        if not told:
            return None
        used: Used = {}
        for bucket in told:
            used[bucket.tenant_id] = (bucket.rate, bucket.burst, bucket.used, bucket.asked)
            bucket.used = bucket.asked = 0
        self._asked = [bucket for bucket in self._asked if bucket.asked]
        return used

    def learn(self, reported: Used, answer: Mapping[str, tuple[float, float]]) -> None:
        """Go by what all sandboxes together did: how much is out, how much was asked for lately.

        A tenant that the answer does not name was not counted: its events are told of again.
        """
        now = self._clock()
        for tenant_id, (_, _, used, asked) in reported.items():
            bucket = self._buckets.get(tenant_id)
            if bucket is None:
                continue
            said = answer.get(tenant_id)
            if said is None:
                if not bucket.asked:
                    self._asked.append(bucket)
                bucket.used += used
                bucket.asked += asked
                continue
            out, demand = said
            faded = math.exp(-max(now - bucket.learned_at, 0.0) / DEMAND_SECONDS)
            bucket.own = bucket.own * faded + asked
            share = min(max(bucket.own / demand, _LEAST_SHARE), 1.0) if demand > 0 else 1.0
            bucket.cost = 1 / share
            bucket.learned_at = bucket.at = now
            bucket.level = bucket.burst - out - bucket.used * bucket.cost

    def _made(self, tenant_id: TenantId, limit: RateLimit) -> _Bucket:
        now = self._clock()
        if len(self._buckets) >= MAX_BUCKETS:
            self._evict(now)
        bucket = self._buckets[tenant_id] = _Bucket(tenant_id, limit, now=now)
        return bucket

    def _evict(self, now: float) -> None:
        """Let go of those that are as good as new, or else of those with the least missing."""
        for bucket in self._buckets.values():
            bucket.fill(now)
        full = [
            id_ for id_, one in self._buckets.items() if one.level >= one.burst and not one.asked
        ]
        if len(full) < _EVICTED:
            missing = {id_: (one.burst - one.level) for id_, one in self._buckets.items()}
            full = sorted(missing, key=missing.__getitem__)[:_EVICTED]
        gone = {id(self._buckets.pop(tenant_id)) for tenant_id in full}
        self._asked = [bucket for bucket in self._asked if id(bucket) not in gone]
