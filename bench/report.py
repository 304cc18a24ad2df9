"""What a run found: a table for people, evidence for anyone, and a plot."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from bench.world import BENCH_PYTHON, ROOT
from ops.evidence import EVIDENCE, Row, write_evidence

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.machine import Machine

PLOT = ROOT / "build/bench.svg"


def table(rows: Sequence[Row]) -> Table:
    """Lay the rows out: what has a goal first, with its verdict."""
    laid = Table(box=None, pad_edge=False, header_style="bold")
    laid.add_column("measure")
    for title in ("median", "least", "most", "unit", "goal"):
        laid.add_column(title, justify="left" if title == "unit" else "right")
    laid.add_column("")
    for row in sorted(rows, key=lambda row: row.target is None):
        laid.add_row(
            row.name,
            figure(row.value),
            figure(row.raw.get("low")),
            figure(row.raw.get("high")),
            row.unit,
            row.raw.get("goal", ""),
            "" if row.target is None else "holds" if row.holds else "[bold red]DOES NOT HOLD",
        )
    return laid


def figure(value: float | None) -> str:
    """Write a figure with the digits that mean something."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def machine_row(before: Machine, after: Machine) -> Row:
    """Say on what, and beside what, all this was measured."""
    raw = {
        "cpus": before.cpus,
        "python": before.python,
        "load_average_before": before.load_average,
        "load_average_after": after.load_average,
        "busy_percent_after": after.busy_percent,
        "is_busy": before.is_busy or after.is_busy,
    }
    return Row("machine.busy_percent", before.busy_percent, "%", None, holds=True, raw=raw)


def show(rows: Sequence[Row], machine: Row) -> None:
    console = Console(width=110)
    console.print(table(rows))
    raw = machine.raw
    console.print(
        f"\n{raw['cpus']} CPUs, Python {raw['python']}; load average"
        f" {raw['load_average_before']} before and {raw['load_average_after']} after;"
        f" others used {machine.value:.0f}% before and {raw['busy_percent_after']:.0f}% after."
    )
    if raw["is_busy"]:
        console.print("The machine was busy with something else: read the ratios with doubt.")


def conclude(rows: Sequence[Row], machine: Row, *, name: str, folder: Path = EVIDENCE) -> int:
    """Show what was found and keep it; give the exit code, 1 where a goal does not hold.

    Rows of suites that did not run stay as they were.
    """
    show(rows, machine)
    print(write_evidence(name, [*rows, machine], keep_others=True, folder=folder))
    return 0 if all(row.holds for row in rows) else 1


def plot() -> Path | None:
    """Draw the evidence, if there is what draws; give where."""
    if not BENCH_PYTHON.exists():
        return None
    subprocess.run(
        [
            str(BENCH_PYTHON),
            "-P",
            str(ROOT / "bench/plot.py"),
            str(EVIDENCE / "bench.json"),
            str(PLOT),
        ],
        check=True,
    )
    return PLOT
