"""What senders and readers meet."""

from __future__ import annotations

from typing import Final

from stacks.alerts.metrics import gateway, ours
from stacks.alerts.model import Metric, Place
from stacks.alerts.thresholds import (
    ERROR_BUDGET,
    ERROR_RATIO,
    HOUR,
    MINUTE,
    P95_SECONDS,
    SILENCE,
    THROTTLED,
)
from stacks.dashboards.model import (
    PERCENTILES,
    THIRTY_DAYS,
    LogPanel,
    Panel,
    Section,
    Series,
    by_function,
    one,
    share,
)
from stacks.log_queries import SERVER_ERRORS


def _errors(kind: str, label: str, period_seconds: int = MINUTE) -> Series:
    return share(label, gateway(kind, "Sum"), gateway("Count", "Sum"), period_seconds)


TRAFFIC: Final = Section(
    heading="Senders and readers",
    text="What they meet, as the gateway saw it: also what no function lived to say.",
    alerts=(
        "latency-p95", "server-errors", "client-errors", "no-ingests", "error-budget-fast",
        "error-budget-slow", "throttles",
    ),
    panels=(
        Panel(
            title=f"Traffic: an event at least every {SILENCE // MINUTE} minutes is good",
            left=(
                one("requests a minute", gateway("Count", "Sum")),
                one("events accepted a minute", ours("events_accepted", "Sum")),
            ),
            right=(one("tenants that are open", ours("open_tenants", "Minimum")),),
            right_unit="tenants",
            alerts=("no-ingests",),
        ),
        Panel(
            title=f"Latency: P95 under {P95_SECONDS:g} s is good",
            left=tuple(one(p.upper(), gateway("Latency", p)) for p in PERCENTILES),
            left_unit="ms",
            alerts=("latency-p95",),
        ),
        Panel(
            title="Time in functions: far below the latency is a slow start or gateway",
            left=by_function("latency_ms", "p95"),
            left_unit="ms, P95",
        ),
        Panel(
            title=f"Server errors: under {ERROR_RATIO:.0%} of requests is good",
            left=(_errors("5xx", "5xx"),),
            left_unit="share of requests",
            alerts=("server-errors",),
        ),
        Panel(
            title=f"Client errors: under {ERROR_RATIO:.0%} of requests is good",
            left=(_errors("4xx", "4xx"),),
            left_unit="share of requests",
            alerts=("client-errors",),
        ),
        Panel(
            title="Throttles: none is good",
            left=tuple(
                one(name, Metric(place=Place.FUNCTION, name="Throttles", statistic="Sum", of=name))
                for name in THROTTLED
            ),
            alerts=("throttles",),
        ),
        Panel(
            title=f"Error budget burn: 5xx under {ERROR_BUDGET:.1%} of requests is good",
            left=(_errors("5xx", "of an hour", HOUR), _errors("5xx", "of 5 minutes", 5 * MINUTE)),
            left_unit="share of requests",
            alerts=("error-budget-fast", "error-budget-slow"),
        ),
        Panel(
            title="Error budget left: above 0 over 30 days is good",
            left=(
                Series(
                    label="left of 1",
                    metrics={
                        "failed": gateway("5xx", "Sum"),
                        "requests": gateway("Count", "Sum"),
                    },
                    expression=f"1 - FILL(failed, 0) / requests / {ERROR_BUDGET:g}",
                    period_seconds=THIRTY_DAYS,
                ),
            ),
            over_seconds=THIRTY_DAYS,
        ),
        Panel(
            title="Cold starts: few beside the traffic is good",
            left=by_function("cold_starts", "Sum"),
        ),
        LogPanel(title="Who is refused by our fault: an empty table is good", query=SERVER_ERRORS),
    ),
)  # fmt: skip
