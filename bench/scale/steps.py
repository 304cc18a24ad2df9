"""The steps of scale: what each needs, what is set for it, how it then fares, what it costs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from bench.scale.burst import burst
from bench.scale.path import offered
from bench.scale.plan import (
    MOST_BUSY,
    Plan,
    aws_path,
    busy_seconds,
    database_event_seconds,
    first,
    limits,
    pool,
    sandboxes,
    storage_events_per_second,
)
from ops.cost import Bill, Switches, Usage, bill
from ops.prices import price_table

if TYPE_CHECKING:
    from bench.scale.burst import BurstOutcome
    from bench.scale.inputs import Inputs
    from bench.scale.path import Outcome
    from bench.scale.plan import Limit

RATES = (10, 1_000, 50_000)
# A till sends one; a vendor's hook or a partner's import many at once (500 at most).
SHAPES = (1, 100)
# A step is set up for so many times its load; what comes above that waits or comes again.
HEADROOM = 2
_CALLS = 6_000
_EVENT_BYTES = 500
# Above so many events a second a sampling rule is worth making.
_SAMPLED_FROM = 100
_SAMPLED_SHARE = 0.001
# Of the direct way's work, what the accept queue's workers may add to it.
_DRAIN_SHARE = 0.2
# Sweep looks for 57 s of each minute (stacks/timing.py), and ends.
_SWEEP_MS = 58_000
_SECONDS_OF_A_MONTH = Decimal(730 * 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """``first`` and ``first_delivery`` are the nearest limits of prod as it is deployed."""

    rate: int
    events: int
    plan: Plan
    first: Limit
    first_delivery: Limit
    sandboxes: int
    connections: int
    acu: float
    latency: Outcome
    burst: BurstOutcome
    bill: Bill

    @property
    def calls_per_second(self) -> float:
        return self.rate / self.events


def steps(inputs: Inputs) -> list[Step]:
    """Work out all steps, single events first."""
    return [step(inputs, rate, events) for events in SHAPES for rate in RATES]


def step(inputs: Inputs, rate: int, events: int) -> Step:
    plan = _with_cheaper_storage(inputs, size(inputs, rate, events), rate, events)
    calls = rate / events / plan.deployments
    acu = _acu(inputs, rate / plan.deployments, events)
    path = aws_path(inputs, plan, events=events, acu=max(acu, plan.min_acu))
    ready = max(math.ceil(sandboxes(inputs, path, calls)), 1)
    found = limits(inputs, Plan(), events=events)
    return Step(
        rate=rate,
        events=events,
        plan=plan,
        first=first(found, is_senders=True),
        first_delivery=first(found, is_senders=False),
        sandboxes=ready * plan.deployments,
        connections=min(ready, pool(inputs, plan)) * plan.deployments,
        acu=max(acu, plan.min_acu) * plan.deployments,
        latency=offered(path, sandboxes=HEADROOM * ready + 2, per_second=calls, calls=_CALLS),
        burst=burst(inputs, plan, events=events, calls_per_second=rate / events),
        bill=monthly(inputs, plan, rate=rate, events=events),
    )


def size(inputs: Inputs, rate: int, events: int) -> Plan:
    """Leave prod as it is where that bears twice the rate; else set what has to be set."""
    wanted = HEADROOM * rate
    prod = Plan()
    if limits(inputs, prod, events=events)[0].events_per_second >= wanted:
        return prod
    calls = wanted / events
    acu = _acu(inputs, wanted, events)
    deployments = math.ceil(
        max(
            calls / inputs.commits_per_second.value,
            acu / inputs.most_acu.value,
            rate / storage_events_per_second(inputs),
        )
    )
    calls, acu, wanted_each = calls / deployments, acu / deployments, wanted / deployments
    path = aws_path(inputs, prod, events=events)
    ready = math.ceil(sandboxes(inputs, path, calls))
    messages = wanted_each / inputs.ids_in_message.value
    claims = inputs.claimed_at_once.value / inputs.claim_seconds.value
    throttle = max(prod.throttle_rate, _rounded(calls))
    plan = replace(
        prod,
        throttle_rate=throttle,
        throttle_burst=max(prod.throttle_burst, int(inputs.gateway_burst.value)),
        account_rate=max(prod.account_rate, throttle),
        concurrency=max(prod.concurrency, _rounded(1.25 * ready)),
        min_acu=max(1.0, _rounded(acu / HEADROOM / 2)),
        max_acu=float(min(max(2 ** math.ceil(math.log2(acu)), 32), inputs.most_acu.value)),
        accept_concurrency=max(
            prod.accept_concurrency,
            math.ceil(_DRAIN_SHARE * calls / HEADROOM * busy_seconds(path)),
        ),
        deliver_concurrency=max(
            prod.deliver_concurrency, _rounded(messages * inputs.destination_ms.value / 1000)
        ),
        sweeps=math.ceil(wanted_each / claims),
        deployments=deployments,
    )
    return replace(plan, is_proxied=ready > pool(inputs, plan))


def _rounded(value: float) -> int:
    """Round up to two digits that a person would type."""
    if value <= 10:
        return math.ceil(value)
    unit = 10 ** (math.floor(math.log10(value)) - 1)
    return int(math.ceil(value / unit - 1e-9) * unit)


def _acu(inputs: Inputs, rate: float, events: int) -> float:
    """Give the capacity in which so many events a second keep the database as busy as it may be."""
    vcpus = rate * database_event_seconds(inputs, events)
    return vcpus * inputs.acu_per_vcpu.value / MOST_BUSY


def _with_cheaper_storage(inputs: Inputs, plan: Plan, rate: int, events: int) -> Plan:
    sampled = _SAMPLED_SHARE if rate >= _SAMPLED_FROM else plan.traced_share
    choices = [
        replace(plan, traced_share=sampled, is_io_optimized=is_optimized)
        for is_optimized in (False, True)
    ]
    return min(choices, key=lambda one: monthly(inputs, one, rate=rate, events=events).total)


def monthly(inputs: Inputs, plan: Plan, *, rate: int, events: int) -> Bill:
    """Give the bill of a month in which the rate is the mean."""
    return bill(
        usage(inputs, plan, rate=rate, events=events), switches(inputs, plan), price_table()
    )


def usage(inputs: Inputs, plan: Plan, *, rate: int, events: int) -> Usage:
    """Give what a month at this rate uses; a started millisecond is billed whole."""
    path = aws_path(inputs, plan, events=events)
    ids = inputs.ids_in_message.value
    # A message for each second in which a tenant sent, up to its ids: full ones at most.
    in_message = min(max(rate / int(Switches().tenants), 1.0), ids)
    calls = rate / events / plan.deployments
    living = inputs.sandbox_minutes.value * 60
    cold_share = max(sandboxes(inputs, path, calls), 1.0) / living / calls
    log_writes = max(inputs.log_bytes.value / 4096, 1 / events)
    return Usage(
        events=_decimal(rate) * _SECONDS_OF_A_MONTH,
        events_per_request=_decimal(events),
        event_bytes=_decimal(_EVENT_BYTES),
        ingest_ms=_decimal(busy_seconds(path) * 1000 + 0.5),
        accept_ms=_decimal(busy_seconds(path) * 10_000),
        deliver_ms=_decimal(inputs.destination_ms.value * 10),
        sweep_ms=_decimal(_SWEEP_MS * plan.sweeps),
        memory_mb=_decimal(plan.memory_mb),
        events_per_message=_decimal(in_message),
        cold_share=_decimal(min(cold_share, 1.0)),
        database_ms=_decimal(database_event_seconds(inputs, events) * 1000),
        io=_decimal(log_writes + inputs.delivery_io.value),
        stored_bytes=_decimal(inputs.stored_bytes.value),
    )


def switches(inputs: Inputs, plan: Plan) -> Switches:
    """Give what of a plan costs money."""
    return Switches(
        deployments=_decimal(plan.deployments),
        min_acu=_decimal(plan.min_acu),
        busy_share=_decimal(MOST_BUSY),
        event_days=_decimal(inputs.event_days.value),
        is_io_optimized=plan.is_io_optimized,
        is_proxied=plan.is_proxied,
        traced_share=_decimal(plan.traced_share),
    )


def _decimal(value: float) -> Decimal:
    return Decimal(str(round(value, 6)))
