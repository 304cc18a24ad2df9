"""The lines of a month's bill, and the arithmetic of each."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from ops.cost_usage import DAYS, HOURS, MINUTES, SECONDS

if TYPE_CHECKING:
    from ops.cost_usage import Switches, Usage
    from ops.prices import PriceTable

GB = Decimal(10**9)
_HTTP_UNIT, _SQS_UNIT = Decimal(512 * 1024), Decimal(64 * 1024)
_ACU_PER_VCPU = Decimal(4)
_PROXY_LEAST_ACU = Decimal(8)
# Lambda's event source holds five long polls of 20 s open on each queue, however empty.
_POLLS_A_SECOND = Decimal(5) / 20
_QUEUES = 3
_BATCH = Decimal(10)
# What X-Ray records by its default rule, besides a share of the rest.
_TRACES_A_SECOND = Decimal(1)
_ROUTE_METRICS = 6
_SECRETS_AT_START = 2
# Five queues and the database are asked, one after the other.
_WATCH_SECONDS = Decimal(1)
# An id in a message of the delivery queue, and what is around it.
_ID_BYTES = Decimal(60)
# What is sent on, for each byte that came in.
_SENT_ON = Decimal("1.5")


class Group(StrEnum):
    API = "API"
    COMPUTE = "compute"
    QUEUE = "queue"
    DATABASE = "database"
    LOGS = "logs"
    METRICS = "metrics"
    NETWORK = "network"
    OTHER = "other"


class Nature(StrEnum):
    """What makes a line grow, and so how tenants share it."""

    FIXED = "fixed"
    EVENTS = "events"
    COMPUTE = "compute"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """``unit_usd`` is the first tier's; ``usd`` is by all tiers."""

    group: Group
    name: str
    quantity: Decimal
    unit: str
    unit_usd: Decimal
    usd: Decimal
    nature: Nature
    assumption: str


class _Sheet:
    """Adds up one month, group by group."""

    def __init__(self, usage: Usage, switches: Switches, prices: PriceTable) -> None:
        self.lines: list[Line] = []
        self._group = Group.API
        self._u, self._s, self._prices = usage, switches, prices
        self._tries = usage.events * usage.deliveries_per_event * (1 + usage.retries_per_delivery)
        # Of the runs of what runs each minute, whether anything comes or not.
        self._minutes = MINUTES * switches.deployments

    def add_all(self) -> None:
        parts = {
            Group.API: self._api,
            Group.COMPUTE: self._compute,
            Group.QUEUE: self._queue,
            Group.DATABASE: self._database,
            Group.LOGS: self._logs,
            Group.METRICS: self._metrics,
            Group.NETWORK: self._network,
            Group.OTHER: self._other,
        }
        for self._group, add in parts.items():
            add()

    def _add(self, key: str, name: str, quantity: Decimal, nature: Nature, *, why: str) -> None:
        price = self._prices[key]
        self.lines.append(
            Line(
                group=self._group,
                name=name,
                quantity=quantity,
                unit=price.unit,
                unit_usd=price.first_usd,
                usd=price.cost(quantity),
                nature=nature,
                assumption=why,
            )
        )

    def _fixed(self, key: str, name: str, quantity: Decimal, *, why: str) -> None:
        self._add(key, name, quantity, Nature.FIXED, why=why)

    def _grows(self, key: str, name: str, quantity: Decimal, *, why: str) -> None:
        self._add(key, name, quantity, Nature.EVENTS, why=why)

    def _api(self) -> None:
        u = self._u
        size = u.event_bytes * u.events_per_request
        units = u.requests * _units(size, _HTTP_UNIT)
        why = f"{u.events_per_request} events a call, {size:.0f} B, metered by 512 KB"
        self._grows("http_api_request", "HTTP API calls", units, why=why)

    def _compute(self) -> None:
        u = self._u
        batched = f"{_BATCH} messages in a batch"
        queued = u.requests * u.queued_share / _BATCH
        self._function("ingest", u.requests, u.ingest_ms, why="one for each call")
        self._function(
            "accept", queued, u.accept_ms, why=f"{u.queued_share} of the calls queued, {batched}"
        )
        self._function(
            "deliver",
            u.messages / _BATCH,
            u.deliver_ms,
            why=f"{batched}, {u.events_per_message} events in each",
        )
        seconds = self._minutes * u.sweep_ms / 1000
        why = f"each minute, for {u.sweep_ms / 1000} s"
        self._fixed("lambda_gb_second", "sweep: time", seconds * self._memory_gb, why=why)
        self._fixed("lambda_request", "sweep: calls", self._minutes, why="each minute")
        why = f"each minute, for {_WATCH_SECONDS} s"
        seconds = self._minutes * _WATCH_SECONDS
        self._fixed("lambda_gb_second", "watch: time", seconds * self._memory_gb, why=why)
        self._fixed("lambda_request", "watch: calls", self._minutes, why="each minute")
        if self._s.snap_start_functions:
            self._snap_start()

    @property
    def _memory_gb(self) -> Decimal:
        return self._u.memory_mb / 1024

    def _function(self, name: str, calls: Decimal, ms: Decimal, *, why: str) -> None:
        time = calls * ms / 1000 * self._memory_gb
        billed = f"{ms:.2f} ms billed at {self._u.memory_mb} MB; {why}"
        self._add("lambda_gb_second", f"{name}: time", time, Nature.COMPUTE, why=billed)
        self._grows("lambda_request", f"{name}: calls", calls, why=why)

    def _snap_start(self) -> None:
        s, starts = self._s, self._u.starts
        versions = s.snap_start_functions * s.snap_start_versions * s.deployments
        why = f"{s.snap_start_functions} functions, {s.snap_start_versions} versions of each"
        self._fixed("snapstart_cache", "snapshots", versions * self._memory_gb * SECONDS, why=why)
        why = f"{self._u.cold_share} of the calls start a sandbox"
        self._grows("snapstart_restore", "snapshots restored", starts * self._memory_gb, why=why)

    def _queue(self) -> None:
        u = self._u
        polls = SECONDS * _POLLS_A_SECOND * _QUEUES * self._s.deployments
        self._fixed("sqs_request", "polls", polls, why="three queues, five long polls on each")
        # Sent ten at once; received and deleted in the batches that Lambda makes.
        delivery = u.messages * 3 / _BATCH
        chunks = _units(u.event_bytes * u.events_per_request, _SQS_UNIT)
        asked = delivery + u.requests * u.queued_share * (2 * chunks + 1 / _BATCH)
        self._grows("sqs_request", "messages", asked, why="sent, received and deleted")
        self._grows("sqs_fair", "fair queues", asked, why="each message names its tenant")

    def _database(self) -> None:
        u, s = self._u, self._s
        if not s.is_aurora:
            return
        optimized = "_io_optimized" if s.is_io_optimized else ""
        floor = s.min_acu * s.deployments
        used = u.events * u.database_ms / 1000 / SECONDS * _ACU_PER_VCPU / s.busy_share
        hours = s.instances * HOURS
        why = f"{s.min_acu} ACU, {s.instances} instances"
        self._fixed(f"aurora_acu{optimized}", "least capacity", floor * hours, why=why)
        more = max(used - floor, Decimal(0)) * hours
        why = f"{u.database_ms:.2f} ms of a vCPU an event, {s.busy_share} busy; readers too"
        self._grows(f"aurora_acu{optimized}", "capacity above it", more, why=why)
        self._storage(optimized)
        if s.is_proxied:
            least = max(floor, _PROXY_LEAST_ACU * s.deployments)
            more = max(used - least, Decimal(0)) * HOURS
            self._fixed("rds_proxy", "proxy, least", least * HOURS, why="the writer; 8 ACU or more")
            self._grows("rds_proxy", "proxy, above it", more, why="the writer's capacity")

    def _storage(self, optimized: str) -> None:
        u, s = self._u, self._s
        kept = u.events * u.stored_bytes * s.event_days / DAYS / GB
        why = f"{u.stored_bytes:.0f} B an event, kept {s.event_days} days"
        self._grows(f"aurora_storage{optimized}", "storage", kept, why=why)
        self._grows("aurora_backup", "backups", kept, why="as much again as is stored")
        if not s.is_io_optimized:
            why = f"{u.io:.2f} an event: its log by 4 KB"
            self._grows("aurora_io", "reads and writes", u.events * u.io, why=why)

    def _logs(self) -> None:
        u, s = self._u, self._s
        size = (u.requests * u.request_log_bytes + self._tries * u.delivery_log_bytes) / GB
        why = f"{u.request_log_bytes} B a call, {u.delivery_log_bytes} B a delivery"
        self._grows("logs_ingest", "log data", size, why=why)
        kept = size * s.log_days / DAYS
        self._grows("logs_storage", "logs kept", kept, why=f"{s.log_days} days, as sent")
        if s.is_traced:
            first = min(u.requests, SECONDS * _TRACES_A_SECOND * s.deployments)
            traces = first + (u.requests - first) * s.traced_share
            why = f"one a second, and {s.traced_share} of the rest"
            self._grows("xray_trace", "traces", traces, why=why)

    def _metrics(self) -> None:
        s = self._s
        own = (s.metrics + s.routes * _ROUTE_METRICS) * s.deployments
        why = f"{s.metrics} of ours, {_ROUTE_METRICS} for each of {s.routes} routes"
        self._fixed("metric", "platform metrics", own, why=why)
        of_tenants = s.tenants * s.metrics_per_tenant
        why = f"{s.metrics_per_tenant} for each of {s.tenants} tenants"
        self._fixed("metric", "tenant metrics", of_tenants, why=why)
        self._fixed("alarm", "alarms", s.alarms * s.deployments, why="as deployed")
        composites = s.composite_alarms * s.deployments
        self._fixed("composite_alarm", "composite alarms", composites, why="as deployed")
        self._fixed("dashboard", "dashboards", s.dashboards * s.deployments, why="as deployed")

    def _network(self) -> None:
        u = self._u
        sent_on = self._tries * u.event_bytes * _SENT_ON / GB
        out = u.requests * u.answer_bytes / GB + sent_on
        why = f"answers of {u.answer_bytes} B; events sent on, {_SENT_ON} times their size"
        self._grows("data_out", "to the internet", out, why=why)
        if self._s.is_aurora:
            self._vpc(sent_on)

    def _vpc(self, sent_on: Decimal) -> None:
        u, s, hours = self._u, self._s, HOURS * self._s.deployments
        why = f"{s.endpoints}, in {s.zones} zones"
        self._fixed("endpoint", "endpoints", s.endpoints * s.zones * hours, why=why)
        queued = u.requests * u.queued_share * u.event_bytes * u.events_per_request
        ids = u.messages * u.events_per_message * _ID_BYTES
        why = "what goes to the queues and comes from them"
        self._grows("endpoint_data", "through endpoints", (ids + queued) * 2 / GB, why=why)
        self._fixed("nat", "NAT gateway", hours, why="one")
        self._fixed("public_ipv4", "its address", hours, why="one")
        self._grows("nat_data", "through it", sent_on, why="every event sent on")
        across = u.events * u.event_bytes / GB * (s.zones - 1) / s.zones
        why = "sandboxes in every zone, one writer"
        self._grows("cross_zone_data", "to the database's zone", across, why=why)

    def _other(self) -> None:
        s = self._s
        self._fixed("secret", "secrets", s.secrets * s.deployments, why="one a role, and three")
        reads = self._u.starts * _SECRETS_AT_START
        self._grows("secret_read", "secrets read", reads, why="two at each start")
        self._fixed("eventbridge_event", "rule", self._minutes, why="each minute, as an event")
        self._fixed("s3_get", "registry snapshot", self._minutes, why="read each minute")


def lines_of(usage: Usage, switches: Switches, prices: PriceTable) -> tuple[Line, ...]:
    """Add up each line of a month, group by group."""
    sheet = _Sheet(usage, switches, prices)
    sheet.add_all()
    return tuple(sheet.lines)


def _units(size: Decimal, unit: Decimal) -> Decimal:
    """Count the units that something is metered in: at least one, each begun one whole."""
    return max((size / unit).to_integral_value(ROUND_CEILING), Decimal(1))
