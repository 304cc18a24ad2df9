"""What there is to run, in order. Another suite is a module with ``run``, and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import cost
from bench.scale import check
from bench.suites import (
    accept,
    batch,
    cold,
    contract,
    deadlines,
    delivery,
    growth,
    memory,
    outcomes,
    payloads,
    processes,
    providers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.stage import Stage
    from ops.evidence import Row

SUITES: dict[str, Callable[[Stage], Iterator[Row]]] = {
    "contract": contract.run,
    "accept": accept.run,
    "batch": batch.run,
    "cold": cold.run,
    "memory": memory.run,
    "payloads": payloads.run,
    "outcomes": outcomes.run,
    "providers": providers.run,
    "deadlines": deadlines.run,
    "processes": processes.run,
    "delivery": delivery.run,
    "scale": check.run,
    "cost": cost.run,
    # The longest by far: it begins with some minutes of filling databases.
    "growth": growth.run,
}
# What `make test` can afford.
QUICK = ("accept", "batch", "cold", "memory")
