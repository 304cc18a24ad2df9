"""Every alert, once: ``stacks.observability`` makes alarms of them, ``ops.prometheus_rules`` rules.

Pure data. Where CloudWatch and Prometheus cannot see the same, the alert says so. Errors and
latency are the gateway's own in CloudWatch (a function that never ran cannot report itself), and
what functions counted in Prometheus.
"""

from __future__ import annotations

from typing import Final

from stacks.alerts.model import Alert
from stacks.alerts.onward import ONWARD
from stacks.alerts.traffic import TRAFFIC
from stacks.alerts.upkeep import UPKEEP

__all__ = ["ALERTS", "BY_NAME", "Alert"]

ALERTS: Final[tuple[Alert, ...]] = (*TRAFFIC, *ONWARD, *UPKEEP)
BY_NAME: Final[dict[str, Alert]] = {alert.name: alert for alert in ALERTS}
