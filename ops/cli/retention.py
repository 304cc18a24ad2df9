"""``tillgate tenant retention``: for how long a merchant's events are kept."""

from typing import Annotated

import typer

from ops.cli.client import Answer
from ops.cli.confirmation import YesOption, confirm
from ops.cli.errors import UsageError
from ops.cli.exact_json import NumberText
from ops.cli.findings import Finding, counted, warning, well
from ops.cli.output import Column, shown
from ops.cli.references import find_tenant_id
from ops.cli.session import Session, connected
from ops.cli.tenants import TenantArgument

COLUMNS = (
    Column("TENANT ID", "tenant_id"),
    Column("DAYS", "days"),
    Column("AS THE STAGE HAS IT", "is_default"),
)


def finding(status: Answer) -> Finding:
    """Say what doctor has to say of it."""
    held, days = status.document.get("held_events"), shown(status.document.get("default_days"))
    if not isinstance(held, NumberText) or int(held) == 0:
        return well("retention", f"{days} days; nothing undelivered is past it")
    first = shown(status.document.get("first_go_on"))
    return warning(
        "retention",
        f"{counted(int(held), 'undelivered event is', 'undelivered events are')} past retention,"
        f" and the first go on {first}.",
        "tillgate deadletter plan",
    )


@connected
def tenant_retention(
    session: Session,
    tenant: TenantArgument,
    *,
    days: Annotated[
        int | None, typer.Option(help="Whole days after the one an event was stored on, 7 to 3660.")
    ] = None,
    default: Annotated[
        bool, typer.Option("--default", help="As long as everybody's: EVENT_RETENTION_DAYS.")
    ] = False,
    yes: YesOption = False,
) -> None:
    """Say for how long a merchant's events are kept; what is older goes, for good.

    Without an option: show it.
    """
    if default and days is not None:
        raise UsageError(
            "Either --days or --default.", next_step=f"tillgate tenant retention {tenant} --days 90"
        )
    path = f"/tenants/{find_tenant_id(session.client, tenant)}/retention"
    shown = session.client.get(path)
    if days is None and not default:
        session.output.show_record(shown, COLUMNS)
        return
    kept = shown.document.get("days")
    now = int(kept) if isinstance(kept, NumberText) else 0
    if default or (days is not None and days < now):
        to = "as long as everybody's" if default else f"for {days} days"
        confirm(
            session.surroundings,
            f"Keep {tenant}'s events {to}, not {now} days? What is older is removed for good.",
            yes=yes,
        )
    answer = session.client.delete(path) if default else session.client.put(path, {"days": days})
    session.output.show_record(answer, COLUMNS)
    session.output.note("What is older goes within hours. Undelivered events stay 30 days longer.")
