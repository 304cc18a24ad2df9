"""What nobody meets today: the database, the watcher, and what is due."""

from __future__ import annotations

from typing import Final

from stacks.alerts.metrics import ours
from stacks.alerts.model import Metric, Place
from stacks.alerts.thresholds import BACKUP_HOURS, DRILL_DAYS, PARTITION_DAYS, SECRET_DAYS
from stacks.dashboards.model import Panel, Search, Section, by_function, one

DATABASE: Final = Section(
    heading="Database",
    text="While it does not answer, events wait on the accept queue and nothing is delivered.",
    alerts=("database-unreachable", "partitions-ahead"),
    panels=(
        Panel(
            title="Database reachable: 1 is good",
            left=(one("answers", ours("database_up", "Minimum")),),
            alerts=("database-unreachable",),
        ),
        Panel(
            title="Database connections: level, and far from the database's limit, is good",
            left=(Search(metric="database_connections", by="role", statistic="Maximum"),),
        ),
        Panel(
            title="Database time: P95 of a few milliseconds in a request is good",
            left=by_function("database_ms", "p95"),
            left_unit="ms, P95",
        ),
        Panel(
            title=f"Partitions ahead: {PARTITION_DAYS} days or more is good",
            left=(one("days", ours("partitions_days_ahead", "Minimum")),),
            alerts=("partitions-ahead",),
        ),
    ),
)

CLUSTER: Final = Panel(
    title="Aurora: capacity below its maximum is good",
    left=(
        one(
            "capacity",
            Metric(place=Place.CLUSTER, name="ServerlessDatabaseCapacity", statistic="Maximum"),
        ),
    ),
    right=(
        one(
            "connections",
            Metric(place=Place.CLUSTER, name="DatabaseConnections", statistic="Maximum"),
        ),
    ),
    left_unit="ACU",
    right_unit="connections",
)

UPKEEP: Final = Section(
    heading="Upkeep",
    text="What nobody meets today. The watcher looks each minute, and says so.",
    alerts=("watch-silent", "backup-unverified", "drill-overdue", "secret-age"),
    panels=(
        Panel(
            title="Watcher: a line each minute is good",
            left=(one("lines", ours("database_up", "SampleCount")),),
            alerts=("watch-silent",),
        ),
        Panel(
            title=f"Backup: found whole within {BACKUP_HOURS} h is good",
            left=(one("hours since", ours("backup_verified_age_hours", "Maximum")),),
            left_unit="hours",
            alerts=("backup-unverified",),
        ),
        Panel(
            title="Drills: "
            + ", ".join(f"{drill} within {days} days" for drill, days in DRILL_DAYS.items())
            + " is good",
            left=tuple(
                one(f"since {drill}", ours("drill_age_days", "Maximum", drill=drill))
                for drill in DRILL_DAYS
            ),
            left_unit="days",
            alerts=("drill-overdue",),
        ),
        Panel(
            title=f"Secrets: oldest under {SECRET_DAYS} days is good",
            left=(one("oldest", ours("secret_age_days", "Maximum")),),
            left_unit="days",
            alerts=("secret-age",),
        ),
    ),
)
