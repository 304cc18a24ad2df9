"""Dollars per million events, line by line, from the time that ingest was measured to take.

Measured here: the CPU time of a call in the sandbox, and with ``database_ms`` of the scale
check that of Postgres. Assumed, and told in each row: that a vCPU of AWS' takes ``core_ratio``
times as long for it; network, commit and destination (``bench/scale/inputs.py``); cold
starts, log bytes and deliveries (``ops/cost_usage.py``). No call was ever billed by AWS.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bench.rounds import Spread, rounded
from bench.scale.inputs import Figure, Inputs, Origin, from_evidence
from bench.scale.plan import Plan, aws_path, busy_seconds
from bench.scale.steps import monthly
from bench.workload import Load
from ops.evidence import Row
from ops.prices import price_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from bench.stage import Stage
    from ops.cost import Bill

# What it is told for: 100 events a second all month, 263 million, on prod as it is.
EVENTS_PER_SECOND = 100
LARGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One call on this machine, in milliseconds; ``wall_ms`` is told beside, and not used."""

    events: int
    cpu_ms: float
    wall_ms: float


def cost_rows(measured: list[Measured], inputs: Inputs) -> list[Row]:
    """Give a row for each kind of call: the whole month's dollars, per million events.

    ``inputs`` says the rest. The target is None: what is too dear is for its payer to say.
    """
    told = inputs
    for one in measured:
        field = "handler_ms" if one.events == 1 else "handler_batch_ms"
        if one.events not in {1, LARGE}:
            raise ValueError(f"calls of 1 or {LARGE} events are priced, not of {one.events}")
        figure = Figure(one.cpu_ms, "ms", Origin.MEASURED, "this run")
        told = replace(told, **{field: figure})
    return [_row(one, told) for one in measured]


def _row(one: Measured, inputs: Inputs) -> Row:
    plan = Plan()
    month = monthly(inputs, plan, rate=EVENTS_PER_SECOND, events=one.events)
    billed = busy_seconds(aws_path(inputs, plan, events=one.events)) * 1000
    assumed = [(name, f) for name, f in inputs.table() if f.origin is Origin.ASSUMED]
    name = "cost_per_million_usd" + ("" if one.events == 1 else f".batch_{one.events}")
    return Row(
        name,
        _dollars(month.per_million),
        "USD",
        None,
        holds=True,
        raw={
            "events_per_second": EVENTS_PER_SECOND,
            "events_per_call": one.events,
            "measured_here": {"cpu_ms": one.cpu_ms, "wall_ms": one.wall_ms},
            "billed_ms_on_aws": rounded(billed),
            "memory_mb": plan.memory_mb,
            "variable_per_million_usd": _dollars(month.variable_per_million),
            "fixed_month_usd": _dollars(month.fixed),
            "lines": _lines(month),
            "prices_of": price_table().as_of.isoformat(),
            "unchecked_prices": list(price_table().unchecked),
            "assumed": {key: f"{f.value:g} {f.unit}: {f.source}" for key, f in assumed},
        },
    )


def _lines(month: Bill) -> list[dict[str, Any]]:
    """Give each line of the month, and its part of a million events' dollars."""
    return [
        {
            "group": line.group.value,
            "line": line.name,
            "usd_month": _dollars(line.usd),
            "usd_per_million": _dollars(line.usd / month.events * 10**6),
            "quantity": rounded(float(line.quantity)),
            "unit": line.unit,
            "assumption": line.assumption,
        }
        for line in month.lines
    ]


def _dollars(amount: Decimal | None) -> float:
    """Give a figure for the evidence; a month without events has no price per million."""
    if amount is None:
        raise ValueError("a month without events")
    return rounded(float(amount))


def run(stage: Stage) -> Iterator[Row]:
    """Be a suite of the benches: measure single calls and batches, and price them."""
    measured = []
    for events, heavier in ((1, 1), (LARGE, 6)):
        series = stage.side_by_side({"ours": Load(items=events)}, heavier=heavier)["ours"]
        cpu, wall = Spread.of(series.cpu_us()), Spread.of(series.wall_us())
        measured.append(Measured(events=events, cpu_ms=cpu.value / 1000, wall_ms=wall.value / 1000))
    yield from cost_rows(measured, from_evidence(Inputs()))
