"""The metrics that there are: ours out of the lines that the code writes, and AWS's own."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tillgate.domain import gauges
from tillgate.domain.tenant import SourceId, TenantId
from tillgate.domain.watch import Measured, QuietNote, Watched, WatchedSource
from tillgate.entrypoints import emf
from tillgate.entrypoints.observability import RequestLog, Sandbox
from tillgate.entrypoints.sqs import conflict_line
from tillgate.entrypoints.watch import WatchTask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

# Namespace, name, and the dimensions' names.
Emitted = tuple[str, str, frozenset[str]]

_GATEWAY = frozenset({"ApiId", "Stage"})
_QUEUE = frozenset({"QueueName"})
_FUNCTION = frozenset({"FunctionName"})
_CLUSTER = frozenset({"DBClusterIdentifier"})
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.AuroraMonitoring.Metrics.html
AWS: frozenset[Emitted] = frozenset(
    {
        *(("AWS/ApiGateway", n, _GATEWAY) for n in ("Count", "4xx", "5xx", "Latency")),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", _QUEUE),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", _QUEUE),
        ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", _QUEUE),
        ("AWS/Lambda", "Throttles", _FUNCTION),
        ("AWS/RDS", "ServerlessDatabaseCapacity", _CLUSTER),
        ("AWS/RDS", "DatabaseConnections", _CLUSTER),
    }
)
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


class _Watch:
    """Finds everything that can be found."""

    def run(self, now: datetime) -> Watched:
        at = now.timestamp()
        proofs = {gauges.BACKUP_VERIFIED: at, **{f"drill_{one}": at for one in gauges.DRILLS}}
        return Watched(
            is_database_up=True,
            queues={"accept": 1},
            measured=Measured(
                connections={"ingest": 1},
                partition_days_ahead=14,
                dead_letters=0,
                quarantine={"unreadable": 1},
                oldest_due_seconds=0.0,
                secret_age_seconds=1.0,
                proofs=proofs,
                gauges={},
                quiet_sources=1,
            ),
            accept_age_seconds=1.0,
            quiet_sources=1,
            open_tenants=1,
            is_silence_left=True,
            budget_left={"1h": 1.0},
            notes=[QuietNote(source=_SOURCE, quiet_since=now, is_quiet=True)],
            faults=["queue:accept"],
        )


_SOURCE = WatchedSource(
    source_id=SourceId("s-1"),
    tenant_id=TenantId("t-1"),
    provider="square",
    time_zone="UTC",
    opening_hours={},
    quiet_after_minutes=60,
    heard_at=NOW,
    last_event_at=NOW,
    quiet_since=NOW,
)


def watch_lines() -> list[dict[str, Any]]:
    """Give the lines that the watcher writes in a minute."""
    task = WatchTask(_Watch(), stage="dev", version="1", clock=lambda: NOW)  # type: ignore[arg-type]  # Only its run is called.
    out = io.StringIO()
    with redirect_stdout(out):
        task()
    return [json.loads(line) for line in out.getvalue().splitlines()]


def request_lines() -> list[dict[str, Any]]:
    """Give the lines of what is measured of a request, with every metric that one can have."""
    log = RequestLog()
    log.tenant_id, log.events = "t", {"stored": 1}
    log.at, log.status, log.is_cold, log.latency_ms, log.database_ms = NOW, 201, True, 1.0, 1.0
    sandbox = Sandbox("1", "s", stage="dev", function="ingest")
    out = io.StringIO()
    with redirect_stdout(out):
        emf.RequestMetrics(sandbox, per_tenant=True).note(log)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def message_line() -> dict[str, Any]:
    """Give a message's line with every metric that one can have."""
    line = {"tenantId": "t", "delivery_lag_ms": [1], "attempts": 1, "target": "supabase"}
    return {**line, "_aws": json.loads(emf.MessageMetrics(per_tenant=True).add(line, at_ms=0))}


def lines() -> Iterator[dict[str, Any]]:
    """Give one line of each kind that has metrics."""
    yield from request_lines()
    yield message_line()
    yield conflict_line(1, rid="r-1", stage="dev", now=NOW)
    yield from watch_lines()


def _told(line: dict[str, Any]) -> Iterator[Emitted]:
    for told in line.get("_aws", {}).get("CloudWatchMetrics", []):
        for dimensions in told["Dimensions"]:
            for metric in told["Metrics"]:
                yield told["Namespace"], metric["Name"], frozenset(dimensions)


OURS: frozenset[Emitted] = frozenset(emitted for line in lines() for emitted in _told(line))
METRICS = OURS | AWS
OF_EACH_TENANT = frozenset(name for _, name, dimensions in OURS if "tenantId" in dimensions)
