"""Runs one scenario: load, fault, recovery, and the reckoning."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.chaos.calls import Mix, single
from tests.chaos.ledger import Told
from tests.chaos.reckoning import reckon
from tests.chaos.scene import Scenario, Scene, Shape
from tests.chaos.senders import Load, Sender
from tests.chaos.world import World
from tests.integration.polling import pause, until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ops.local.postgres import EmbeddedPostgres
    from tests.chaos.emulator import Emulator, Queue
    from tests.chaos.reckoning import Verdict
    from tests.chaos.world import Findings

RECOVERY_SECONDS = 60.0
_FIRST_HIDING_SECONDS = 5.0
_LOOK_SECONDS = 0.05
_WARM_SECONDS = 1.0
# Waited for beyond the target, so that what took longer can be told.
_MORE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a scenario came to. ``seconds``: how long each answer took.

    ``told`` counts the events by what was said of each; ``raw`` says more about recovery.
    """

    name: str
    verdict: Verdict
    recovery_seconds: float
    recovery_target: float
    seconds: tuple[float, ...]
    told: Mapping[str, int]
    raw: Mapping[str, float] = field(default_factory=dict)
    cold_seconds: tuple[float, ...] = ()


def recovery_target(fault_seconds: float) -> float:
    """Give what recovery may take: a minute, and what visibility has grown to.

    A message that could not be stored is hidden for 5 s, then 10, 20, ... So one that was
    looked at just before the fault ended is not seen again before that time is over.
    """
    hiding, tried_at = _FIRST_HIDING_SECONDS, 0.0
    while tried_at + hiding < fault_seconds:
        tried_at += hiding
        hiding *= 2
    return RECOVERY_SECONDS + hiding


def make_sender(
    world: World, name: str, mix: Mix, *, pause_seconds: float = 0.0, repeats: bool = False
) -> Sender:
    return Sender(
        name, mix, lambda: world.sandbox("ingest"), pause_seconds=pause_seconds, repeats=repeats
    )


def _senders(world: World, scenario: Scenario, shape: Shape, mix: Mix) -> list[Sender]:
    return [
        make_sender(
            world,
            f"{scenario.name}-{n}",
            mix,
            pause_seconds=shape.pause_seconds,
            repeats=n % 2 == 1,
        )
        for n in range(shape.senders)
    ]


def run_scenario(
    scenario: Scenario,
    shape: Shape,
    *,
    server: EmbeddedPostgres,
    emulator: Emulator,
    folder: Path,
) -> Result:
    """Run it in a world of its own. Raises AssertionError when it cannot be run to its end."""
    with World(server, emulator, folder, visibility_seconds=shape.visibility_seconds) as world:
        world.sweep()
        mix = Mix(world.endpoints, signs_time=scenario.signs_time, large=scenario.large)
        senders = _senders(world, scenario, shape, mix)
        bystander = make_sender(world, "bystander", mix)
        if scenario.before is not None:
            scenario.before(world)
        with Load(senders) as load:
            load.all_served()
            pause(_WARM_SECONDS)
            started = time.monotonic()
            scenario.fault(Scene(world, load, bystander, scenario.seconds))
            ended = time.monotonic()
            drained = Drained(world.queue)
            while time.monotonic() < ended + shape.after_seconds and not load.has_failed:
                drained.look()
        load.raise_failures()
        return settle(
            world,
            [*senders, bystander],
            name=scenario.name,
            fault=(started, ended),
            recovery=await_recovery(drained, senders, fault=(started, ended)),
            reasons=scenario.reasons,
            may_refuse=scenario.may_refuse,
        )


class Drained:
    """Tells since when a queue is empty, if it is."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.backlog = queue.depth()
        self.since: float | None = None

    def look(self) -> bool:
        """Look once, after a moment; tell whether it is empty."""
        pause(_LOOK_SECONDS)
        if self._queue.depth() > 0:
            self.since = None
        elif self.since is None:
            self.since = time.monotonic()
        return self.since is not None


@dataclass(frozen=True, slots=True)
class Recovery:
    """How long after the fault's end the queue was empty, and every sender served as ever."""

    drained_seconds: float
    stored_at_once_seconds: float
    backlog: int


def await_recovery(
    drained: Drained, senders: list[Sender], *, fault: tuple[float, float]
) -> Recovery:
    """Return when it is over; raises AssertionError when that takes longer than it may."""
    started, ended = fault
    until(
        drained.look,
        what="the queue is empty",
        within_seconds=recovery_target(ended - started) + _MORE_SECONDS,
    )
    again = max(served_again(sender, ended) for sender in senders)
    return Recovery((drained.since or ended) - ended, again - ended, drained.backlog)


def served_again(sender: Sender, ended: float) -> float:
    """Give when this sender's event was stored at once again; sends more until one is."""
    first = sender.first_new_after(ended)
    n = 0

    def is_new() -> bool:
        nonlocal n
        n += 1
        return sender.call(single(f"{sender.name}-again-{n}", {"n": n})) == [Told.NEW]

    if first is None:
        until(is_new, what=f"{sender.name} has an event stored at once", within_seconds=60)
        first = time.monotonic()
    return first


def settle(
    world: World,
    senders: list[Sender],
    *,
    name: str,
    fault: tuple[float, float],
    recovery: Recovery,
    reasons: frozenset[str] = frozenset(),
    may_refuse: bool = False,
) -> Result:
    """Hold what was told against what is there."""
    until(lambda: world.queue.depth() == 0, what="the queue is empty", within_seconds=60)
    findings = world.findings()
    entries = [entry for sender in senders for entry in sender.entries]
    verdict = reckon(entries, findings.stored, findings.set_aside, reasons=reasons)
    more = _other_faults(world, senders, findings)
    if not may_refuse:
        more += [
            f"{e.item.key} was 503 with a store at hand" for e in entries if e.told is Told.REFUSED
        ]
    fault_seconds = fault[1] - fault[0]
    return Result(
        name=name,
        verdict=replace(verdict, faults=(*verdict.faults, *more)),
        recovery_seconds=max(recovery.drained_seconds, recovery.stored_at_once_seconds),
        recovery_target=recovery_target(fault_seconds),
        seconds=tuple(s for sender in senders for s in sender.seconds),
        told=Counter(entry.told.value for entry in entries),
        raw={
            "fault_s": round(fault_seconds, 2),
            "backlog": recovery.backlog,
            "drained_s": round(recovery.drained_seconds, 2),
            "stored_at_once_again_s": round(recovery.stored_at_once_seconds, 2),
            "accept_slowest_s": round(world.source.slowest_seconds, 2),
        },
        cold_seconds=tuple(s for sender in senders for s in sender.cold_seconds),
    )


def _other_faults(world: World, senders: list[Sender], findings: Findings) -> list[str]:
    """Name what must not be and is no one event's matter."""
    return [
        *(fault for sender in senders for fault in sender.faults),
        *world.source.faults,
        *(f"torn: {what} ({tenant}, {event})" for what, tenant, event in findings.torn),
        *([f"{findings.dead_letters} dead letters"] if findings.dead_letters else []),
    ]
