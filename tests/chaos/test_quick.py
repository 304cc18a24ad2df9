"""Three of the scenarios with less load and for less long; the others run in `make chaos`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.chaos.run import run_scenario
from tests.chaos.scenarios import scenario
from tests.chaos.scene import Shape

if TYPE_CHECKING:
    from pathlib import Path

    from ops.local.postgres import EmbeddedPostgres
    from tests.chaos.emulator import Emulator

SHAPE = Shape(senders=4, visibility_seconds=4)


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("postgres_killed", 1.5), ("both_down", 2), ("queue_thrice_out_of_order", 1)],
)
def test_nothing_acknowledged_is_lost_or_doubled_in_a_short_run(
    server: EmbeddedPostgres, emulator: Emulator, tmp_path: Path, name: str, seconds: float
) -> None:
    result = run_scenario(
        replace(scenario(name), seconds=seconds),
        SHAPE,
        server=server,
        emulator=emulator,
        folder=tmp_path,
    )
    assert result.verdict.acknowledged > 0
    assert result.verdict.lost == ()
    assert result.verdict.doubled == ()
    assert result.verdict.faults == ()
