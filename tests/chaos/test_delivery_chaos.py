"""Each failure of the way onward: what was accepted arrives, once, and every attempt is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.delivery_rows import delivery_rows, failed_delivery_rows
from tests.chaos.delivery_run import run_delivery
from tests.chaos.delivery_scenarios import DELIVERY_SCENARIOS

if TYPE_CHECKING:
    from pathlib import Path

    from ops.evidence import Row
    from ops.local.postgres import EmbeddedPostgres
    from tests.chaos.delivery_scene import DeliveryScenario
    from tests.chaos.emulator import Emulator

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]


@pytest.mark.parametrize("scenario", DELIVERY_SCENARIOS, ids=lambda scenario: scenario.name)
def test_what_was_acknowledged_arrives_once(
    scenario: DeliveryScenario,
    server: EmbeddedPostgres,
    emulator: Emulator,
    evidence: dict[str, list[Row]],
    tmp_path: Path,
) -> None:
    try:
        results = run_delivery(scenario, server=server, emulator=emulator, folder=tmp_path)
    except BaseException as error:
        evidence.update({name: failed_delivery_rows(name, error) for name in scenario.names})
        raise
    evidence.update({result.name: delivery_rows(result) for result in results})
    rows = [row for name in scenario.names for row in evidence[name]]
    assert [(row.name, row.value, row.raw) for row in rows if not row.holds] == []
