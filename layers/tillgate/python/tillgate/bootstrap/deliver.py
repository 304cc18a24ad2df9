"""What functions/deliver is made of."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tillgate.adapters.accept_queue import SqsBacklog
from tillgate.adapters.key_ring import key_ring
from tillgate.adapters.outbound_http import OutboundHttp
from tillgate.adapters.pos.clover import CloverApi
from tillgate.adapters.postgres.delivery_store import PostgresDeliveryStore
from tillgate.adapters.supabase import SupabaseUpstream
from tillgate.adapters.time_budget import TimeBudget
from tillgate.adapters.trace_in_hand import TraceInHand
from tillgate.bootstrap.connections import meter_on, role_database, secrets_manager, sqs
from tillgate.bootstrap.wired import WiredFunction
from tillgate.domain.delivery import DestinationKind
from tillgate.domain.metrics import Recorder
from tillgate.entrypoints.deliver import DeliverBatch
from tillgate.entrypoints.emf import MessageMetrics
from tillgate.entrypoints.observability import Sandbox
from tillgate.services.counted_delivery import (
    CountedDeliveryStore,
    CountedPosApi,
    CountedUpstream,
)
from tillgate.services.deliver import Deliver
from tillgate.services.enrich import Enrich
from tillgate.settings.deliver import DeliverSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tillgate.adapters.key_ring import KeyRingSecretBox

# What became of the last request is written down within this, after its deadline.
_RECORDING_SECONDS = 10.0


def deliver() -> WiredFunction[Mapping[str, Any], dict[str, list[dict[str, str]]]]:
    """Make the function that takes events to their destinations."""
    settings = DeliverSettings.from_env(os.environ)
    connect_seconds = settings.connection_timeout_ms / 1000
    within_seconds = settings.request_timeout_ms / 1000
    # A request is begun within the batch's time, ends at its deadline, and is then recorded.
    batch = TimeBudget(settings.batch_seconds)
    sending = TimeBudget(settings.batch_seconds + within_seconds)
    recording = TimeBudget(
        settings.batch_seconds + within_seconds + min(within_seconds, _RECORDING_SECONDS)
    )
    secrets = secrets_manager(settings, timeout_seconds=within_seconds, budget=recording)
    recorder = Recorder()
    database = role_database(
        settings, secrets, settings.database_secret_arn, budget=recording, recorder=recorder
    )
    meter = meter_on(database, recorder, within_seconds=connect_seconds)
    allow_private = bool(settings.allow_private_destinations)
    # Vendors' APIs and destinations: one set of connections, closed together.
    trace = TraceInHand()
    http = OutboundHttp(
        connect_seconds=connect_seconds,
        max_uses=settings.max_requests_per_socket,
        allow_private=allow_private,
        trace_headers=trace.headers,
    )
    upstream = SupabaseUpstream(
        http, request_seconds=within_seconds, allow_private=allow_private, budget=sending
    )
    secret_box = key_ring(secrets, settings.key_ring_secret_arn)
    queue = sqs(settings)

    def begin() -> None:
        for budget in (batch, sending, recording):
            budget.begin()

    handle = DeliverBatch(
        deliver=Deliver(
            store=CountedDeliveryStore(
                PostgresDeliveryStore(database, within_seconds=within_seconds),
                recorder,
                now=lambda: datetime.now(UTC),
            ),
            secret_box=secret_box,
            enrich=_enrich(settings, http, secret_box, batch, recorder),
            upstreams={DestinationKind.SUPABASE: CountedUpstream(upstream, recorder)},
            time_left=batch,
            now=lambda: datetime.now(UTC),
            clock=time.monotonic,
            sleep=time.sleep,
        ),
        backlogs={
            url.rpartition("/")[2]: SqsBacklog(
                queue, queue_url=url, dead_letter_queue_url=settings.dead_letter_queue_url
            )
            for url in (settings.delivery_queue_url, settings.redrive_queue_url)
        },
        batch_seconds=settings.batch_seconds,
        sandbox=Sandbox(settings.version, stage=settings.stage, function="deliver"),
        begin=begin,
        meter=meter,
        metrics=MessageMetrics(per_tenant=bool(settings.per_tenant_metrics)),
        begin_trace=trace.begin,
    )

    def before_close() -> None:
        begin()
        meter.flush()

    def idle() -> float | None:
        begin()
        return meter.idle()

    return WiredFunction(
        handle=handle,
        databases=(database,),
        clients=(secrets, upstream, queue),
        connect_seconds=connect_seconds,
        before_close=before_close,
        idle=idle,
    )


def _enrich(
    settings: DeliverSettings,
    http: OutboundHttp,
    secret_box: KeyRingSecretBox,
    batch: TimeBudget,
    recorder: Recorder,
) -> Enrich:
    """Make what asks the vendors' APIs."""
    clover = CloverApi(
        http,
        request_seconds=settings.request_timeout_ms / 1000,
        allow_private=bool(settings.allow_private_destinations),
    )
    return Enrich(
        secret_box=secret_box,
        apis={"clover": CountedPosApi(clover, recorder)},
        time_left=batch,
        now=lambda: datetime.now(UTC),
        clock=time.monotonic,
        sleep=time.sleep,
    )
