"""Every scenario of delivery, by the names its evidence bears."""

from __future__ import annotations

from tests.chaos import delivery_faults as faults
from tests.chaos import redrive
from tests.chaos.delivery_measures import breaker_row, lag_row, queued_twice_row
from tests.chaos.delivery_scene import DeliveryScenario, DeliveryShape

# What a killed worker held, or what was not deleted, is to come again soon.
_SHORT = DeliveryShape(batch_seconds=5, visibility_seconds=10)

DELIVERY_SCENARIOS = (
    DeliveryScenario(
        name="upstream",
        fault=faults.upstreams_fail,
        seconds=60,
        merchants=(*faults.UPSTREAM_FAULTS, faults.HEALTHY),
        # As many as the stack has at the least: with two, the slow ones hold up the healthy one.
        shape=DeliveryShape(workers=10),
        breaks_upstream=True,
        is_by_merchant=True,
        measure=lambda finished, merchant: [
            (lag_row if merchant == faults.HEALTHY else breaker_row)(finished, merchant)
        ],
    ),
    DeliveryScenario(
        name="breaker_cycle",
        fault=faults.upstream_unavailable,
        # Long enough for it to open, to let a probe through in vain, and to open again.
        seconds=40,
        merchants=("one",),
        breaks_upstream=True,
        measure=lambda finished, merchant: [breaker_row(finished, merchant)],
    ),
    DeliveryScenario(
        name="deliver_killed",
        fault=faults.deliver_killed,
        seconds=20,
        merchants=("one", "two", "three"),
        shape=_SHORT,
        loses_receipts=True,
    ),
    DeliveryScenario(
        name="delivery_thrice",
        fault=faults.everything_thrice,
        seconds=15,
        shape=_SHORT,
        loses_receipts=True,
    ),
    DeliveryScenario(
        name="sweep_twice",
        fault=faults.two_sweeps,
        seconds=16,
        sweeps=2,
        measure=lambda finished, merchant: [queued_twice_row(finished, merchant)],
    ),
    DeliveryScenario(
        name="poison_amid_good", fault=faults.poison_amid_good, seconds=12, poison_every=6
    ),
    DeliveryScenario(
        name="redrive_under_load",
        fault=redrive.redrive_under_load,
        seconds=20,
        merchants=(redrive.DEAD, *redrive.LIVE),
        silent=frozenset({redrive.DEAD}),
        shape=DeliveryShape(pause_seconds=0.1),
        measure=redrive.measure_redrive,
    ),
)
DELIVERY_NAMES = frozenset(name for one in DELIVERY_SCENARIOS for name in one.names)


def delivery_scenario(name: str) -> DeliveryScenario:
    return next(one for one in DELIVERY_SCENARIOS if one.name == name)
