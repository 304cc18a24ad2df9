"""What functions/watch is made of."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tillgate.adapters.postgres.watch_store import PostgresWatchStore
from tillgate.adapters.queue_depths import SqsQueueDepths
from tillgate.adapters.time_budget import TimeBudget
from tillgate.bootstrap.connections import role_database, secrets_manager, sqs
from tillgate.bootstrap.wired import WiredFunction
from tillgate.domain.gauges import QUEUES
from tillgate.entrypoints.watch import WatchTask
from tillgate.services.watch import Watch
from tillgate.settings.watch import WatchSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

# Of each of five, so that all of them together leave most of the time to the database.
_QUEUE_SECONDS = 1.0
# What the database is asked one after the other: to measure, to judge silence, to store. The error
# budget is asked for between, and is short: what it takes is taken from the sources.
_STEPS = 3
# Kept for storing what was measured, whatever the sources took.
_LAST_SECONDS = 5.0


def watch() -> WiredFunction[object, Mapping[str, Any]]:
    """Make the function that EventBridge runs each minute."""
    settings = WatchSettings.from_env(os.environ)
    # Nobody waits for an answer here. After a million dead letters were discarded at once, counting
    # those that are left takes seconds, for one time: that is no database that is down.
    within_seconds = settings.watch_seconds / _STEPS
    budget = TimeBudget(settings.watch_seconds)
    secrets = secrets_manager(
        settings, timeout_seconds=settings.request_timeout_ms / 1000, budget=budget
    )
    database = role_database(settings, secrets, settings.database_secret_arn, budget=budget)
    queues = sqs(settings, timeout_seconds=_QUEUE_SECONDS, budget=budget)
    urls = (
        settings.accept_queue_url,
        settings.accept_dead_letter_queue_url,
        settings.delivery_queue_url,
        settings.redrive_queue_url,
        settings.delivery_dead_letter_queue_url,
    )
    task = WatchTask(
        Watch(
            PostgresWatchStore(database, within_seconds=within_seconds),
            SqsQueueDepths(
                queues, urls=dict(zip(QUEUES, urls, strict=True)), within_seconds=_QUEUE_SECONDS
            ),
            is_out_of_time=lambda: budget() < within_seconds + _LAST_SECONDS,
        ),
        stage=settings.stage,
        version=settings.version,
        clock=lambda: datetime.now(UTC),
        begin=budget.begin,
    )
    return WiredFunction(
        handle=lambda _event: task(),
        databases=(database,),
        clients=(secrets, queues),
        connect_seconds=settings.connection_timeout_ms / 1000,
    )
