"""A single new event of half a kilobyte: what everything that we do costs over the floor."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from bench.machine import children_ns, fsync_us
from bench.rounds import Spread
from bench.workload import Load
from bench.world import Name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.stage import Stage
    from bench.world import World
    from ops.evidence import Row

_SERVER_CALLS = 150


def run(stage: Stage) -> Iterator[Row]:
    load = Load()
    # The peer has no place in a quick run: its packages are not among those of `make test`.
    names: list[Name] = ["ours", "floor"] if stage.is_quick else list(get_args(Name))
    fsync = [fsync_us(stage.world.folder)]
    series = stage.side_by_side(dict.fromkeys(names, load))
    fsync.append(fsync_us(stage.world.folder))
    raw = {name: one.raw() for name, one in series.items()}
    ours, floor = series["ours"], series["floor"]
    wall = Spread.ratio(ours.wall_us(), floor.wall_us())
    cpu = Spread.ratio(ours.cpu_us(), floor.cpu_us())
    yield stage.goal("accept_wall_ratio", wall, {"fsync_p50_us": Spread.of(fsync).value, **raw})
    yield stage.goal("accept_cpu_ratio", cpu, raw)
    if "peer" in series:
        peer = Spread.ratio(ours.cpu_us(), series["peer"].cpu_us())
        yield stage.goal("peer_cpu_ratio", peer, raw)
        tuned = Spread.ratio(ours.cpu_us(), series["peer_inline"].cpu_us())
        yield stage.context("peer_inline_cpu_ratio", tuned)
    yield stage.context("fsync_p50_us", Spread.of(fsync), unit="us")
    if not stage.is_quick:
        for subject in names:
            server = [server_us(stage.world, subject, load) for _ in range(stage.plan().rounds)]
            yield stage.context(f"accept.{subject}.server_cpu_us", Spread.of(server), unit="us")
    for name, one in series.items():
        yield stage.context(f"accept.{name}.wall_us", Spread.of(one.wall_us()), unit="us")
        yield stage.context(f"accept.{name}.cpu_us", Spread.of(one.cpu_us()), unit="us")


def server_us(world: World, name: Name, load: Load) -> float:
    """Give the CPU that all of Postgres takes for one call of a subject that runs alone."""
    server = world.postgres.process()
    assert server is not None
    before = children_ns(server)
    world.subject(name).run(load, _SERVER_CALLS)
    after = children_ns(server)
    # A connection that was replaced meanwhile is missing; the median of the rounds is without it.
    spent = sum(after[pid] - before[pid] for pid in before.keys() & after.keys())
    return spent / _SERVER_CALLS / 1000
