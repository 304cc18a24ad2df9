"""What waits between its acceptance and its destination, and what got stuck there."""

from __future__ import annotations

from typing import Final

from stacks.alerts.metrics import ours, queue
from stacks.alerts.thresholds import (
    ACCEPT_AGE_SECONDS,
    DUE_AGE_SECONDS,
    MINUTE,
    RETRY_RATIO,
    WAITING_AGE_SECONDS,
)
from stacks.dashboards.model import Panel, Search, Section, one, percentiles, share

# What deliver and accept try, each message anew.
TARGETS: Final = ("supabase", "database")

ONWARD: Final = Section(
    heading="From acceptance to destination",
    text="What was acknowledged and is not stored, or is stored and not delivered.",
    alerts=(
        "accept-queue-age", "delivery-queue-age", "dead-letters", "queue-dead-letters",
        "conflict-after-queued", "quiet-sources",
    ),
    panels=(
        Panel(
            title=f"Accept queue: oldest under {ACCEPT_AGE_SECONDS // MINUTE} minutes is good",
            left=(
                one("oldest", queue("accept", "ApproximateAgeOfOldestMessage", "Maximum")),
                one("since it was empty", ours("accept_age_seconds", "Maximum")),
            ),
            right=(
                one("messages", queue("accept", "ApproximateNumberOfMessagesVisible", "Maximum")),
                one(
                    "waiting for their retry",
                    queue("accept", "ApproximateNumberOfMessagesNotVisible", "Maximum"),
                ),
            ),
            left_unit="seconds",
            right_unit="messages",
            alerts=("accept-queue-age",),
        ),
        Panel(
            title=f"Delivery queue: due under {DUE_AGE_SECONDS // MINUTE} minutes,"
            f" waiting under {WAITING_AGE_SECONDS // MINUTE} is good",
            left=(
                one("oldest that is due", ours("oldest_pending_seconds", "Maximum")),
                one(
                    "oldest message",
                    queue("delivery", "ApproximateAgeOfOldestMessage", "Maximum"),
                ),
            ),
            right=tuple(
                one(name, queue(name, "ApproximateNumberOfMessagesVisible", "Maximum"))
                for name in ("delivery", "redrive")
            ),
            left_unit="seconds",
            right_unit="messages",
            alerts=("delivery-queue-age",),
        ),
        Panel(
            title="Delivery lag: P95 of a few seconds is good",
            left=percentiles("delivery_lag_ms", {}),
            left_unit="ms from received to delivered",
        ),
        Panel(
            title=f"Retries: at most {RETRY_RATIO:.0%} of attempts is good",
            left=tuple(
                share(
                    target,
                    ours("retries", "Sum", target=target),
                    ours("attempts", "Sum", target=target),
                    5 * MINUTE,
                )
                for target in TARGETS
            ),
            right=tuple(
                one(f"attempts at {target}", ours("attempts", "Sum", target=target))
                for target in TARGETS
            ),
            left_unit="retries / attempts, of 5 minutes",
            bounds=(("retry budget", RETRY_RATIO),),
            right_unit="attempts a minute",
        ),
        Panel(
            title="Dead letters: none is good",
            left=(one("given up", ours("dead_letters", "Maximum")),),
            alerts=("dead-letters",),
        ),
        Panel(
            title="Dead-letter queues: none is good",
            left=tuple(
                one(name, queue(name, "ApproximateNumberOfMessagesVisible", "Maximum"))
                for name in ("accept-dead-letters", "delivery-dead-letters")
            ),
            alerts=("queue-dead-letters",),
        ),
        Panel(
            title="Quarantine: few, and not growing, is good",
            left=(Search(metric="quarantine_items", by="reason", statistic="Maximum"),),
            left_unit="items",
        ),
        Panel(
            title="Conflicts after queueing: none is good",
            left=(one("set aside", ours("conflicts_after_queued", "Sum")),),
            alerts=("conflict-after-queued",),
        ),
        Panel(
            title="Quiet sources: none in its opening hours is good",
            left=(one("quiet", ours("quiet_sources", "Maximum")),),
            alerts=("quiet-sources",),
        ),
    ),
)  # fmt: skip
