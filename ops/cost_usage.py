"""What a month's bill is made from: what was used, and what of a stage costs money."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

HOURS = Decimal(730)
SECONDS = HOURS * 3600
MINUTES = HOURS * 60
DAYS = HOURS / 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One month of all tenants; times are billed milliseconds of one invocation.

    ``database_ms`` is what an event takes of one vCPU of the database, delivery included;
    ``io`` its reads and writes of storage. ``queued_share`` of the requests went by the
    accept queue; ``cold_share`` of the invocations started a sandbox. Log bytes are all that
    one request, or one event's delivery, leaves: our line, Lambda's own, the gateway's.
    """

    events: Decimal
    events_per_request: Decimal = Decimal(1)
    event_bytes: Decimal = Decimal(500)
    answer_bytes: Decimal = Decimal(400)
    ingest_ms: Decimal
    accept_ms: Decimal = Decimal(60)
    deliver_ms: Decimal = Decimal(300)
    sweep_ms: Decimal = Decimal(58_000)
    memory_mb: Decimal = Decimal(1024)
    deliveries_per_event: Decimal = Decimal(1)
    retries_per_delivery: Decimal = Decimal("0.02")
    events_per_message: Decimal = Decimal(1)
    queued_share: Decimal = Decimal(0)
    cold_share: Decimal = Decimal("0.001")
    database_ms: Decimal
    io: Decimal
    stored_bytes: Decimal
    request_log_bytes: Decimal = Decimal(1650)
    delivery_log_bytes: Decimal = Decimal(900)

    @property
    def requests(self) -> Decimal:
        return self.events / self.events_per_request

    @property
    def messages(self) -> Decimal:
        """Give the messages of the delivery queue, those of retries included."""
        tried = self.events * self.deliveries_per_event * (1 + self.retries_per_delivery)
        return tried / self.events_per_message

    @property
    def starts(self) -> Decimal:
        return self.requests * self.cold_share


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """What of a stage costs money; the defaults are prod's.

    ``deployments`` is how many times all of it stands, the load shared evenly.
    ``busy_share`` is how much of the database's capacity is used while it is sized right.
    """

    deployments: Decimal = Decimal(1)
    is_aurora: bool = True
    min_acu: Decimal = Decimal("0.5")
    instances: Decimal = Decimal(2)
    busy_share: Decimal = Decimal("0.6")
    is_io_optimized: bool = False
    is_proxied: bool = False
    event_days: Decimal = Decimal(90)
    log_days: Decimal = Decimal(90)
    is_traced: bool = True
    traced_share: Decimal = Decimal("0.05")
    snap_start_functions: Decimal = Decimal(3)
    snap_start_versions: Decimal = Decimal(5)
    tenants: Decimal = Decimal(100)
    metrics_per_tenant: Decimal = Decimal(7)
    metrics: Decimal = Decimal(40)
    routes: Decimal = Decimal(7)
    # The metrics that alarms look at, and the alarms on top of those.
    alarms: Decimal = Decimal(36)
    composite_alarms: Decimal = Decimal(2)
    dashboards: Decimal = Decimal(2)
    secrets: Decimal = Decimal(12)
    zones: Decimal = Decimal(2)
    endpoints: Decimal = Decimal(2)
