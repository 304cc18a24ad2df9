"""What some delivery scenarios are held to beside the reckoning, as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.evidence import Row, percentile
from tests.chaos.delivery_reckoning import BreakerRule, breaker_faults
from tests.chaos.delivery_run import REQUEST_SECONDS
from tillgate.adapters.postgres.delivery_store import OPEN_SECONDS, TRIP_FAILURES

if TYPE_CHECKING:
    from tests.chaos.delivery_scene import Finished

# Sweep queues what is due within two seconds (stored_to_queued_p95_s), and a neighbour's
# request may stand before it, which ends at its deadline. A second for the rest.
HEALTHY_LAG_SECONDS = 2.0 + REQUEST_SECONDS + 1.0


def lag_row(finished: Finished, merchant: str) -> Row:
    """Give how long deliveries took of what a merchant sent during the fault."""
    since, until = finished.fault
    lags = finished.lags(merchant, since=since, until=until)
    p95 = percentile(lags, 0.95)
    raw = {
        "n": len(lags), "p50": percentile(lags, 0.5), "p95": p95,
        "p99": percentile(lags, 0.99), "max": max(lags, default=None),
    }  # fmt: skip
    holds = p95 is not None and p95 <= HEALTHY_LAG_SECONDS
    return Row(f"chaos.{merchant}.lag_p95_s", p95, "s", HEALTHY_LAG_SECONDS, holds, raw)


def breaker_row(finished: Finished, merchant: str) -> Row:
    """Give in how many ways a destination's breaker did not spare it."""
    scenario = finished.scenario
    requests = finished.world.requests(finished.merchants[merchant])
    rule = BreakerRule(
        trip=TRIP_FAILURES, open_seconds=OPEN_SECONDS, at_once=scenario.shape.workers
    )
    found = breaker_faults(requests, rule, fault=finished.fault)
    since, until = finished.fault
    raw = {
        "first": found[:20],
        "failed_requests_after_s": [
            round(at - since, 1) for at, answer in requests if at >= since and answer != "201"
        ],
        "fault_s": round(until - since, 1),
    }
    name = merchant if scenario.is_by_merchant else scenario.name
    return Row(f"chaos.{name}.breaker_faults", len(found), "", 0, holds=not found, raw=raw)


def queued_twice_row(finished: Finished, merchant: str) -> Row:
    """Count what was delivered more than once of what came before any sweep was killed."""
    until = finished.notes["killed_from"]
    early = [
        one.attempts
        for one in finished.books[merchant].accounts.values()
        if one.received_at < until
    ]
    again = sum(attempts > 1 for attempts in early)
    name = f"chaos.{finished.scenario.name}.{merchant}_queued_twice"
    return Row(name, again, "events", 0, holds=again == 0 and bool(early), raw={"n": len(early)})
