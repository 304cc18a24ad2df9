"""Prometheus' alerting rules out of the alerts: ``python -m ops.prometheus_rules [--check]``.

Writes ``ops/prometheus/rules.yml``; with ``--check`` it writes nothing, and ends with 1 when what
lies there is not what the alerts say.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stacks.alerts import ALERTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stacks.alerts import Alert

RULES: Final = Path(__file__).parent / "prometheus" / "rules.yml"
# How often the rules are looked at. The shortest rate is over a minute: it wants four scrapes.
INTERVAL_SECONDS: Final = 30
SCRAPE_SECONDS: Final = 15

_HEAD = f"""\
# Made by `make rules` from stacks/alerts: do not edit.
# For one stage: a Prometheus that scrapes several needs these once for each, with its own matchers.
# Scrape /metrics every {SCRAPE_SECONDS} seconds: the shortest rate is over a minute.
"""


def rules_text(alerts: Iterable[Alert] = ALERTS) -> str:
    """Write the rules as YAML; strings are quoted as JSON quotes them, which YAML reads alike."""
    alerts = tuple(alerts)
    unseen = "".join(f"# Not here: {a.name}. {a.unseen}\n" for a in alerts if a.rule is None)
    group = f"groups:\n  - name: tillgate\n    interval: {INTERVAL_SECONDS}s\n    rules:\n"
    return _HEAD + unseen + group + "".join(_rule(alert) for alert in alerts if alert.rule)


def labels_of(alert: Alert) -> dict[str, str]:
    return {"severity": str(alert.severity)}


def annotations_of(alert: Alert) -> dict[str, str]:
    return {"summary": alert.summary, "runbook": alert.runbook}


def _rule(alert: Alert) -> str:
    if alert.rule is None:
        raise ValueError(f"{alert.name} has no rule.")
    lines = [
        f"      - alert: {alert.name}",
        "        expr: |-",
        f"          {alert.rule.expr}",
        f"        for: {alert.rule.seconds}s",
        *_mapping("labels", labels_of(alert)),
        *_mapping("annotations", annotations_of(alert)),
    ]
    return "\n".join(lines) + "\n"


def _mapping(name: str, entries: Mapping[str, str]) -> list[str]:
    return [
        f"        {name}:",
        *(f"          {key}: {json.dumps(value)}" for key, value in entries.items()),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when it is stale")
    arguments = parser.parse_args()
    if arguments.check:
        if RULES.is_file() and RULES.read_text() == rules_text():
            return 0
        sys.stderr.write(f"{RULES.name} is not what stacks/alerts says: run `make rules`.\n")
        return 1
    RULES.parent.mkdir(exist_ok=True)
    RULES.write_text(rules_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
