"""What functions/probe is made of."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING

from tillgate.adapters.key_ring import key_ring
from tillgate.adapters.outbound_http import OutboundHttp
from tillgate.adapters.postgres.audit import PostgresAuditLog
from tillgate.adapters.postgres.destinations import PostgresSealedDestinations
from tillgate.adapters.postgres.synthetic import PostgresSyntheticEvents
from tillgate.adapters.supabase import SupabaseUpstream
from tillgate.adapters.time_budget import TimeBudget
from tillgate.adapters.trace_in_hand import TraceInHand
from tillgate.bootstrap.connections import acting_on, meter_on, role_database, secrets_manager
from tillgate.bootstrap.wired import WiredFunction
from tillgate.domain.delivery import DestinationKind
from tillgate.domain.metrics import TOKEN_MATCHED, Recorder
from tillgate.entrypoints.http import source_address
from tillgate.entrypoints.observability import Sandbox, serve
from tillgate.entrypoints.probe import ProbeRoutes
from tillgate.services.operator import OperatorGate
from tillgate.services.probe import ProbeDestination
from tillgate.services.synthetic import DiscardSynthetic
from tillgate.settings.probe import ProbeSettings

if TYPE_CHECKING:
    from tillgate.entrypoints.http import LambdaEvent, LambdaResponse


def probe() -> WiredFunction[LambdaEvent, LambdaResponse]:
    """Make the function behind the operator's calls that reach a destination."""
    settings = ProbeSettings.from_env(os.environ)
    # A delivery's request gets as long; of this one, what secrets and database take is off.
    request_seconds = settings.request_timeout_ms / 1000
    budget = TimeBudget(request_seconds)
    within_seconds = settings.connection_timeout_ms / 1000
    allow_private = bool(settings.allow_private_destinations)
    secrets = secrets_manager(settings, budget=budget)
    recorder = Recorder()
    database = role_database(
        settings, secrets, settings.database_secret_arn, budget=budget, recorder=recorder
    )
    meter = meter_on(database, recorder, within_seconds=within_seconds)
    trace = TraceInHand()
    http = OutboundHttp(
        connect_seconds=within_seconds,
        max_uses=settings.max_requests_per_socket,
        allow_private=allow_private,
        trace_headers=trace.headers,
    )
    upstream = SupabaseUpstream(
        http, request_seconds=request_seconds, allow_private=allow_private, budget=budget
    )
    destinations = PostgresSealedDestinations(database, within_seconds=within_seconds)
    box = key_ring(secrets, settings.key_ring_secret_arn)
    upstreams = {DestinationKind.SUPABASE: upstream}
    routes = ProbeRoutes(
        ProbeDestination(
            destinations,
            box=box,
            upstreams=upstreams,
            log=PostgresAuditLog(database, within_seconds=within_seconds),
            clock=time.monotonic,
        ),
        discard=DiscardSynthetic(
            PostgresSyntheticEvents(database, within_seconds=within_seconds),
            destinations=destinations,
            box=box,
            upstreams=upstreams,
            clock=time.monotonic,
        ),
        gate=OperatorGate(
            lambda: secrets.read(settings.operator_secret_arn),
            clock=time.time,
            on_match=partial(recorder.count, TOKEN_MATCHED, "operator"),
        ),
        begin_trace=trace.begin,
        begin=acting_on(database),
    )
    sandbox = Sandbox(settings.version, stage=settings.stage, function="probe")

    def before_close() -> None:
        budget.begin()
        meter.flush()

    def idle() -> float | None:
        budget.begin()
        return meter.idle()

    return WiredFunction(
        handle=lambda event: serve(
            event,
            partial(routes.handle, source_address=source_address(event)),
            sandbox=sandbox,
            begin=budget.begin,
            meter=meter,
        ),
        databases=(database,),
        clients=(secrets, upstream),
        connect_seconds=within_seconds,
        before_close=before_close,
        idle=idle,
    )
