"""promtool, and the series that it is given: ``promtool test rules`` over made-up scrapes.

https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.prometheus_rules import (
    INTERVAL_SECONDS,
    SCRAPE_SECONDS,
    annotations_of,
    labels_of,
    rules_text,
)
from stacks.alerts import BY_NAME
from stacks.assets import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from stacks.alerts import Alert

UNPACKED = ROOT / ".local" / "prometheus" / "usr" / "bin" / "promtool"
Part = tuple[int, float | None]
# Once, with no labels of its own.
FIRES: tuple[Mapping[str, str], ...] = ({},)


@dataclass(frozen=True, slots=True)
class Verdict:
    """After so many minutes the alert fires, once for each of these label sets; or not at all."""

    minute: float
    fires: tuple[Mapping[str, str], ...] = ()


def promtool() -> str:
    """Find it. Raises AssertionError, which says what to run."""
    found = str(UNPACKED) if UNPACKED.is_file() else shutil.which("promtool")
    assert found, (
        "There is no promtool: run `make infra`, which unpacks Debian's package prometheus into"
        " .local/prometheus, or install Prometheus."
    )
    return found


def gauge(*parts: Part) -> str:
    """Each part is minutes and a value; None is a scrape that failed, or gave no such series."""
    return " ".join(
        f"stale _x{_scrapes(minutes) - 1}"
        if value is None
        else f"{value:.12g}+0x{_scrapes(minutes) - 1}"
        for minutes, value in parts
    )


def counter(*parts: tuple[int, float], every: int = SCRAPE_SECONDS) -> str:
    """Each part is minutes, and by how much the counter grows in each of them."""
    total, written = 0.0, []
    for minutes, growth in parts:
        scrapes = _scrapes(minutes, every)
        step = growth * every / 60
        written.append(f"{total + step:.12g}+{step:.12g}x{scrapes - 1}")
        total += step * scrapes
    return " ".join(written)


def born(minutes: int, series: str) -> str:
    """Give a series that is not there for so many minutes."""
    return f"_x{_scrapes(minutes)} {series}"


def _scrapes(minutes: int, every: int = SCRAPE_SECONDS) -> int:
    return minutes * 60 // every


def run(
    alert: Alert,
    series: Mapping[str, str],
    verdicts: Sequence[Verdict],
    folder: Path,
    *,
    every: int = SCRAPE_SECONDS,
) -> subprocess.CompletedProcess[str]:
    """Ask promtool whether the alert fires as the verdicts say; its answer is its exit code.

    It is given this alert's rule alone, as it stands in the file, which takes a tenth of the time.
    """
    rules = folder / "rules.yml"
    rules.write_text(rules_text([alert]))
    test = {
        "rule_files": [str(rules)],
        "evaluation_interval": f"{max(INTERVAL_SECONDS, every)}s",
        "tests": [
            {
                "interval": f"{every}s",
                "input_series": [
                    {"series": name, "values": values} for name, values in series.items()
                ],
                "alert_rule_test": [
                    {
                        "eval_time": f"{round(verdict.minute * 60)}s",
                        "alertname": alert.name,
                        "exp_alerts": [
                            {
                                "exp_labels": {**labels_of(alert), **more},
                                "exp_annotations": annotations_of(alert),
                            }
                            for more in verdict.fires
                        ],
                    }
                    for verdict in verdicts
                ],
            }
        ],
    }
    path = folder / "test.json"
    # JSON is YAML.
    path.write_text(json.dumps(test))
    return ask("test", "rules", str(path))


def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  Ours, from a list.
        [promtool(), *arguments], capture_output=True, text=True, check=False, timeout=60
    )


class Judge:
    """Asks promtool about one alert and one story."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(
        self,
        alert: str,
        series: Mapping[str, str],
        *verdicts: Verdict,
        every: int = SCRAPE_SECONDS,
    ) -> None:
        answer = run(BY_NAME[alert], series, verdicts, self._folder, every=every)
        assert answer.returncode == 0, answer.stdout + answer.stderr


def fires_from(
    minute: float, *, not_at: float, of: tuple[Mapping[str, str], ...] = FIRES
) -> tuple[Verdict, Verdict]:
    return Verdict(not_at), Verdict(minute, of)


def never(*minutes: float) -> list[Verdict]:
    return [Verdict(minute) for minute in minutes]
