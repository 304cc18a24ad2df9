"""``tillgate key``: the platform's own secrets, and never what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ops.cli.exact_json import NumberText, record_in
from ops.cli.findings import warning, well
from ops.cli.output import Column, shown
from ops.cli.session import Session, connected

if TYPE_CHECKING:
    from ops.cli.client import Answer
    from ops.cli.exact_json import JsonValue
    from ops.cli.findings import Finding

COLUMNS = (
    Column("KID", "kid"),
    Column("MADE ON", "made_on"),
    Column("SEALS", "is_current"),
    Column("ROWS", "rows"),
    Column("MAY LEAVE", "leaves"),
)
SECRET_COLUMNS = (
    Column("SECRET", "name"),
    Column("MADE", "made_at"),
    Column("DAYS OLD", "age_days"),
)
NEXT = "runbooks/rotate.md"

app = typer.Typer(
    help="The key ring, and how old the platform's secrets are.", no_args_is_help=True
)


@app.command("list")
@connected
def list_keys(session: Session) -> None:
    """List the ring's keys, what names them, and when each may leave; never a key itself."""
    answer = session.client.get("/keys")
    if session.output.is_json:
        session.output.show_text(answer.text)
        return
    session.output.show_table([_written(key) for key in answer.records("keys")], COLUMNS)
    session.output.show_table(answer.records("secrets"), SECRET_COLUMNS)
    for sentence in warnings_in(answer):
        session.output.note(f"{sentence} Next: {NEXT}")


def finding(answer: Answer) -> Finding:
    """Say what doctor has to say of it."""
    sentences = warnings_in(answer)
    if sentences:
        return warning("key ages", " ".join(sentences), f"tillgate key list, then {NEXT}")
    days = [
        int(age)
        for secret in answer.records("secrets")
        if isinstance(age := secret.get("age_days"), NumberText)
    ]
    if not days:
        return well("key ages", "not noted yet: functions/rotate does each day")
    return well("key ages", f"the oldest secret is {max(days)} days old")


def warnings_in(answer: Answer) -> list[str]:
    found = answer.document.get("warnings")
    return [shown(one) for one in found] if isinstance(found, list) else []


def _written(key: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Write a key's counts and reasons for a person; what there is none of stays absent."""
    rows = [f"{column} {shown(count)}" for column, count in record_in(key.get("rows")).items()]
    reasons = key.get("stays_because")
    because = [shown(one) for one in reasons] if isinstance(reasons, list) else []
    return {
        **key,
        "rows": ", ".join(rows) or None,
        "leaves": f"no: {'; '.join(because)}" if because else "with the next rotation",
    }
