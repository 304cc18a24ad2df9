"""Each fault of delivery as a procedure: on, a while of load, off."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ops.local.supabase_faults import Fault, FaultKind
from tests.chaos.event_source import Habits
from tests.integration.polling import pause, until

if TYPE_CHECKING:
    from tests.chaos.delivery_scene import DeliveryScene
    from tests.chaos.delivery_world import Merchant

# Half of them store what they were sent: the answer is lost, and a repeat meets the rows.
UPSTREAM_FAULTS = {
    "upstream_500": Fault(kind=FaultKind.STATUS, status=500),
    "upstream_429": Fault(kind=FaultKind.STATUS, status=429, retry_after="7"),
    "upstream_timeout": Fault(kind=FaultKind.HANG, stores=True),
    "upstream_garbage": Fault(kind=FaultKind.GARBAGE),
    "upstream_drip": Fault(kind=FaultKind.DRIP, stores=True),
    "upstream_cut": Fault(kind=FaultKind.CUT, stores=True),
}
HEALTHY = "upstream_healthy_beside"
KILLS_AT_RANDOM = 10
KILLS_IN_REQUESTS = 10
KILLS_OF_SWEEP = 6
# A cold sandbox takes most of it to start; a warm one is done with its message within
# milliseconds, so most instants are drawn close to the beginning.
_WITHIN_BATCH_SECONDS = 0.8
_CLOSE = 5


def upstreams_fail(scene: DeliveryScene) -> None:
    """Let each destination fail in its own way, at once; one does not."""
    for name, fault in UPSTREAM_FAULTS.items():
        scene.merchants[name].project.misbehave(fault)
    scene.wait(0.5)
    # What is no HTTP at all, and then a page for people.
    scene.merchants["upstream_garbage"].project.misbehave(Fault(kind=FaultKind.PAGE))
    scene.wait(0.5)
    for name in UPSTREAM_FAULTS:
        scene.merchants[name].project.behave()


def upstream_unavailable(scene: DeliveryScene) -> None:
    for merchant in scene.merchants.values():
        merchant.project.misbehave(Fault(kind=FaultKind.STATUS, status=503))
    scene.wait()
    for merchant in scene.merchants.values():
        merchant.project.behave()


def deliver_killed(scene: DeliveryScene) -> None:
    """Kill the workers at random instants of their batches, then while they await answers."""
    scene.each(0.1, lambda: strike_in_batch(scene), times=KILLS_AT_RANDOM)
    merchants = list(scene.merchants.values())
    for n in range(KILLS_IN_REQUESTS):
        strike_in_request(scene, merchants[n % len(merchants)], stores=n % 2 == 0)


def strike_in_batch(scene: DeliveryScene) -> bool:
    """Kill a worker at any instant of a batch; False when it had none, or was done before."""
    worker = scene.dice.choice(scene.world.sources["delivery"].workers)
    if not worker.is_busy:
        return False
    pause(_WITHIN_BATCH_SECONDS * scene.dice.random() ** _CLOSE)
    return worker.strike()


def strike_in_request(scene: DeliveryScene, merchant: Merchant, *, stores: bool) -> None:
    """Kill the workers while a destination has a request and does not answer it."""

    def hung() -> int:
        answers: dict[str, int] = merchant.project.seen()["answers"]
        return answers.get(FaultKind.HANG, 0)

    before = hung()
    merchant.project.misbehave(Fault(kind=FaultKind.HANG, stores=stores, requests=1))
    until(lambda: hung() > before, what="a request is under way", within_seconds=60)
    # Both, for either may have the request.
    struck = [worker.strike() for worker in scene.world.sources["delivery"].workers]
    assert any(struck)
    merchant.project.behave()


def everything_thrice(scene: DeliveryScene) -> None:
    """Let some wait, then deliver each message three times, out of order; lose deletions."""
    for source in scene.world.sources.values():
        source.habits = Habits(deliveries=3, lost_deletes=0.2)
        source.hold()
    scene.wait(0.3)
    for source in scene.world.sources.values():
        source.go_on()
    scene.wait(0.7)


def two_sweeps(scene: DeliveryScene) -> None:
    """Let them look side by side, and then kill one or the other in the middle of a run."""
    scene.wait(0.5)
    scene.notes["killed_from"] = time.time()
    for _ in range(KILLS_OF_SWEEP):
        pause(scene.dice.uniform(0, scene.seconds / KILLS_OF_SWEEP))
        sweep = scene.dice.choice(scene.world.sweeps)
        until(sweep.strike, what="sweep ran")


def poison_amid_good(scene: DeliveryScene) -> None:
    """Let the bad wait with the good, so that they are in one message, and one request."""
    source = scene.world.sources["delivery"]
    source.hold()
    scene.wait(0.4)
    source.go_on()
    scene.wait(0.6)
