"""Runs a delivery scenario: load, fault, recovery, and the reckoning for each merchant."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.chaos.calls import POISON, Mix
from tests.chaos.delivery_reckoning import GAVE_UP, Books, merged, reckon_delivery
from tests.chaos.delivery_scene import DeliveryResult, DeliveryScene, Finished
from tests.chaos.delivery_world import DeliveryWorld
from tests.chaos.run import recovery_target
from tests.chaos.senders import Load, Sender
from tests.chaos.sweeps import SweepLoop
from tests.integration.polling import pause
from tillgate.adapters.postgres.delivery_store import OPEN_SECONDS, PROBE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ops.local.postgres import EmbeddedPostgres
    from tests.chaos.delivery_scene import DeliveryScenario
    from tests.chaos.delivery_world import Merchant
    from tests.chaos.emulator import Emulator

# REQUEST_TIMEOUT_MS, as the sandboxes are told.
REQUEST_SECONDS = 5.0
# What Postgres says of U+0000, as the stand-in says it.
POISON_REASON = "http-400-22P05"
# A loop's run; the next begins at once, so that somebody always looks.
_SWEEP_SECONDS = 2
_WARM_SECONDS = 1.0
_LOOK_SECONDS = 0.1
# Waited for beyond the target, so that what took longer can be told.
_MORE_SECONDS = 30.0


def delivery_recovery_target(scenario: DeliveryScenario) -> float:
    """Give what recovery may take: a minute, and the longest time that a message is hidden.

    Where destinations fail, the last request that fails may end a time-out after the fault,
    and opens the breaker once more. Until that has passed, and until the probe after it is
    back, messages are still sent away, for 5, 10, 20, 40 ... s, each time longer. What a killed
    worker held comes again when its receipt has expired.
    """
    still = REQUEST_SECONDS + OPEN_SECONDS + PROBE_SECONDS if scenario.breaks_upstream else 0.0
    held = scenario.shape.visibility_seconds if scenario.loses_receipts else 0.0
    return still + held + recovery_target(scenario.seconds + still)


def run_delivery(
    scenario: DeliveryScenario, *, server: EmbeddedPostgres, emulator: Emulator, folder: Path
) -> list[DeliveryResult]:
    """Run it in a world of its own; give its results in the order of its names.

    Raises AssertionError when it cannot be run to its end.
    """
    with ExitStack() as stack:
        world = stack.enter_context(DeliveryWorld(server, emulator, folder, shape=scenario.shape))
        for _ in range(scenario.sweeps):
            world.sweeps.append(stack.enter_context(_sweep(world)))
        merchants = {name: world.merchant(name) for name in scenario.merchants}
        senders = {name: _sender(world, scenario, one) for name, one in merchants.items()}
        scene = DeliveryScene(world, merchants, senders, scenario.seconds)
        with Load([one for n, one in senders.items() if n not in scenario.silent]) as load:
            load.all_served()
            pause(_WARM_SECONDS)
            started = time.time()
            scenario.fault(scene)
            ended = time.time()
            patience = delivery_recovery_target(scenario) + _MORE_SECONDS
            recovery = _await_settled(world, merchants, ended=ended, patience=patience)
        load.raise_failures()
        _drain(world, patience)
        return _results(
            Finished(
                world=world,
                scenario=scenario,
                fault=(started, ended),
                merchants=merchants,
                books={n: _books(world, one, senders[n]) for n, one in merchants.items()},
                notes=scene.notes,
                recovery=recovery,
            ),
            faults=[*world.faults(), *(f for one in senders.values() for f in one.faults)],
        )


def _sweep(world: DeliveryWorld) -> SweepLoop:
    return SweepLoop(lambda: world.sandbox("sweep", sweep_seconds=_SWEEP_SECONDS))


def _sender(world: DeliveryWorld, scenario: DeliveryScenario, merchant: Merchant) -> Sender:
    return Sender(
        f"{scenario.name}-{merchant.name}",
        Mix({}, token=merchant.token, poison_every=scenario.poison_every),
        lambda: world.sandbox("ingest"),
        pause_seconds=scenario.shape.pause_seconds,
        repeats=True,
    )


def _await_settled(
    world: DeliveryWorld, merchants: Mapping[str, Merchant], *, ended: float, patience: float
) -> dict[str, float | None]:
    """Give, by merchant, when nothing of what was accepted before ``ended`` was pending."""
    found: dict[str, float | None] = dict.fromkeys(merchants)
    while None in found.values() and time.time() < ended + patience:
        pause(_LOOK_SECONDS)
        waiting = world.pending(until=ended)
        now = time.time()
        for name, one in merchants.items():
            if found[name] is None and one.tenant_id not in waiting:
                found[name] = now - ended
    return found


def _drain(world: DeliveryWorld, patience: float) -> None:
    """Wait until nothing is left to do; what is left nevertheless is the reckoning's to tell."""
    deadline = time.monotonic() + patience
    while not world.is_empty and time.monotonic() < deadline:
        pause(_LOOK_SECONDS)


def _books(world: DeliveryWorld, merchant: Merchant, sender: Sender) -> Books:
    kept = world.kept(merchant)
    poison = [row.key for row in kept if row.key.endswith(POISON)]
    return Books(
        tenant_id=merchant.tenant_id,
        entries=sender.entries,
        kept=kept,
        arrived=world.arrived(merchant),
        accounts=world.accounts(merchant, [row.event_id for row in kept]),
        seen=world.seen(merchant),
        meant_dead=dict.fromkeys(poison, POISON_REASON),
        kills=world.strikes(),
        unknown_requests=world.unknown_attempts(),
    )


def _results(finished: Finished, *, faults: Sequence[str]) -> list[DeliveryResult]:
    scenario = finished.scenario
    together = {scenario.name: list(finished.merchants)}
    apart = {name: [name] for name in finished.merchants}
    return [
        _result(finished, name, merchants, faults)
        for name, merchants in (apart if scenario.is_by_merchant else together).items()
    ]


def _result(
    finished: Finished, name: str, merchants: Sequence[str], faults: Sequence[str]
) -> DeliveryResult:
    scenario = finished.scenario
    books = [finished.books[one] for one in merchants]
    recovery = [finished.recovery[one] for one in merchants]
    kills = finished.world.strikes()
    took = [seconds for seconds in recovery if seconds is not None]
    attempts = Counter(one.attempts for book in books for one in book.accounts.values())
    return DeliveryResult(
        name=name,
        verdict=merged([reckon_delivery(book) for book in books], faults=faults),
        recovery_seconds=max(took) if len(took) == len(recovery) else None,
        recovery_target=delivery_recovery_target(scenario),
        kills=kills,
        raw={
            "fault_s": round(finished.fault[1] - finished.fault[0], 2),
            "merchants": len(merchants),
            "events_by_attempts": {str(n): attempts[n] for n in sorted(attempts)},
            "dead_letters": sum(row.state == GAVE_UP for book in books for row in book.kept),
            "kills_of_deliver": kills,
            "requests_without_outcome": finished.world.unknown_attempts(),
            "kills_of_sweep": sum(one.strikes for one in finished.world.sweeps),
        },
        more=[row for one in merchants for row in scenario.measure(finished, one)]
        if scenario.measure is not None
        else (),
    )
