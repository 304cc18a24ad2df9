"""Questions to the log lines, saved in the stack: CloudWatch Logs Insights asks them by name.

A line is JSON, and its members are fields; docs/observability.md says which there are. What is
asked for is typed into a parameter. Each run reads the lines of the time that is chosen.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from aws_cdk import aws_logs as logs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk.aws_logs import ILogGroup
    from constructs import Construct


class Lines(StrEnum):
    """Whose lines a question is about."""

    FUNCTIONS = "functions"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """``asks`` are its parameters, each with what to type there."""

    name: str
    text: str
    of: Lines = Lines.FUNCTIONS
    asks: Mapping[str, str] = field(default_factory=dict)


BY_RID = LogQuery(
    name="by rid",
    asks={"rid": "The X-Request-Id of an answer, or the rid of a problem document"},
    text="""\
fields at, tenantId, task, method, path, route, status, outcome, latency_ms, provider, cause
| filter rid = "{{rid}}"
| sort @timestamp asc
| limit 200""",
)
BY_TRACE = LogQuery(
    name="by trace",
    asks={"trace": "The 32 digits in the middle of a traceparent, or a line's trace_id"},
    text="""\
fields at, function, rid, tenantId, path, route, status, outcome, latency_ms, database_ms, error.0
| filter trace_id = "{{trace}}"
| sort @timestamp asc
| limit 200""",
)
BY_TENANT = LogQuery(
    name="by tenant",
    asks={"tenant": "The tenant's id: tillgate tenant list"},
    text="""\
fields at, rid, task, route, status, outcome, provider, latency_ms, delivered, gave_up,
    quarantined, error.0
| filter tenantId like "{{tenant}}" and ispresent(outcome)
| sort @timestamp desc
| limit 200""",
)
BY_EVENT = LogQuery(
    name="by event",
    asks={"event": "The event's id"},
    text="""\
fields at, rid, tenantId, task, message, method, path, status, outcome, received, reasons.0,
    delivery_lag_ms.0, error.0
| filter @message like "{{event}}"
| sort @timestamp asc
| limit 200""",
)
BY_MESSAGE = LogQuery(
    name="life of a message",
    asks={"message": "The message of a line of accept or deliver"},
    text="""\
fields at, task, tenantId, rid, received, outcome, reason, reasons.0, later_seconds, delivered
| filter message = "{{message}}"
| sort @timestamp asc
| limit 1000""",
)
TOP_ERRORS = LogQuery(
    name="top errors",
    text="""\
filter ispresent(error.0)
| stats count(*) as lines, count_distinct(tenantId) as tenants, earliest(at) as since,
    latest(at) as last, latest(rid) as one_rid by error.0, outcome, route, task, version
| sort lines desc
| limit 50""",
)
SERVER_ERRORS = LogQuery(
    name="server errors by tenant",
    text="""\
filter status >= 500
| stats count(*) as requests, earliest(at) as since, latest(at) as last, latest(rid) as one_rid
    by tenantId, route, status, outcome
| sort requests desc
| limit 100""",
)
CLIENT_ERRORS = LogQuery(
    name="client errors by tenant",
    text="""\
filter status >= 400 and status < 500
| stats count(*) as requests, earliest(at) as since, latest(at) as last, latest(rid) as one_rid
    by tenantId, provider, route, status, outcome, cause
| sort requests desc
| limit 100""",
)
REQUESTS_BY_TENANT = LogQuery(
    name="requests by tenant",
    text="""\
filter ispresent(method) and ispresent(tenantId)
| stats count(*) as requests, pct(latency_ms, 50) as p50, pct(latency_ms, 95) as p95
    by tenantId, status
| sort requests desc
| limit 100""",
)
SLOWEST = LogQuery(
    name="slowest",
    text="""\
fields at, latency_ms, rid, tenantId, route, status, outcome, cold_start, sandbox
| filter ispresent(method)
| sort latency_ms desc
| limit 50""",
)
LATENCY = LogQuery(
    name="latency by route",
    text="""\
filter ispresent(method)
| stats count(*) as requests, pct(latency_ms, 50) as p50, pct(latency_ms, 95) as p95,
    pct(latency_ms, 99) as p99 by route, version, cold_start
| sort p95 desc""",
)
QUIET_SOURCES = LogQuery(
    name="sources that fell quiet",
    text="""\
fields at, outcome, tenantId, provider, source, quiet_since, last_event_at
| filter task = "watch" and ispresent(source)
| sort @timestamp desc
| limit 200""",
)
WATCHER = LogQuery(
    name="what the watcher saw",
    text="""\
fields at, outcome, database_up, dead_letters, oldest_pending_seconds, partitions_days_ahead,
    quiet_sources, open_tenants, secret_age_days, accept_age_seconds, queues.accept,
    queues.delivery, faults.0
| filter task = "watch" and ispresent(database_up)
| sort @timestamp desc
| limit 120""",
)
QUEUED = LogQuery(
    name="queued instead of stored",
    text="""\
filter outcome = "queued" or queued > 0
| stats count(*) as requests, count_distinct(tenantId) as tenants, earliest(at) as since,
    latest(at) as last by error.0, route
| sort requests desc""",
)
LIMITED = LogQuery(
    name="tenants over their rate",
    text="""\
filter status = 429 or limited > 0
| stats count(*) as requests, sum(limited) as vendors_events, earliest(at) as since,
    latest(at) as last, latest(rid) as one_rid by tenantId, route, provider
| sort requests desc
| limit 100""",
)
ACCEPT_WORKER = LogQuery(
    name="accept worker",
    text="""\
filter task = "accept" and ispresent(outcome)
| stats count(*) as receives, count_distinct(message) as messages, max(received) as most_received,
    earliest(at) as since, latest(at) as last, latest(message) as one_message
    by outcome, reason, error.0
| sort receives desc""",
)
DELIVERIES = LogQuery(
    name="deliveries by tenant",
    text="""\
filter task = "deliver"
| stats sum(delivered) as delivered, sum(gave_up) as gave_up, sum(attempts) as attempts,
    max(received) as most_received, earliest(at) as since, latest(at) as last
    by tenantId, outcome, reasons.0
| sort gave_up desc
| limit 100""",
)
TASKS = LogQuery(
    name="scheduled tasks",
    text="""\
fields at, task, outcome, latency_ms, partition_days_made, queued, redriven, queue_failures,
    store_failures, quarantine_discarded, flushes_folded, is_folded, shares_dropped, error.0
| filter ispresent(task) and not ispresent(message) and not ispresent(source)
| sort @timestamp desc
| limit 200""",
)
# Lambda's own line at the end of a call, which is text: only there stands what a start took.
COLD_STARTS = LogQuery(
    name="cold starts",
    text="""\
filter @message like /^REPORT/
| parse @message /(?:Init|Restore) Duration: (?<start_ms>[0-9.]+) ms/
| filter ispresent(start_ms)
| stats count(*) as starts, pct(start_ms, 50) as p50, pct(start_ms, 95) as p95,
    max(start_ms) as longest by @log, bin(15m)
| sort starts desc""",
)
GATEWAY_ERRORS = LogQuery(
    name="gateway errors",
    of=Lines.GATEWAY,
    text="""\
filter status >= 429
| stats count(*) as requests, earliest(at) as since, latest(at) as last,
    latest(gateway_rid) as one_rid by route, status, error, function_error
| sort requests desc
| limit 100""",
)

QUERIES: tuple[LogQuery, ...] = (
    BY_RID, BY_TRACE, BY_TENANT, BY_EVENT, BY_MESSAGE, TOP_ERRORS, SERVER_ERRORS, CLIENT_ERRORS,
    REQUESTS_BY_TENANT, SLOWEST, LATENCY, QUEUED, ACCEPT_WORKER, DELIVERIES, TASKS, COLD_STARTS,
    GATEWAY_ERRORS, QUIET_SOURCES, WATCHER, LIMITED,
)  # fmt: skip


def save_log_queries(
    scope: Construct, *, folder: str, functions: Sequence[ILogGroup], gateway: ILogGroup
) -> None:
    """Save every query under ``folder``, which the console shows as one."""
    over = {Lines.FUNCTIONS: functions, Lines.GATEWAY: [gateway]}
    for query in QUERIES:
        logs.CfnQueryDefinition(
            scope,
            "".join(word.capitalize() for word in query.name.split()) + "Query",
            name=f"{folder}/{query.name}",
            query_string=query.text,
            log_group_names=[group.log_group_name for group in over[query.of]],
            parameters=[
                logs.CfnQueryDefinition.QueryParameterProperty(name=name, description=description)
                for name, description in query.asks.items()
            ]
            or None,
        )
