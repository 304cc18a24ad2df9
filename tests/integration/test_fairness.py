"""One tenant at twenty times its limit beside nine at a tenth of theirs: who waits for whom."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING

import pytest

from bench.machine import Machine
from ops.evidence import Row, evidence_table, percentile, write_evidence
from tests.integration.fairness import LIMIT, Observed, add_tenants, send
from tests.integration.polling import until
from tests.integration.wiring import Wiring
from tillgate.services.metering import FLUSH_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.sandbox import Sandbox
    from tests.integration.testdatabase import TestDatabase

SANDBOXES = 2
ROUNDS = 12
ROUND_SECONDS = 5.0
TARGET = 1.2
# A machine that is busier with others' work says nothing of ours.
MOST_BUSY_PERCENT = 60.0
PATIENCE_SECONDS = 600.0


@pytest.fixture
def sandboxes(
    own_database: TestDatabase, secrets_manager: FakeSecretsManager, tmp_path: Path
) -> Iterator[list[Sandbox]]:
    add_tenants(own_database)
    rate, burst = LIMIT
    with Wiring(own_database, secrets_manager, tmp_path) as wiring:
        yield [
            wiring.sandbox("ingest", tenant_events_per_second=rate, tenant_burst=burst)
            for _ in range(SANDBOXES)
        ]


def let_through_at_most(seconds: float) -> float:
    """Give what decision 30 lets sandboxes take of a rate in so many seconds."""
    rate, burst = LIMIT
    return burst + rate * seconds + SANDBOXES * (burst + rate * (FLUSH_SECONDS + 0.5))


def test_a_flood_is_refused_and_nobody_else_is(sandboxes: list[Sandbox]) -> None:
    dice = random.Random(30)  # noqa: S311  No secret: the same every time.

    observed = send(sandboxes, seconds=0.8, is_flooded=True, dice=dice)

    assert set(observed.quiet) == {201}
    assert set(observed.flood) == {201, 429}
    assert observed.flood[201] <= let_through_at_most(0.8)


@pytest.mark.proof
@pytest.mark.timeout(1_200)
def test_the_others_wait_no_longer_beside_a_flood(sandboxes: list[Sandbox]) -> None:
    dice = random.Random(30)  # noqa: S311  No secret: the same every time.
    busy = [100.0]

    def is_quiet() -> bool:
        busy[0] = Machine.look().busy_percent
        return busy[0] < MOST_BUSY_PERCENT

    until(is_quiet, what="a machine that is not busy", within_seconds=PATIENCE_SECONDS)
    seen = {True: Observed(), False: Observed()}
    send(sandboxes, seconds=1.0, is_flooded=True, dice=dice)
    for n in range(ROUNDS):
        # One way and then the other, so that what changes meanwhile is both's.
        for is_flooded in (True, False) if n % 2 else (False, True):
            done = send(sandboxes, seconds=ROUND_SECONDS, is_flooded=is_flooded, dice=dice)
            seen[is_flooded].add(done)

    row = verdict(seen[False], seen[True], busy_percent=busy[0])
    sys.stdout.write(f"{evidence_table([row])} {row.raw}\n")
    write_evidence("fairness", [row], keep_others=True)
    assert set(seen[True].quiet) == {201}
    assert seen[True].flood[429] > 10 * seen[True].flood[201]
    assert row.holds


def verdict(alone: Observed, beside: Observed, *, busy_percent: float) -> Row:
    """Judge by the P95 of the quiet tenants, with the flood and without."""
    p95 = {
        name: percentile(one.waited, 0.95) for name, one in (("alone", alone), ("beside", beside))
    }
    assert p95["alone"] is not None
    assert p95["beside"] is not None
    ratio = p95["beside"] / p95["alone"]
    return Row(
        "fairness.others_p95_ratio",
        round(ratio, 3),
        "",
        TARGET,
        ratio <= TARGET,
        {
            "n": len(beside.waited),
            "busy_percent": round(busy_percent, 1),
            "flood": dict(beside.flood),
            **{f"{name}_p95_ms": round((value or 0) * 1000, 3) for name, value in p95.items()},
            "alone_p50_ms": round((percentile(alone.waited, 0.5) or 0) * 1000, 3),
            "beside_p50_ms": round((percentile(beside.waited, 0.5) or 0) * 1000, 3),
        },
    )
