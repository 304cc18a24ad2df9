"""A vendor's delivery of 600 KB, which Toast's reach, in a fresh sandbox and in a warm one.

Beside how long the vendor waits. What is missing here of a cold start in Lambda: the sandbox
itself, and the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.goals import Goal
from bench.hooks import hook_events
from bench.rounds import Spread
from bench.suites.cold import start
from bench.suites.judged import judged
from bench.workload import Load
from tillgate.providers import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.stage import Stage
    from ops.evidence import Row

KILOBYTES = 600
# As payloads has it.
_HEAVIER = 12


def run(stage: Stage) -> Iterator[Row]:
    for provider in PROVIDERS:
        load = Load(provider=provider, kilobytes=KILOBYTES)
        yield _cold(stage, load)
        warm = stage.side_by_side({"ours": load}, heavier=_HEAVIER)["ours"]
        yield stage.context(
            f"provider.{provider}.warm_{KILOBYTES}kb_ms",
            Spread.of([us / 1000 for us in warm.wall_us()]),
            {"ours": warm.raw()},
            unit="ms",
        )


def _cold(stage: Stage, load: Load) -> Row:
    """Time fresh processes to the answer; a vendor with a deadline has it for a goal."""
    seconds, sizes = [], []
    for _ in range(stage.rounds or (3 if stage.is_quick else 5)):
        [event] = hook_events(load, 1, endpoints=stage.world.endpoints)
        seconds.append(start(stage.world, "ours", event=event).seconds)
        sizes.append(len(event["body"]))
    name = f"provider.{load.provider}.cold_{KILOBYTES}kb_s"
    # How much it came to: a vendor whose deliveries only name what changed has none so large.
    raw = {"body_characters": max(sizes), "seconds": seconds}
    limit = PROVIDERS[load.provider].retries.answer_seconds
    if limit is None:
        return stage.context(name, Spread.of(seconds), raw, unit="s")
    goal = Goal(limit, quick=limit, unit="s")
    return judged(name, Spread.of(seconds), raw, goal=goal, is_quick=stage.is_quick)
