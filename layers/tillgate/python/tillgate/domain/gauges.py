"""What is measured each minute, as ``/metrics`` shows it. Not counted: nobody counts it."""

from __future__ import annotations

from tillgate.domain.metrics import SEPARATOR, Gauge, Label
from tillgate.domain.quarantine import Reason
from tillgate.domain.slo import OBJECTIVE, WINDOWS

# Of what is counted only to here: there may be more.
COUNTED_TO = 10_000
# A queue's own dead letters are messages that kill their worker; a delivery that was given up is
# a dead letter of the database.
QUEUES = (
    "accept", "accept-dead-letters", "delivery", "redrive", "delivery-dead-letters",
)  # fmt: skip
# As tillgate.proof names them.
BACKUP_VERIFIED = "backup_verified"
DRILLS = ("rollback", "restore", "database_down")

_QUEUE = Label("queue", frozenset(QUEUES))

DATABASE_UP = Gauge(
    "database_up",
    "1: the database answered and could be written to. Of a database that is down nothing can be"
    " scraped: the watcher's log line has the 0.",
)
PARTITIONS_AHEAD = Gauge(
    "event_partitions_ahead",
    "UTC days after today that have partitions without a gap, counted to 60; -1: today has none.",
)
DEAD_LETTERS = Gauge(
    "dead_letters",
    f"Deliveries that were given up and not discarded, counted to {COUNTED_TO}.",
)
QUARANTINE_ITEMS = Gauge(
    "quarantine_items",
    f"What is kept in quarantine, counted to {COUNTED_TO} of each reason.",
    (Label("reason", frozenset(Reason)),),
)
QUEUE_MESSAGES = Gauge(
    "queue_messages",
    "Messages that wait, are delayed or in work, as SQS estimates it.",
    (_QUEUE,),
)
QUEUE_OLDEST_AGE = Gauge(
    "queue_oldest_age_seconds",
    "delivery: for how long the delivery that is due longest has not been put on its queue."
    " accept: an upper bound, the time since that queue was last seen empty.",
    (_QUEUE,),
)
OLDEST_SECRET_AGE = Gauge(
    "oldest_secret_age_seconds",
    "Since the oldest was set, of what is in use: vendors' signing secrets, credentials for their"
    " APIs, API tokens, destinations' keys; of the key ring and the platform's own tokens in whole"
    " days.",
)
BACKUP_VERIFIED_AT = Gauge(
    "backup_verified_timestamp_seconds", "When a backup was last shown to restore; none: never."
)
DRILL_AT = Gauge(
    "drill_timestamp_seconds",
    "When a rehearsed failure last ended well; none: never.",
    (Label("drill", frozenset(DRILLS)),),
)
QUIET_SOURCES = Gauge(
    "quiet_sources",
    "Sources from which nothing came for as long as their tenant allows while it was open.",
)
OPEN_TENANTS = Gauge(
    "open_tenants",
    "Tenants that are active, can send (a source or a token) and are open now, by their own hours"
    " and zone; without hours, always.",
)
ERROR_BUDGET_LEFT = Gauge(
    "error_budget_left_ratio",
    f"What the 5xx of a window have left of the share that {OBJECTIVE:.1%} allows: 1 is all of it,"
    " below 0 is overspent; none: no requests in that window.",
    (Label("window", frozenset(window.name for window in WINDOWS)),),
)
GAUGES_AT = Gauge(
    "gauges_timestamp_seconds",
    "When any of these was last measured; what is older than five minutes is not shown.",
)

MEASURED: tuple[Gauge, ...] = (
    DATABASE_UP, PARTITIONS_AHEAD, DEAD_LETTERS, QUARANTINE_ITEMS, QUEUE_MESSAGES,
    QUEUE_OLDEST_AGE, OLDEST_SECRET_AGE, BACKUP_VERIFIED_AT, DRILL_AT, QUIET_SOURCES,
    OPEN_TENANTS, ERROR_BUDGET_LEFT,
)  # fmt: skip


def series(gauge: Gauge, *labels: str) -> str:
    """Name one value of a gauge, as it is stored."""
    return SEPARATOR.join((gauge.name, *labels))
