"""One tenant's dashboard: chosen on the page, where its metrics are switched on."""

from __future__ import annotations

from typing import Final

from stacks.alerts.metrics import ours
from stacks.alerts.thresholds import (
    ERROR_BUDGET,
    ERROR_RATIO,
    MINUTE,
    P95_SECONDS,
    RETRY_RATIO,
)
from stacks.dashboards.model import (
    THIRTY_DAYS,
    Board,
    LogPanel,
    Panel,
    Section,
    Series,
    one,
    percentiles,
    share,
)
from stacks.log_queries import DELIVERIES, REQUESTS_BY_TENANT, SERVER_ERRORS

TENANT: Final = "tenantId"
# Which one is chosen on the page; CloudWatch puts its id in this one's place.
CHOSEN: Final = {TENANT: "none"}
# Of a custom metric, which each tenant's is: https://aws.amazon.com/cloudwatch/pricing/
DOLLARS_A_METRIC: Final = 0.30

_ERRORS: Final = ours("server_errors", "Sum", **CHOSEN)
_REQUESTS: Final = ours("requests", "Sum", **CHOSEN)

PANELS: Final = (
    Panel(
        title="Throughput: as much as this tenant's hours bring is good",
        left=(
            one("requests a minute", _REQUESTS),
            one("events accepted a minute", ours("events_accepted", "Sum", **CHOSEN)),
        ),
    ),
    Panel(
        title=f"Latency: P95 under {P95_SECONDS:g} s is good",
        left=percentiles("latency_ms", CHOSEN),
        left_unit="ms in functions",
        alerts=("latency-p95",),
    ),
    Panel(
        title=f"Server errors: under {ERROR_RATIO:.0%} of requests is good",
        left=(share("5xx", _ERRORS, _REQUESTS),),
        left_unit="share of requests",
        alerts=("server-errors",),
    ),
    Panel(
        title="Error budget left: above 0 over 30 days is good",
        left=(
            Series(
                label="left of 1",
                metrics={"failed": _ERRORS, "requests": _REQUESTS},
                expression=f"1 - FILL(failed, 0) / requests / {ERROR_BUDGET:g}",
                period_seconds=THIRTY_DAYS,
            ),
        ),
        over_seconds=THIRTY_DAYS,
    ),
    Panel(
        title="Delivery lag: P95 of a few seconds is good",
        left=percentiles("delivery_lag_ms", CHOSEN),
        left_unit="ms from received to delivered",
    ),
    Panel(
        title=f"Retries: at most {RETRY_RATIO:.0%} of attempts is good",
        left=(
            share(
                "of attempts",
                ours("retries", "Sum", **CHOSEN),
                ours("attempts", "Sum", **CHOSEN),
                5 * MINUTE,
            ),
        ),
        right=(one("attempts", ours("attempts", "Sum", **CHOSEN)),),
        left_unit="retries / attempts, of 5 minutes",
        bounds=(("retry budget", RETRY_RATIO),),
        right_unit="attempts a minute",
    ),
)
METRICS: Final = frozenset(
    metric.name
    for panel in PANELS
    for series in (*panel.left, *panel.right)
    if isinstance(series, Series)
    for metric in series.metrics.values()
)
PRICE: Final = (
    f"{len(METRICS)} custom metrics a tenant, about ${len(METRICS) * DOLLARS_A_METRIC:.2f} a month:"
    f" ${len(METRICS) * DOLLARS_A_METRIC * 500:,.0f} for 500 tenants that send all month."
)

_LOGS: Final = Section(
    heading="All tenants, from the logs",
    text="Needs no metric. Each look reads the logs of the time that is chosen: choose hours, not"
    " weeks.",
    alerts=("server-errors", "client-errors", "dead-letters", "quiet-sources"),
    panels=(
        LogPanel(title="Requests by tenant: P95 under a second is good", query=REQUESTS_BY_TENANT),
        LogPanel(title="Refused by our fault: an empty table is good", query=SERVER_ERRORS),
        LogPanel(title="Deliveries by tenant: nothing given up is good", query=DELIVERIES),
    ),
)


def tenant_board(*, per_tenant_metrics: bool) -> Board:
    """``per_tenant_metrics``: whether lines carry metrics of each tenant."""
    if per_tenant_metrics:
        chosen = Section(heading="The chosen tenant", text=PRICE, panels=PANELS)
    else:
        chosen = Section(
            heading="One tenant's metrics are switched off",
            text="Deploy with `-c per_tenant_metrics=on`, and a tenant can be chosen here: its"
            " latency, throughput, errors, budget, delivery lag and retries. That is"
            f" {PRICE}",
        )
    return Board(name="tenant", sections=(chosen, _LOGS), by_tenant=per_tenant_metrics)
