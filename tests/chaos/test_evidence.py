"""Evidence as files and as a table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ops.evidence import Row, evidence_table, percentile, write_evidence

if TYPE_CHECKING:
    from pathlib import Path

LOST = Row("chaos.one.lost", 0, "events", 0, holds=True, raw={"n": 12})
SLOW = Row("chaos.two.recovery_s", 61.234, "s", 60.0, holds=False)
SENT = Row("chaos.two.sent", 12, "events", None, holds=True)
UNKNOWN = Row("chaos.two.lost", None, "events", 0, holds=False)


def names(path: Path) -> list[str]:
    return [row["name"] for row in json.loads(path.read_text())]


def test_rows_are_written_with_all_that_they_say(tmp_path: Path) -> None:
    path = write_evidence("chaos", [LOST, SENT], folder=tmp_path / "evidence")
    assert path == tmp_path / "evidence/chaos.json"
    assert json.loads(path.read_text())[0] == {
        "name": "chaos.one.lost",
        "value": 0,
        "unit": "events",
        "target": 0,
        "holds": True,
        "raw": {"n": 12},
    }
    assert names(path) == ["chaos.one.lost", "chaos.two.sent"]


def test_a_whole_run_leaves_nothing_of_the_run_before(tmp_path: Path) -> None:
    write_evidence("chaos", [LOST, SENT], folder=tmp_path)
    assert names(write_evidence("chaos", [SLOW], folder=tmp_path)) == ["chaos.two.recovery_s"]


def test_a_run_of_a_part_replaces_its_own_rows_and_keeps_the_others(tmp_path: Path) -> None:
    write_evidence("chaos", [LOST, SENT], folder=tmp_path)
    again = Row("chaos.two.sent", 99, "events", None, holds=True)
    path = write_evidence("chaos", [again, SLOW], keep_others=True, folder=tmp_path)
    assert names(path) == ["chaos.one.lost", "chaos.two.sent", "chaos.two.recovery_s"]
    assert json.loads(path.read_text())[1]["value"] == 99


def test_a_run_of_a_part_may_be_the_first(tmp_path: Path) -> None:
    path = write_evidence("chaos", [LOST], keep_others=True, folder=tmp_path)
    assert names(path) == ["chaos.one.lost"]


def test_the_table_says_what_does_not_hold() -> None:
    lines = evidence_table([LOST, SLOW, SENT, UNKNOWN]).splitlines()
    assert lines[0].split() == ["chaos.one.lost", "0", "events", "<=", "0"]
    assert lines[1].split()[1:] == ["61.23", "s", "<=", "60.00", "DOES", "NOT", "HOLD"]
    assert lines[2].split() == ["chaos.two.sent", "12", "events"]
    assert lines[3].split()[1] == "-"


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.95) == 95
    assert percentile([3.0], 0.95) == 3
    assert percentile([], 0.5) is None
