"""A thousand dead letters, redriven by the operator while others send as ever."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ops.evidence import Row, percentile
from ops.local.supabase_faults import Fault, FaultKind
from tests.chaos.calls import batch
from tests.chaos.delivery_reckoning import most_within
from tests.chaos.ledger import Told
from tests.integration.polling import until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.chaos.delivery_scene import DeliveryScene, Finished

DEAD = "locked_out"
LIVE = ("live_one", "live_two")
_DEAD_LETTERS = 1_000
_PER_SECOND = 50
_PER_CALL = 100
# Two steps are a second apart, or a little less, as two looks at the clock may differ.
_STEP_SECONDS = 0.9
# What the others' deliveries may take longer meanwhile: half as long again, and what four
# sandboxes cost each other that share two processors with everything else here.
_LAG_FACTOR = 1.5
_LAG_MARGIN_SECONDS = 0.25


def redrive_under_load(scene: DeliveryScene) -> None:
    """Give up 1,000 events for a key that is refused, measure, mend the key, and redrive."""
    world, dead = scene.world, scene.merchants[DEAD]
    dead.project.misbehave(Fault(kind=FaultKind.STATUS, status=401))
    for n in range(_DEAD_LETTERS // _PER_CALL):
        told = scene.senders[DEAD].call(batch(f"{DEAD}-{n}", _PER_CALL, token=dead.token))
        assert set(told) == {Told.NEW}, told
    until(
        lambda: world.admin("GET", "dead-letters/plan")["count"] == _DEAD_LETTERS,
        what="all of them are dead letters",
        within_seconds=60,
    )
    dead.project.behave()
    scene.notes["quiet_from"] = time.time()
    scene.wait()
    scene.notes["redriven_from"] = time.time()
    order = {"tenant_id": dead.tenant_id, "per_second": _PER_SECOND}
    redrive = world.admin("POST", "dead-letters/redrives", order)["redrive_id"]
    until(
        lambda: world.admin("GET", f"dead-letters/redrives/{redrive}")["state"] == "done",
        what="the redrive is done",
        within_seconds=4 * _DEAD_LETTERS / _PER_SECOND,
    )
    scene.notes["redriven_until"] = time.time()


def measure_redrive(finished: Finished, merchant: str) -> Sequence[Row]:
    """Give how fast they were moved, and, once, what it cost the others."""
    name = f"chaos.{finished.scenario.name}"
    if merchant != DEAD:
        return [_lag(finished, merchant, name=f"{name}.{merchant}_lag_p95_s")]
    moved = finished.world.pending_since(finished.merchants[DEAD])
    most = most_within(moved, _STEP_SECONDS)
    rate = len(moved) / (max(moved) - min(moved)) if len(moved) > 1 else None
    raw = {"n": len(moved), "events_per_s": rate, "window_s": _STEP_SECONDS}
    return [
        Row(f"{name}.redriven", len(moved), "events", None, holds=len(moved) == _DEAD_LETTERS),
        Row(f"{name}.most_at_once", most, "events", _PER_SECOND, most <= _PER_SECOND, raw),
    ]


def _lag(finished: Finished, merchant: str, *, name: str) -> Row:
    notes = finished.notes
    quiet = finished.lags(merchant, since=notes["quiet_from"], until=notes["redriven_from"])
    beside = finished.lags(merchant, since=notes["redriven_from"], until=notes["redriven_until"])
    before, now = percentile(quiet, 0.95), percentile(beside, 0.95)
    raw = {
        "n": len(beside), "p50": percentile(beside, 0.5), "p95": now, "without_n": len(quiet),
        "without_p50": percentile(quiet, 0.5), "without_p95": before,
    }  # fmt: skip
    if before is None or now is None:
        return Row(name, None, "s", None, holds=False, raw=raw)
    target = _LAG_FACTOR * before + _LAG_MARGIN_SECONDS
    return Row(name, now, "s", target, holds=now <= target, raw=raw)
