"""The model's tables, as Markdown: for the terminal and for docs/scale.md."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from bench.scale.inputs import Origin
from bench.scale.plan import Plan, limits
from bench.scale.steps import SHAPES
from ops.cost import Group

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from bench.scale.inputs import Inputs
    from bench.scale.steps import Step

DOCS = Path(__file__).parents[2] / "docs/scale.md"
_TURNED_ON = {
    "throttle_rate": "stage throttle {:,}/s",
    "account_rate": "API Gateway quota {:,}/s",
    "concurrency": "Lambda concurrency {:,}",
    "min_acu": "at least {:g} ACU",
    "max_acu": "at most {:g} ACU",
    "is_proxied": "RDS Proxy",
    "accept_concurrency": "accept workers {}",
    "deliver_concurrency": "deliver workers {}",
    "sweeps": "{} sweeps at once",
    "is_io_optimized": "I/O-Optimized storage",
    "traced_share": "X-Ray samples {:.1%}",
}


def tables(inputs: Inputs, steps: Sequence[Step]) -> dict[str, str]:
    """Give each table by the name under which docs/scale.md has it."""
    return {
        "limits": _limits(inputs),
        "needs": _needs(steps),
        "burst": _burst(steps),
        "switches": _switches(steps),
        "cost": _cost(steps),
        "measured": _inputs(inputs, Origin.MEASURED),
        "assumed": _inputs(inputs, Origin.ASSUMED),
        "documented": _inputs(inputs, Origin.DOCUMENTED),
    }


def with_tables(text: str, made: dict[str, str]) -> str:
    """Put each table between its marks; raises ValueError when its marks are not there."""
    for name, table in made.items():
        head, mark, rest = text.partition(f"<!-- table: {name} -->\n")
        _, end, tail = rest.partition("<!-- end -->")
        if not (mark and end):
            raise ValueError(f"no marks for the table {name!r}")
        text = f"{head}{mark}{table}\n{end}{tail}"
    return text


def _limits(inputs: Inputs) -> str:
    shapes = {events: limits(inputs, Plan(), events=events) for events in SHAPES}
    rates = {
        limit.name: {
            events: next(one for one in found if one.name == limit.name).events_per_second
            for events, found in shapes.items()
        }
        for limit in shapes[SHAPES[0]]
    }
    does = {limit.name: limit.does for limit in shapes[SHAPES[0]]}
    return _table(
        ["Limit of prod as it is deployed", *(f"{_shape(e)}, events/s" for e in SHAPES), "Then"],
        (
            [name, *(_number(by_shape[events]) for events in SHAPES), does[name]]
            for name, by_shape in rates.items()
        ),
    )


def _needs(steps: Sequence[Step]) -> str:
    return _table(
        ["Events/s", "Calls", "Calls/s", "Sandboxes", "Connections", "ACU", "p50", "p95",
         "Prod's first limit: senders", "delivery"],
        (
            [
                _number(step.rate), _shape(step.events), _number(step.calls_per_second),
                _number(step.sandboxes), _number(step.connections), _number(step.acu),
                _ms(step.latency.p50_seconds), _ms(step.latency.p95_seconds),
                f"{step.first.name} at {_number(step.first.events_per_second)}",
                f"{step.first_delivery.name} at {_number(step.first_delivery.events_per_second)}",
            ]
            for step in steps
        ),
    )  # fmt: skip


def _burst(steps: Sequence[Step]) -> str:
    return _table(
        ["Events/s", "Calls", "Sandboxes at most", "Refused at first", "Events waiting at senders",
         "Events on the accept queue", "All stored after"],
        (
            [
                f"{_number(step.rate)} x 10", _shape(step.events),
                _number(step.burst.sandboxes), f"{step.burst.refused_share:.0%}",
                _number(step.burst.refused_backlog * step.events),
                _number(step.burst.queued_backlog * step.events),
                "never" if step.burst.drained_seconds is None
                else f"{step.burst.drained_seconds:.0f} s",
            ]
            for step in steps
        ),
    )  # fmt: skip


def turned_on(plan: Plan) -> list[str]:
    """Say how a plan differs from prod."""
    prod = Plan()
    changed = [
        _TURNED_ON[field.name].format(getattr(plan, field.name))
        for field in fields(plan)
        if field.name in _TURNED_ON and getattr(plan, field.name) != getattr(prod, field.name)
    ]
    if plan.deployments > 1:
        changed.insert(0, f"**{plan.deployments} deployments**, tenants spread over them; each")
    return changed


def _switches(steps: Sequence[Step]) -> str:
    return _table(
        ["Events/s", "Calls", "Turned on", "$ a month", "$ a million"],
        (
            [
                _number(step.rate), _shape(step.events),
                ", ".join(turned_on(step.plan)) or "nothing",
                _usd(step.bill.total), f"{step.bill.per_million or 0:,.2f}",
            ]
            for step in steps
        ),
    )  # fmt: skip


def _cost(steps: Sequence[Step]) -> str:
    return _table(
        ["$ a month", *(f"{_number(step.rate)}/s, {_shape(step.events)}" for step in steps)],
        ([group.value, *(_usd(step.bill.by_group()[group]) for step in steps)] for group in Group),
    )


def _inputs(inputs: Inputs, origin: Origin) -> str:
    return _table(
        ["Input", "Value", "What it is, and who says so"],
        (
            [name.replace("_", " "), f"{figure.value:,g} {figure.unit}".strip(), figure.source]
            for name, figure in inputs.table()
            if figure.origin is origin
        ),
    )


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _shape(events: int) -> str:
    return "single" if events == 1 else f"of {events}"


def _number(value: float) -> str:
    """Give three digits: more would say more than a model knows."""
    if value == float("inf"):
        return "none"
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if rounded >= 10 or rounded == int(rounded) else f"{rounded:g}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _usd(dollars: Decimal) -> str:
    return _number(float(dollars))
