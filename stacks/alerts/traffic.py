"""What senders and readers meet: slow answers, refusals, silence."""

from __future__ import annotations

from typing import Final

from stacks.alerts.metrics import gateway, ours
from stacks.alerts.model import (
    Alert,
    Comparison,
    Condition,
    Join,
    Metric,
    Missing,
    Place,
    Rule,
    Severity,
    Window,
)
from stacks.alerts.thresholds import (
    CLIENT_ERRORS_FROM_REQUESTS,
    ERROR_BUDGET,
    ERROR_RATIO,
    FAST_BURN,
    FAST_BURN_FROM_REQUESTS,
    HOUR,
    MINUTE,
    P95_SECONDS,
    SETTLED,
    SILENCE,
    SLOW_BURN,
    SLOW_BURN_FROM_REQUESTS,
    SOON,
    THROTTLED,
)

_TAKEN = 'ingest_events_total{outcome=~"stored|queued|quarantined"}'
_SILENT = f"{(SILENCE - SETTLED) // MINUTE}m"


def _error_ratio(
    *, errors: str, above: float, window: Window, name: str = "", minimum: int = 0
) -> Condition:
    """Compare the sum of errors with the sum of requests, period by period.

    The Average statistic is documented as a rate for REST APIs only. Without any requests there
    is no point; or 0 where there is a minimum and one period only: then no older point is looked
    for in its place. Of several periods the newest, whose data come late, would be that 0 each
    time, and the alarm would never fire.
    """
    ratio = "FILL(errors, 0) / requests"
    requests = "FILL(requests, 0)" if window.periods == 1 else "requests"
    return Condition(
        name=name,
        what=f"the gateway's {errors} of all requests",
        metrics={"errors": gateway(errors, "Sum"), "requests": gateway("Count", "Sum")},
        expression=f"IF({requests} >= {minimum}, {ratio}, 0)" if minimum else ratio,
        threshold=above,
        window=window,
        missing=Missing.IS_FINE,
        minimum_traffic=minimum,
    )


def _counted_ratio(statuses: str, over: str) -> str:
    return (
        f'sum(rate(http_requests_total{{status=~"{statuses}"}}[{over}]))'
        f" / sum(rate(http_requests_total[{over}]))"
    )


def _traffic(over: str, minimum: int) -> str:
    return f"sum(increase(http_requests_total[{over}])) >= {minimum}"


def _burn(
    *,
    name: str,
    severity: Severity,
    summary: str,
    factor: float,
    long_window: tuple[str, int],
    short_window: tuple[str, int],
    minimum: int,
) -> Alert:
    """Fire while both windows burn: the long one for what it costs, the short so that it ends."""
    above = round(factor * ERROR_BUDGET, 9)
    pair = []
    for text, seconds in (long_window, short_window):
        # The same traffic, in proportion.
        part = round(minimum * seconds / long_window[1])
        window = Window(period_seconds=seconds, periods=1)
        pair.append(
            (
                _error_ratio(errors="5xx", above=above, window=window, name=text, minimum=part),
                f"{_counted_ratio('5..', text)} > {above:g} and {_traffic(text, part)}",
            )
        )
    return Alert(
        name=name,
        severity=severity,
        summary=summary,
        conditions=tuple(condition for condition, _ in pair),
        join=Join.ALL,
        rule=Rule(expr=" and ".join(expr for _, expr in pair), seconds=0),
    )


TRAFFIC: Final[tuple[Alert, ...]] = (
    Alert(
        name="latency-p95",
        severity=Severity.PAGE,
        summary="Senders and readers wait: vendors give up on a slow answer and send it again.",
        conditions=(
            Condition(
                what="the gateway's P95 latency",
                metrics={"latency": gateway("Latency", "p95")},
                threshold=P95_SECONDS * 1000,
                unit="ms",
                window=Window(period_seconds=MINUTE, periods=10),
                missing=Missing.IS_FINE,
            ),
        ),
        rule=Rule(
            expr="histogram_quantile(0.95, sum by (le)"
            f" (rate(http_request_duration_seconds_bucket[1m]))) > {P95_SECONDS:g}",
            seconds=10 * MINUTE,
        ),
    ),
    Alert(
        name="server-errors",
        severity=Severity.PAGE,
        summary="Senders are refused by our fault: vendors retry, own systems may lose events.",
        conditions=(_error_ratio(errors="5xx", above=ERROR_RATIO, window=SOON),),
        rule=Rule(expr=f"{_counted_ratio('5..', '1m')} > {ERROR_RATIO:g}", seconds=SOON.seconds),
    ),
    Alert(
        name="client-errors",
        severity=Severity.TICKET,
        summary="A sender is turned away: its token, signature or body is not as it should be.",
        conditions=(
            _error_ratio(
                errors="4xx",
                above=ERROR_RATIO,
                window=SOON,
                minimum=CLIENT_ERRORS_FROM_REQUESTS,
            ),
        ),
        rule=Rule(
            expr=f"{_counted_ratio('4..', '1m')} > {ERROR_RATIO:g}"
            f" and {_traffic('1m', CLIENT_ERRORS_FROM_REQUESTS)}",
            seconds=SOON.seconds,
        ),
    ),
    Alert(
        name="no-ingests",
        severity=Severity.PAGE,
        summary="No merchant's events come in, or none is taken: sales are missing downstream.",
        conditions=(
            Condition(
                what="events accepted in a minute in which a tenant is open",
                metrics={
                    "accepted": ours("events_accepted", "Sum"),
                    "open": ours("open_tenants", "Minimum"),
                },
                # Filled, since CloudWatch would look back past the window for real data first. A
                # minute in which nobody is open is as good as one with an event, so that who opens
                # has all of the window; one of which nobody told is an open one.
                expression="IF(FILL(open, 1) > 0, FILL(accepted, 0), 1)",
                comparison=Comparison.BELOW,
                threshold=1,
                window=Window(period_seconds=MINUTE, periods=SILENCE // MINUTE),
                missing=Missing.BREACHES,
            ),
        ),
        rule=Rule(
            expr=f"(sum({_TAKEN}) <= sum({_TAKEN} offset {_SILENT})"
            f" or absent_over_time({_TAKEN}[{_SILENT}]))"
            # What nobody measures any more closes nobody: without the gauge nothing is taken away.
            f" unless on() min_over_time(open_tenants[{_SILENT}]) < 1",
            seconds=SETTLED,
        ),
    ),
    _burn(
        name="error-budget-fast",
        severity=Severity.PAGE,
        summary="Senders are refused so often that the month's error budget is gone in two days.",
        factor=FAST_BURN,
        long_window=("1h", HOUR),
        short_window=("5m", 5 * MINUTE),
        minimum=FAST_BURN_FROM_REQUESTS,
    ),
    _burn(
        name="error-budget-slow",
        severity=Severity.TICKET,
        summary="Senders are refused so often that the month's error budget is gone in five days.",
        factor=SLOW_BURN,
        long_window=("6h", 6 * HOUR),
        short_window=("30m", 30 * MINUTE),
        minimum=SLOW_BURN_FROM_REQUESTS,
    ),
    Alert(
        name="throttles",
        severity=Severity.TICKET,
        summary="Requests or deliveries are turned away for want of Lambda's concurrency.",
        conditions=(
            Condition(
                what="invocations that Lambda refused in a minute",
                metrics={
                    name: Metric(place=Place.FUNCTION, name="Throttles", statistic="Sum", of=name)
                    for name in THROTTLED
                },
                expression=" + ".join(f"FILL({name}, 0)" for name in THROTTLED),
                threshold=0,
                window=Window(period_seconds=MINUTE, periods=5, datapoints=3),
                missing=Missing.IS_FINE,
            ),
        ),
        rule=None,
        unseen="A function that did not run has counted nothing.",
    ),
)
