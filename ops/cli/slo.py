"""``tillgate slo``: what is left of the error budget."""

from typing import Annotated

import typer

from ops.cli.exact_json import JsonValue, NumberText
from ops.cli.output import Column
from ops.cli.references import find_tenant_id
from ops.cli.session import Session, connected

COLUMNS = (
    Column("WINDOW", "window"),
    Column("REQUESTS", "requests"),
    Column("5XX", "server_errors"),
    Column("AVAILABILITY", "availability"),
    Column("BUDGET LEFT", "budget_left"),
    Column("BURN RATE", "burn_rate"),
    Column("P50", "p50_seconds"),
    Column("P95", "p95_seconds"),
)
NOTE = (
    "The objective is {objective} without a 5xx; a burn rate of 1 is just what it allows. What"
    " never reached a function, such as the gateway's own 5xx, only the CloudWatch alarms see."
    " The numbers are what sandboxes counted until a minute or two ago."
)


@connected
def show_slo(
    session: Session,
    *,
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="TENANT", help="Only this merchant's.")
    ] = None,
) -> None:
    """Show availability, error budget and latency over 1 h, 24 h and 30 d."""
    path = "/slo" if tenant is None else f"/tenants/{find_tenant_id(session.client, tenant)}/slo"
    answer = session.client.get(path)
    if session.output.is_json:
        session.output.show_text(answer.text)
        return
    rows = [_written(window) for window in answer.records("windows")]
    session.output.show_table(rows, COLUMNS)
    session.output.note(NOTE.format(objective=_percent(answer.document.get("objective"))))


def _written(window: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Write a window's figures for a person; what there is none of stays absent."""
    return {
        **window,
        "availability": _percent(window.get("availability")),
        "budget_left": _percent(window.get("budget_left"), digits=1),
        "burn_rate": _number(window.get("burn_rate"), "{:.2f}"),
        "p50_seconds": _number(window.get("p50_seconds"), "{:.1f} ms", times=1000),
        "p95_seconds": _number(window.get("p95_seconds"), "{:.1f} ms", times=1000),
    }


def _percent(value: JsonValue, *, digits: int = 4) -> str | None:
    """Write a portion; an availability is not rounded up to 100 %."""
    written = _number(value, f"{{:.{digits}f}}", times=100)
    if written is None:
        return None
    whole = written.rstrip("0").rstrip(".")
    if whole == "100" and value not in {"1", "1.0"}:
        return "< 100 %"
    return f"{whole} %"


def _number(value: JsonValue, form: str, *, times: int = 1) -> str | None:
    return form.format(float(value) * times) if isinstance(value, NumberText) else None
