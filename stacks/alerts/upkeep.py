"""What nobody meets today: the database, the watcher, quiet sources, and what is due."""

from __future__ import annotations

from typing import Final

from stacks.alerts.metrics import ours
from stacks.alerts.model import (
    Alert,
    Comparison,
    Condition,
    Missing,
    Rule,
    Severity,
    Window,
)
from stacks.alerts.thresholds import (
    BACKUP_HOURS,
    DAY,
    DRILL_DAYS,
    HOUR,
    LATER,
    MINUTE,
    PARTITION_DAYS,
    SECRET_DAYS,
    SETTLED,
    SOON,
)

_UNWATCHED = SOON.seconds - SETTLED

UPKEEP: Final[tuple[Alert, ...]] = (
    Alert(
        name="database-unreachable",
        severity=Severity.PAGE,
        summary="Events wait on the queue, and nothing is delivered; nobody can read or sign up.",
        conditions=(
            Condition(
                what="whether the database answers",
                metrics={"up": ours("database_up", "Minimum")},
                comparison=Comparison.BELOW,
                threshold=1,
                window=Window(period_seconds=MINUTE, periods=3),
                # When the watcher itself is silent, watch-silent says so.
                missing=Missing.CHANGES_NOTHING,
            ),
        ),
        rule=Rule(
            # Without the database /metrics gives nothing at all; without the watcher, none of its
            # gauges.
            expr="database_up < 1 or absent(build_info)",
            seconds=3 * MINUTE,
        ),
    ),
    Alert(
        name="watch-silent",
        severity=Severity.PAGE,
        summary="Nobody looks at queues, dead letters, backups or quiet sources: we are blind.",
        conditions=(
            Condition(
                what="lines of the watcher in a minute",
                metrics={"lines": ours("database_up", "SampleCount")},
                expression="FILL(lines, 0)",
                comparison=Comparison.BELOW,
                threshold=1,
                window=SOON,
                missing=Missing.BREACHES,
            ),
        ),
        rule=Rule(
            expr=f"time() - gauges_timestamp_seconds > {_UNWATCHED}"
            f" or absent_over_time(gauges_timestamp_seconds[{_UNWATCHED // MINUTE}m])",
            seconds=SETTLED,
        ),
    ),
    Alert(
        name="quiet-sources",
        severity=Severity.TICKET,
        summary="A merchant's POS sends nothing in its opening hours: its sales are missing.",
        conditions=(
            Condition(
                what="sources that fell quiet",
                metrics={"quiet": ours("quiet_sources", "Maximum")},
                threshold=0,
                window=SOON,
                missing=Missing.CHANGES_NOTHING,
            ),
        ),
        rule=Rule(expr="quiet_sources > 0", seconds=SOON.seconds),
    ),
    Alert(
        name="partitions-ahead",
        severity=Severity.TICKET,
        summary="In a few days no event can be stored: there is no partition for it.",
        conditions=(
            Condition(
                what="days for which there are partitions",
                metrics={"days": ours("partitions_days_ahead", "Minimum")},
                comparison=Comparison.BELOW,
                threshold=PARTITION_DAYS,
                unit="days",
                window=LATER,
                missing=Missing.CHANGES_NOTHING,
            ),
        ),
        rule=Rule(expr=f"event_partitions_ahead < {PARTITION_DAYS}", seconds=LATER.seconds),
    ),
    Alert(
        name="backup-unverified",
        severity=Severity.TICKET,
        summary="Should the database be lost, nobody knows that it can be restored.",
        conditions=(
            Condition(
                what="hours since a backup was restored and found whole",
                metrics={"age": ours("backup_verified_age_hours", "Maximum")},
                threshold=BACKUP_HOURS,
                unit="h",
                window=LATER,
                missing=Missing.BREACHES,
            ),
        ),
        rule=Rule(
            expr=f"time() - backup_verified_timestamp_seconds > {BACKUP_HOURS * HOUR}"
            " or absent(backup_verified_timestamp_seconds)",
            seconds=LATER.seconds,
        ),
    ),
    Alert(
        name="drill-overdue",
        severity=Severity.TICKET,
        summary="Nobody knows whether a rollback, or a restore, would work today.",
        conditions=tuple(
            Condition(
                name=drill,
                what=f"days since the last {drill} drill",
                metrics={"age": ours("drill_age_days", "Maximum", drill=drill)},
                threshold=days,
                unit="days",
                window=LATER,
                missing=Missing.BREACHES,
            )
            for drill, days in DRILL_DAYS.items()
        ),
        rule=Rule(
            expr=" or ".join(
                f'time() - drill_timestamp_seconds{{drill="{drill}"}} > {days * DAY}'
                f' or absent(drill_timestamp_seconds{{drill="{drill}"}})'
                for drill, days in DRILL_DAYS.items()
            ),
            seconds=LATER.seconds,
        ),
    ),
    Alert(
        name="secret-age",
        severity=Severity.TICKET,
        summary="A secret that may have leaked long ago is still good.",
        conditions=(
            Condition(
                what="days since the oldest secret in use was made",
                metrics={"age": ours("secret_age_days", "Maximum")},
                threshold=SECRET_DAYS,
                unit="days",
                window=LATER,
                missing=Missing.CHANGES_NOTHING,
            ),
        ),
        rule=Rule(expr=f"oldest_secret_age_seconds > {SECRET_DAYS * DAY}", seconds=LATER.seconds),
    ),
)
