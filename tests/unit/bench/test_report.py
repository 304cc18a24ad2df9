"""What a run ends with: a table, evidence, and an exit code that tells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bench.machine import Machine
from bench.report import conclude, figure, machine_row
from ops.evidence import Row

if TYPE_CHECKING:
    from pathlib import Path

QUIET = Machine(cpus=2, python="3.13.1", load_average=0.1, busy_percent=2.0)
BUSY = Machine(cpus=2, python="3.13.1", load_average=3.2, busy_percent=80.0)
MISSED = Row("accept_wall_ratio", 2.4, "", 1.9, holds=False, raw={"goal": "<= 1.9"})
MET = Row("accept_cpu_ratio", 2.4, "", 3.0, holds=True, raw={"goal": "<= 3"})


def test_a_run_whose_goals_hold_ends_with_0(tmp_path: Path) -> None:
    assert conclude([MET], machine_row(QUIET, QUIET), name="bench", folder=tmp_path) == 0


def test_a_run_in_which_one_goal_does_not_hold_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = conclude([MET, MISSED], machine_row(QUIET, QUIET), name="bench", folder=tmp_path)

    lines = capsys.readouterr().out.splitlines()
    assert code == 1
    assert [line.split()[0] for line in lines if line.endswith("DOES NOT HOLD")] == [MISSED.name]


def test_a_run_of_a_part_leaves_the_other_rows_as_they_were(tmp_path: Path) -> None:
    conclude([MISSED, MET], machine_row(QUIET, QUIET), name="bench", folder=tmp_path)
    better = Row(MISSED.name, 1.7, "", 1.9, holds=True)
    conclude([better], machine_row(QUIET, QUIET), name="bench", folder=tmp_path)

    rows = {row["name"]: row for row in json.loads((tmp_path / "bench.json").read_text())}
    assert rows[MISSED.name]["value"] == 1.7
    assert rows[MET.name]["value"] == 2.4
    assert rows["machine.busy_percent"]["raw"]["load_average_before"] == 0.1


@pytest.mark.parametrize(("before", "after"), [(BUSY, QUIET), (QUIET, BUSY)])
def test_a_busy_machine_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], before: Machine, after: Machine
) -> None:
    conclude([MET], machine_row(before, after), name="bench", folder=tmp_path)

    assert "The machine was busy" in capsys.readouterr().out


def test_a_quiet_machine_is_not_called_busy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conclude([MET], machine_row(QUIET, QUIET), name="bench", folder=tmp_path)

    assert "busy with" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "-"), (1234.6, "1,235"), (1.876, "1.88"), (0.0654, "0.0654")]
)
def test_figures_have_the_digits_that_mean_something(value: float | None, shown: str) -> None:
    assert figure(value) == shown
