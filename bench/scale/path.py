"""One accept on its way: gateway, sandbox, connection, database, log; simulated call by call."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.scale.kernel import SLICE_SECONDS, CommitLog, Servers, Simulation
from ops.evidence import percentile

if TYPE_CHECKING:
    from bench.scale.kernel import Process

# Of what a handler computes, before it asks the database.
_BEFORE = 0.6
SEED = 20261123


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """What a call takes of each station, in seconds, and how many there are of each.

    ``caller_seconds`` is the sender's own work where it shares the machine; one call at a
    time. ``handler_cores`` is None where every sandbox has its own, as on Lambda.
    ``connections`` is None where each sandbox has one, else the pool that they share.
    ``others`` are programs beside it on the same cores, each by the share of a core it asks for.
    ``commit_seconds`` is a flush of the one log, or, where ``is_log_shared`` is false, a wait
    of each commit's own (Aurora: each waits for its own quorum). ``spread`` is the
    coefficient of variation of everything that is no constant, ``hop_spread`` that of the
    way to the database.
    """

    front_seconds: float = 0.0
    caller_seconds: float = 0.0
    handler_seconds: float
    handler_cores: int | None
    hop_seconds: float = 0.0
    database_seconds: float
    database_cores: int
    connections: int | None = None
    commit_seconds: float
    is_log_shared: bool = True
    spread: float = 0.25
    hop_spread: float = 0.5
    others: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """``per_second`` is of calls; the percentiles, in seconds, from the sending to the answer."""

    per_second: float
    p50_seconds: float
    p95_seconds: float
    flushes_per_call: float


@dataclass(slots=True)
class _Stations:
    simulation: Simulation
    path: Path
    calls: int
    dice: random.Random
    taken: list[float] = field(default_factory=list)
    caller: Servers = field(init=False)
    handler: Servers | None = field(init=False)
    database: Servers = field(init=False)
    connections: Servers | None = field(init=False)
    log: CommitLog = field(init=False)

    def __post_init__(self) -> None:
        path, simulation = self.path, self.simulation
        is_one_machine = path.handler_cores is not None
        self.caller = Servers(simulation, 1)
        self.database = Servers(simulation, path.database_cores, is_sliced=is_one_machine)
        # On one machine they stand in the same line.
        self.handler = self.database if is_one_machine else None
        self.connections = (
            None if path.connections is None else Servers(simulation, path.connections)
        )
        self.log = CommitLog(simulation, path.commit_seconds)
        for share in path.others:
            simulation.start(self._other(share))

    def _other(self, share: float) -> Process:
        """Compute for somebody else, as long as ours go on."""
        while len(self.taken) < self.calls:
            yield from self.database.use(SLICE_SECONDS)
            yield SLICE_SECONDS * (1 / share - 1)

    def varied(self, mean: float, spread: float = 0.0) -> float:
        """Draw from a gamma distribution with this mean, and the path's spread or another."""
        if mean <= 0:
            return 0.0
        shape = (spread or self.path.spread) ** -2
        return self.dice.gammavariate(shape, mean / shape)

    def compute(self, seconds: float) -> Process:
        """Let the handler compute: on a core of the machine's, or on its sandbox's own."""
        if self.handler is None:
            yield seconds
        else:
            yield from self.handler.use(seconds)

    def send(self) -> Process:
        """Let the caller do its own work, where it shares the machine."""
        if self.path.caller_seconds:
            yield from self.caller.take()
            yield from self.compute(self.varied(self.path.caller_seconds))
            self.caller.give_back()

    def call(self) -> Process:
        """Go all the way once, in a sandbox that is there already."""
        path = self.path
        yield self.varied(path.front_seconds)
        handler = self.varied(path.handler_seconds)
        yield from self.compute(handler * _BEFORE)
        if self.connections is not None:
            yield from self.connections.take()
        yield self.varied(path.hop_seconds, path.hop_spread)
        yield from self.database.use(self.varied(path.database_seconds))
        if path.is_log_shared:
            yield from self.log.commit()
        else:
            yield self.varied(path.commit_seconds)
        if self.connections is not None:
            self.connections.give_back()
        yield from self.compute(handler * (1 - _BEFORE))


def closed(path: Path, *, sandboxes: int, calls: int) -> Outcome:
    """So many sandboxes, each called again as soon as it has answered."""
    simulation = Simulation()
    stations = _stations(simulation, path, calls)
    left = calls

    def sandbox() -> Process:
        nonlocal left
        while left > 0:
            left -= 1
            yield from stations.send()
            sent = simulation.now
            yield from stations.call()
            stations.taken.append(simulation.now - sent)

    for _ in range(sandboxes):
        simulation.start(sandbox())
    simulation.run()
    return _outcome(stations)


def offered(path: Path, *, sandboxes: int, per_second: float, calls: int) -> Outcome:
    """Calls that come when they come (Poisson); one that finds no sandbox free waits for one."""
    simulation = Simulation()
    stations = _stations(simulation, path, calls)
    pool = Servers(simulation, sandboxes)

    def call() -> Process:
        sent = simulation.now
        yield from pool.take()
        yield from stations.send()
        yield from stations.call()
        pool.give_back()
        stations.taken.append(simulation.now - sent)

    def sender() -> Process:
        for _ in range(calls):
            yield stations.dice.expovariate(per_second)
            simulation.start(call())

    simulation.start(sender())
    simulation.run()
    return _outcome(stations)


def _stations(simulation: Simulation, path: Path, calls: int) -> _Stations:
    dice = random.Random(SEED)  # noqa: S311  No secret: the same every time.
    return _Stations(simulation, path, calls, dice)


def _outcome(stations: _Stations) -> Outcome:
    taken = stations.taken
    return Outcome(
        per_second=len(taken) / stations.simulation.now,
        p50_seconds=percentile(taken, 0.5) or 0.0,
        p95_seconds=percentile(taken, 0.95) or 0.0,
        flushes_per_call=stations.log.flushes / len(taken),
    )
