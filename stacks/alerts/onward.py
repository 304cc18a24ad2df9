"""What waits between its acceptance and its destination, and what got stuck there."""

from __future__ import annotations

from typing import Final

from stacks.alerts.metrics import ours, queue
from stacks.alerts.model import (
    Alert,
    Condition,
    Missing,
    Rule,
    Severity,
    Window,
)
from stacks.alerts.thresholds import (
    ACCEPT_AGE_SECONDS,
    AT_ONCE,
    DEAD_LETTER_QUEUES,
    DUE_AGE_SECONDS,
    MINUTE,
    SOON,
    WAITING_AGE_SECONDS,
)


def _grew(counter: str, over: str) -> str:
    """Tell whether a counter, which never falls and begins at 0, grew in that time.

    Against the last that was known before it, up to a day: in an outage nothing is scraped, and
    what grows when it ends would be the first that ``increase`` sees. A Prometheus that knows
    nothing so old compares with the first that it saw.
    """
    before = f"sum(max_over_time({counter}[1d] offset {over}))"
    return f"sum({counter}) > ({before} or sum(min_over_time({counter}[{over}])))"


ONWARD: Final[tuple[Alert, ...]] = (
    Alert(
        name="accept-queue-age",
        severity=Severity.PAGE,
        summary="Events that were acknowledged are not stored yet, nor delivered.",
        conditions=(
            Condition(
                name="oldest",
                what="the age of the accept queue's oldest message",
                metrics={"age": queue("accept", "ApproximateAgeOfOldestMessage", "Maximum")},
                threshold=ACCEPT_AGE_SECONDS,
                unit="s",
                window=SOON,
                missing=Missing.IS_FINE,
            ),
            # SQS leaves out of that age what was received three times, as all is in an outage.
            Condition(
                name="retried",
                what="the time since the accept queue was last seen empty",
                metrics={"age": ours("accept_age_seconds", "Maximum")},
                threshold=ACCEPT_AGE_SECONDS,
                unit="s",
                window=SOON,
                missing=Missing.CHANGES_NOTHING,
            ),
        ),
        rule=Rule(
            expr=f'queue_oldest_age_seconds{{queue="accept"}} > {ACCEPT_AGE_SECONDS}',
            seconds=SOON.seconds,
        ),
    ),
    Alert(
        name="delivery-queue-age",
        severity=Severity.PAGE,
        summary="Events reach no destination in time: sweep or deliver does not keep up.",
        conditions=(
            Condition(
                name="due",
                what="how long the oldest due delivery has waited for sweep",
                metrics={"age": ours("oldest_pending_seconds", "Maximum")},
                threshold=DUE_AGE_SECONDS,
                unit="s",
                window=SOON,
                missing=Missing.CHANGES_NOTHING,
            ),
            Condition(
                name="waiting",
                what="the age of the delivery queue's oldest message, while it is never empty",
                metrics={
                    "age": queue("delivery", "ApproximateAgeOfOldestMessage", "Maximum"),
                    "waiting": queue("delivery", "ApproximateNumberOfMessagesVisible", "Minimum"),
                },
                expression="IF(waiting > 0, age, 0)",
                threshold=WAITING_AGE_SECONDS,
                unit="s",
                window=Window(period_seconds=MINUTE, periods=10),
                missing=Missing.IS_FINE,
            ),
        ),
        rule=Rule(
            expr=f'queue_oldest_age_seconds{{queue="delivery"}} > {DUE_AGE_SECONDS}',
            seconds=SOON.seconds,
        ),
    ),
    Alert(
        name="dead-letters",
        severity=Severity.TICKET,
        summary="A merchant's destination lacks events that were given up.",
        conditions=(
            Condition(
                what="deliveries that were given up",
                metrics={"dead": ours("dead_letters", "Maximum")},
                threshold=0,
                window=AT_ONCE,
                missing=Missing.CHANGES_NOTHING,
            ),
        ),
        rule=Rule(expr="dead_letters > 0", seconds=MINUTE),
    ),
    Alert(
        name="queue-dead-letters",
        severity=Severity.PAGE,
        summary="A message kills its worker: of the accept queue's, acknowledged events are in it.",
        conditions=tuple(
            Condition(
                name=kind.removesuffix("-dead-letters"),
                what=f"messages in {kind}",
                metrics={"dead": queue(kind, "ApproximateNumberOfMessagesVisible", "Maximum")},
                threshold=0,
                window=AT_ONCE,
                missing=Missing.CHANGES_NOTHING,
            )
            for kind in DEAD_LETTER_QUEUES
        ),
        rule=Rule(
            expr=f'queue_messages{{queue=~"{"|".join(DEAD_LETTER_QUEUES)}"}} > 0', seconds=MINUTE
        ),
    ),
    Alert(
        name="conflict-after-queued",
        severity=Severity.TICKET,
        summary="An acknowledged event is not stored: another one took its key meanwhile.",
        conditions=(
            Condition(
                what="acknowledged events that were set aside in a minute",
                metrics={"conflicts": ours("conflicts_after_queued", "Sum")},
                # Filled, so that it ends with the window: there is a line of a conflict only.
                expression="FILL(conflicts, 0)",
                threshold=0,
                # It stays for an hour, so that it is seen; the items stay until they expire.
                window=Window(period_seconds=MINUTE, periods=60, datapoints=1),
                missing=Missing.IS_FINE,
            ),
        ),
        rule=Rule(
            expr=_grew('quarantined_events_total{reason="conflict-after-queued"}', "1h"),
            seconds=0,
        ),
    ),
)
