"""What functions/accept is made of."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tillgate.adapters.accept_queue import SealedMessages, SqsBacklog
from tillgate.adapters.key_ring import key_ring
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.adapters.postgres.quarantine import PostgresQuarantine
from tillgate.adapters.postgres.registry import PostgresRegistry
from tillgate.adapters.time_budget import TimeBudget
from tillgate.bootstrap.connections import meter_on, objects, role_database, secrets_manager, sqs
from tillgate.bootstrap.wired import WiredFunction
from tillgate.domain.metrics import Recorder
from tillgate.domain.quarantine import Reason
from tillgate.entrypoints.emf import MessageMetrics
from tillgate.entrypoints.observability import Sandbox
from tillgate.entrypoints.sqs import AcceptBatch
from tillgate.providers import PROVIDERS
from tillgate.services.accept import AcceptQueued
from tillgate.services.counted_intake import CountedQuarantine
from tillgate.services.hooks import HookStore
from tillgate.services.queued_hooks import AcceptQueuedHook
from tillgate.settings.accept import AcceptSettings

if TYPE_CHECKING:
    from collections.abc import Mapping


def accept() -> WiredFunction[Mapping[str, Any], dict[str, list[dict[str, str]]]]:
    """Make the function that stores what waited on the accept queue."""
    settings = AcceptSettings.from_env(os.environ)
    # Nobody waits for an answer here: each step may take as long as a whole request, and the
    # last message of a batch that long after the batch's own time.
    within_seconds = settings.request_timeout_ms / 1000
    budget = TimeBudget(settings.batch_seconds + within_seconds)
    recorder = Recorder(providers=PROVIDERS)
    secrets = secrets_manager(settings, timeout_seconds=within_seconds, budget=budget)
    database = role_database(
        settings, secrets, settings.database_secret_arn, budget=budget, recorder=recorder
    )
    meter = meter_on(database, recorder, within_seconds=settings.connection_timeout_ms / 1000)
    secret_box = key_ring(secrets, settings.key_ring_secret_arn)
    # Not remembered between messages: it is what is right now that lets them in.
    registry = PostgresRegistry(database, within_seconds=within_seconds)
    events = PostgresEventStore(database, within_seconds=within_seconds)
    quarantine = CountedQuarantine(
        PostgresQuarantine(database, secret_box, within_seconds=within_seconds), recorder
    )
    hooks = HookStore(
        providers=PROVIDERS,
        registry=registry,
        events=events,
        quarantine=quarantine,
        secret_box=secret_box,
        conflict=Reason.CONFLICT_AFTER_QUEUED,
    )
    queued = AcceptQueued(
        tokens=registry, events=events, quarantine=quarantine, hooks=AcceptQueuedHook(hooks)
    )
    bucket = objects(
        settings, settings.objects_bucket, timeout_seconds=within_seconds, budget=budget
    )
    queue = sqs(settings)
    batch = AcceptBatch(
        open_message=SealedMessages(bucket, secret_box).open,
        accept=queued.accept,
        backlog=SqsBacklog(
            queue,
            queue_url=settings.accept_queue_url,
            dead_letter_queue_url=settings.dead_letter_queue_url,
        ),
        batch_seconds=settings.batch_seconds,
        sandbox=Sandbox(settings.version, stage=settings.stage, function="accept"),
        begin=budget.begin,
        meter=meter,
        metrics=MessageMetrics(per_tenant=bool(settings.per_tenant_metrics)),
    )

    def before_close() -> None:
        budget.begin()
        meter.flush()

    def idle() -> float | None:
        budget.begin()
        return meter.idle()

    return WiredFunction(
        handle=batch,
        databases=(database,),
        clients=(secrets, bucket, queue),
        connect_seconds=settings.connection_timeout_ms / 1000,
        before_close=before_close,
        idle=idle,
        load=lambda: list(PROVIDERS.values()),
    )
