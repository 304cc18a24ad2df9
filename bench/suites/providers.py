"""A vendor's delivery of half a kilobyte: its signature verified, split, and stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.suites.comparison import compared
from bench.workload import Load
from tillgate.providers import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.stage import Stage
    from bench.world import Name
    from ops.evidence import Row


def run(stage: Stage) -> Iterator[Row]:
    for provider in PROVIDERS:
        loads: dict[Name, Load] = {"ours": Load(provider=provider), "floor": Load()}
        yield from compared(stage, f"provider.{provider}", loads, heavier=2)
