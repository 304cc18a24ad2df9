"""Each failure under load: nothing acknowledged is lost, nothing is stored twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.cold_start import run_cold_starts
from tests.chaos.rows import failed_rows, rows_of
from tests.chaos.run import run_scenario
from tests.chaos.scenarios import COLD_START, SCENARIOS
from tests.chaos.scene import Shape

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ops.evidence import Row
    from ops.local.postgres import EmbeddedPostgres
    from tests.chaos.emulator import Emulator
    from tests.chaos.run import Result
    from tests.chaos.scene import Scenario

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]

Evidence = dict[str, list["Row"]]


def assert_holds(name: str, run: Callable[[], Result], evidence: Evidence) -> None:
    """Run it and write down what it came to, also when it does not come to its end."""
    try:
        evidence[name] = rows_of(run())
    except BaseException as error:
        evidence[name] = failed_rows(name, error)
        raise
    assert [(row.name, row.value, row.raw) for row in evidence[name] if not row.holds] == []


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_nothing_acknowledged_is_lost_or_doubled(
    scenario: Scenario,
    request: pytest.FixtureRequest,
    emulator: Emulator,
    evidence: Evidence,
    tmp_path: Path,
) -> None:
    def run() -> Result:
        name = "small_disk_server" if scenario.needs_small_disk else "server"
        server: EmbeddedPostgres = request.getfixturevalue(name)
        return run_scenario(scenario, Shape(), server=server, emulator=emulator, folder=tmp_path)

    assert_holds(scenario.name, run, evidence)


def test_a_cold_sandbox_answers_a_hook_in_time_with_the_database_down(
    server: EmbeddedPostgres, emulator: Emulator, evidence: Evidence, tmp_path: Path
) -> None:
    assert_holds(
        COLD_START,
        lambda: run_cold_starts(server=server, emulator=emulator, folder=tmp_path),
        evidence,
    )
