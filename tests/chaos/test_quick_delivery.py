"""Three of the delivery scenarios at once and in short; the others run in `make chaos`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ops.local.supabase_faults import Fault, FaultKind
from tests.chaos.delivery_faults import strike_in_batch, strike_in_request
from tests.chaos.delivery_reckoning import DeliveryVerdict
from tests.chaos.delivery_run import run_delivery
from tests.chaos.delivery_scene import DeliveryScenario, DeliveryShape

if TYPE_CHECKING:
    from pathlib import Path

    from ops.local.postgres import EmbeddedPostgres
    from tests.chaos.delivery_scene import DeliveryScene
    from tests.chaos.emulator import Emulator

KILLS_AT_RANDOM = 2


def fail_and_kill(scene: DeliveryScene) -> None:
    """Fail less often than opens a breaker, which would be open for half a minute."""
    one, two = scene.merchants.values()
    one.project.misbehave(Fault(kind=FaultKind.STATUS, status=500, requests=4))
    scene.wait()
    strike_in_request(scene, two, stores=True)
    strike_in_request(scene, one, stores=False)
    scene.each(0.1, lambda: strike_in_batch(scene), times=KILLS_AT_RANDOM)


SHORT = DeliveryScenario(
    name="short",
    fault=fail_and_kill,
    seconds=2,
    shape=DeliveryShape(pause_seconds=0.1, batch_seconds=5, visibility_seconds=4),
    poison_every=5,
    loses_receipts=True,
)


@pytest.mark.proof
def test_what_was_acknowledged_arrives_once_in_a_short_run(
    server: EmbeddedPostgres, emulator: Emulator, tmp_path: Path
) -> None:
    [result] = run_delivery(SHORT, server=server, emulator=emulator, folder=tmp_path)
    verdict = result.verdict
    assert verdict == DeliveryVerdict(verdict.sent, verdict.acknowledged)
    assert verdict.sent > 0
    assert result.recovery_seconds is not None
    assert result.kills >= 2 + KILLS_AT_RANDOM
