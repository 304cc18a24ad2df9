"""Nine quiet tenants beside one that floods: how long the quiet ones wait, simulated.

``python -m bench.scale.fairness [--evidence]``. The way of a call is that of ``path.py``, through
sandboxes that each have the limiter itself (``rates.py``), and one database. Of the accept queue,
what SQS says of fair queues: while a group has most of what is being worked on, the others'
messages go first; Lambda takes ten at once.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bench.scale.inputs import Inputs
from bench.scale.kernel import Servers, Simulation
from bench.scale.plan import Plan, aws_path, busy_seconds
from bench.scale.rates import DEFAULT_LIMIT, SEED, Ledger, Sandbox
from ops.evidence import Row, evidence_table, percentile, write_evidence
from tillgate.domain.tenant import RateLimit, Tenant, TenantId, TenantState

if TYPE_CHECKING:
    from bench.scale.kernel import Process
    from bench.scale.path import Path

TARGET = 1.2
QUIET = 9
FLOOD_TIMES = 20
QUIET_SHARE = 0.1
_BEFORE = 0.6
# Of a call that is stored, what a refusal takes of the handler.
_REFUSAL_SHARE = 0.4
_BATCH = 10
_POLL_SECONDS = 0.02
FLOOD = "flood"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """``is_limited`` False lets everything through, to show what the limit is for.

    The database is prod's before it has scaled up: one processor, which half a flood fills.
    """

    limit: RateLimit = DEFAULT_LIMIT
    sandboxes: int = 16
    seconds: float = 120
    is_flooded: bool = True
    is_limited: bool = True
    plan: Plan = field(default_factory=lambda: Plan(max_acu=4))


@dataclass(slots=True)
class _World:
    """Calls of all tenants, through whichever sandbox was used last of those that are free."""

    scene: Scene
    path: Path
    simulation: Simulation
    dice: random.Random
    ledger: Ledger = field(default_factory=Ledger)
    free: list[Sandbox] = field(default_factory=list)
    waiting: deque[Process] = field(default_factory=deque)
    taken: dict[str, list[float]] = field(default_factory=dict)
    let_through: int = 0
    database: Servers = field(init=False)

    def __post_init__(self) -> None:
        self.database = Servers(self.simulation, self.path.database_cores)
        limit = self.scene.limit if self.scene.is_limited else RateLimit(10**6, 10**7)
        self.free = [
            Sandbox(limit, self.ledger, clock=lambda: self.simulation.now)
            for _ in range(self.scene.sandboxes)
        ]

    def sender(self, tenant: Tenant, per_second: float) -> Process:
        while self.simulation.now < self.scene.seconds:
            yield self.dice.expovariate(per_second)
            self.simulation.start(self.call(tenant))

    def call(self, tenant: Tenant) -> Process:
        sent = self.simulation.now
        yield self.varied(self.path.front_seconds)
        while not self.free:
            self.waiting.append(self.simulation.current)
            yield None
        sandbox = self.free.pop()
        handler = self.varied(self.path.handler_seconds)
        if sandbox.request(tenant):
            self.let_through += tenant.slug == FLOOD
            yield handler * _BEFORE
            yield self.varied(self.path.hop_seconds)
            yield from self.database.use(self.varied(self.path.database_seconds))
            yield self.varied(self.path.commit_seconds)
            yield handler * (1 - _BEFORE)
        else:
            yield handler * _REFUSAL_SHARE
        self.free.append(sandbox)
        if self.waiting:
            self.simulation.start(self.waiting.popleft())
        self.taken.setdefault(tenant.slug, []).append(self.simulation.now - sent)

    def varied(self, mean: float) -> float:
        shape = self.path.spread**-2
        return self.dice.gammavariate(shape, mean / shape) if mean > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """Of the quiet tenants' calls, in seconds; ``let_through`` are the flood's events a second."""

    p50_seconds: float
    p95_seconds: float
    let_through: float


def play(scene: Scene) -> Waited:
    """Let all tenants send for the scene's time."""
    simulation = Simulation()
    dice = random.Random(SEED)  # noqa: S311  No secret: the same every time.
    path = aws_path(Inputs(), scene.plan, events=1)
    world = _World(scene, path, simulation, dice)
    rate = scene.limit.events_per_second
    for n in range(QUIET):
        simulation.start(world.sender(_tenant(f"quiet-{n}"), rate * QUIET_SHARE))
    if scene.is_flooded:
        simulation.start(world.sender(_tenant(FLOOD), rate * FLOOD_TIMES))
    simulation.run()
    quiet = [one for slug, taken in world.taken.items() if slug != FLOOD for one in taken]
    return Waited(
        p50_seconds=percentile(quiet, 0.5) or 0.0,
        p95_seconds=percentile(quiet, 0.95) or 0.0,
        let_through=world.let_through / scene.seconds,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """What waits on the accept queue: the flood's rest, and a little of the others'.

    ``is_fair`` is whether SQS knows whose a message is.
    """

    flood_per_second: float = 1_900
    flood_seconds: float = 30
    quiet_per_second: float = 1
    seconds: float = 120
    is_fair: bool = True
    plan: Plan = field(default_factory=Plan)


@dataclass(slots=True)
class _Queue:
    """Messages by when they came; ``waited`` are the seconds until a quiet one was done."""

    scene: Drain
    simulation: Simulation
    dice: random.Random
    quiet: deque[float] = field(default_factory=deque)
    noisy: deque[float] = field(default_factory=deque)
    waited: list[float] = field(default_factory=list)

    def arrivals(self, queue: deque[float], per_second: float, until: float) -> Process:
        while self.simulation.now < until:
            yield self.dice.expovariate(per_second)
            queue.append(self.simulation.now)

    def worker(self, seconds: float) -> Process:
        while self.simulation.now < self.scene.seconds:
            batch = self._batch()
            for queue, came in batch:
                yield seconds
                if queue is self.quiet:
                    self.waited.append(self.simulation.now - came)
            if not batch:
                yield _POLL_SECONDS

    def _batch(self) -> list[tuple[deque[float], float]]:
        batch: list[tuple[deque[float], float]] = []
        while len(batch) < _BATCH and (self.quiet or self.noisy):
            queue = self._next()
            batch.append((queue, queue.popleft()))
        return batch

    def _next(self) -> deque[float]:
        """Give whose message goes first: without fairness, the oldest's."""
        if not self.quiet or not self.noisy:
            return self.quiet or self.noisy
        is_first = self.scene.is_fair or self.quiet[0] < self.noisy[0]
        return self.quiet if is_first else self.noisy


def drain(scene: Drain) -> tuple[float, int]:
    """Give the P95 of the quiet ones' time on the queue, in seconds, and how many were left.

    What is left is the flood's.
    """
    simulation = Simulation()
    dice = random.Random(SEED)  # noqa: S311  No secret: the same every time.
    queue = _Queue(scene, simulation, dice)
    seconds = busy_seconds(aws_path(Inputs(), scene.plan, events=1))
    for _ in range(QUIET):
        simulation.start(queue.arrivals(queue.quiet, scene.quiet_per_second, scene.seconds))
    simulation.start(queue.arrivals(queue.noisy, scene.flood_per_second, scene.flood_seconds))
    for _ in range(scene.plan.accept_concurrency):
        simulation.start(queue.worker(seconds))
    simulation.run()
    return percentile(queue.waited, 0.95) or 0.0, len(queue.noisy)


def rows(scene: Scene | None = None) -> list[Row]:
    """Judge the calls by their ratio, and the queue by seconds: without a flood nothing waits."""
    flooded = scene or Scene()
    alone = play(replace(flooded, is_flooded=False))
    beside = play(flooded)
    ratio = beside.p95_seconds / alone.p95_seconds
    fair, left = drain(Drain())
    unfair, _ = drain(Drain(is_fair=False))
    return [
        Row(
            "fairness.simulated_p95_ratio",
            round(ratio, 3),
            "",
            TARGET,
            ratio <= TARGET,
            {
                "sandboxes": flooded.sandboxes,
                "alone_p95_ms": round(alone.p95_seconds * 1000, 2),
                "beside_p95_ms": round(beside.p95_seconds * 1000, 2),
                "flood_let_through_per_second": round(beside.let_through, 1),
            },
        ),
        Row(
            "fairness.simulated_drain_p95",
            round(fair, 3),
            "s",
            1.0,
            fair <= 1,
            {"oldest_first_s": round(unfair, 1), "flood_left": left},
        ),
    ]


def _tenant(slug: str) -> Tenant:
    return Tenant(TenantId(slug), slug, TenantState.ACTIVE)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.scale.fairness", description=__doc__)
    parser.add_argument("--evidence", action="store_true", help="keep the verdict")
    options = parser.parse_args()
    found: list[Row] = []
    for sandboxes in (16, 32, 64):
        scene = Scene(sandboxes=sandboxes)
        found = found or rows(scene)
        for name, played in (
            ("alone", play(replace(scene, is_flooded=False))),
            ("beside a flood", play(scene)),
            ("without limits", play(replace(scene, is_limited=False))),
        ):
            print(
                f"{sandboxes:>3} sandboxes, {name:<15} p50 {played.p50_seconds * 1000:8.1f} ms"
                f" p95 {played.p95_seconds * 1000:8.1f} ms, flood {played.let_through:7.1f}/s"
            )
    print(evidence_table(found))
    if options.evidence:
        write_evidence("fairness", found, keep_others=True)
    return 0 if all(row.holds for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
