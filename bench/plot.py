"""Draw ``build/evidence/bench.json``: ``plot.py <evidence> <svg>``, in the peer's environment."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")

import matplotlib.pyplot as plt

COLOURS = {"ours": "#0b6e4f", "floor": "#9aa5b1", "peer": "#c8553d", "pgbench": "#cbd2d9"}
LABELS = {"ours": "Tillgate", "floor": "floor", "peer": "FastAPI peer", "pgbench": "pgbench"}

# What misses its goal by more than this is cut off there.
_MOST_SHARE = 2.5


class Evidence:
    """The rows by name; what was not measured is None."""

    def __init__(self, path: Path) -> None:
        self._rows = {row["name"]: row for row in json.loads(path.read_text(encoding="utf-8"))}

    def goals(self) -> list[dict]:
        """Give what can be drawn as a share of its goal: nothing is a share of none."""
        return [row for row in self._rows.values() if row["target"] and row["value"]]

    def value(self, name: str) -> float | None:
        return self._rows.get(name, {}).get("value")

    def spread(self, name: str) -> list[list[float]]:
        """Give how far the least and the most are from the value, as matplotlib wants them."""
        row = self._rows[name]
        return [[row["value"] - row["raw"]["low"]], [row["raw"]["high"] - row["value"]]]


def draw_goals(axes: plt.Axes, evidence: Evidence) -> None:
    """Draw each measure as a share of its goal: below the line is good."""
    rows = sorted(evidence.goals(), key=lambda row: row["name"], reverse=True)
    for place, row in enumerate(rows):
        at_least = row["raw"].get("goal", "").startswith(">=")
        value = row["value"]
        low, high = row["raw"].get("low", value), row["raw"].get("high", value)
        shares = [row["target"] / x if at_least else x / row["target"] for x in (low, value, high)]
        least, share, most = min(shares), shares[1], max(shares)
        colour = COLOURS["ours"] if row["holds"] else COLOURS["peer"]
        axes.barh(place, share, color=colour, height=0.6)
        axes.plot([least, min(most, _MOST_SHARE)], [place, place], color="black", linewidth=1)
        words = f"{value:.3g} ({row['raw'].get('goal', '')})"
        axes.text(min(most, _MOST_SHARE) + 0.05, place, words, va="center", backgroundcolor="white")
    axes.axvline(1, color="black", linestyle="--", linewidth=1)
    axes.set_yticks(range(len(rows)), [row["name"] for row in rows])
    axes.set_xlim(0, _MOST_SHARE + 1)
    axes.set_xlabel("share of the goal; 1 or less holds")
    axes.set_title("Goals")


def draw_bars(axes: plt.Axes, evidence: Evidence, title: str, pattern: str, unit: str) -> None:
    """Draw the three subjects side by side; ``pattern`` names a row with ``{}`` for whose."""
    for place, name in enumerate(("ours", "floor", "peer")):
        value = evidence.value(pattern.format(name))
        if value is None:
            continue
        error = evidence.spread(pattern.format(name))
        axes.bar(place, value, yerr=error, color=COLOURS[name], capsize=3)
        axes.text(place + 0.06, value, f"{value:,.0f}", va="bottom")
    axes.set_xticks(range(3), [LABELS[name] for name in ("ours", "floor", "peer")])
    axes.set_ylabel(unit)
    axes.set_title(title)


def draw_processes(axes: plt.Axes, evidence: Evidence) -> None:
    counts = (1, 2, 4, 8, 16)
    for name in ("ours", "floor", "pgbench"):
        values = [evidence.value(f"processes.{count}.{name}_per_s") for count in counts]
        if all(value is not None for value in values):
            axes.plot(counts, values, marker="o", color=COLOURS[name], label=LABELS[name])
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("sandboxes, or connections")
    axes.set_ylabel("events a second")
    axes.set_title("Many at once")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)


def main(evidence_path: str, svg_path: str) -> None:
    evidence = Evidence(Path(evidence_path))
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    # So that equal figures give an equal file.
    plt.rcParams["svg.hashsalt"] = "bench"
    figure, axes = plt.subplots(2, 3, figsize=(14, 8), layout="constrained")
    draw_goals(axes[0, 0], evidence)
    draw_bars(axes[0, 1], evidence, "Single event, wall", "accept.{}.wall_us", "µs, p50")
    draw_bars(axes[0, 2], evidence, "Single event, CPU", "accept.{}.cpu_us", "µs of the client")
    draw_bars(axes[1, 0], evidence, "Batches of 500", "batch.500.{}.rows_per_s", "rows a second")
    draw_bars(axes[1, 1], evidence, "Cold start", "cold.{}_ms", "ms to the first 201")
    draw_processes(axes[1, 2], evidence)
    figure.savefig(svg_path, metadata={"Date": None})


if __name__ == "__main__":
    main(*sys.argv[1:3])
