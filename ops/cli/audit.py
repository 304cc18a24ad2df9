"""``tillgate audit``: who did what to which tenant."""

from typing import Annotated

import typer

from ops.cli.events import moment
from ops.cli.output import Column
from ops.cli.references import find_tenant_id
from ops.cli.session import Session, connected

COLUMNS = (
    Column("AT", "at"),
    Column("ACTION", "action"),
    Column("BY", "actor.kind"),
    Column("TOKEN", "actor.id"),
    Column("CLAIMS TO BE", "actor.claimed_name"),
    Column("TENANT ID", "tenant_id"),
    Column("TARGET", "target.kind"),
    Column("TARGET ID", "target.id"),
    Column("FROM", "source_address"),
    Column("RID", "rid"),
    Column("DETAILS", "details"),
)

app = typer.Typer(help="Who did what to which tenant.", no_args_is_help=True)


@app.command("list")
@connected
def list_entries(
    session: Session,
    *,
    tenant: Annotated[
        str | None,
        typer.Option(metavar="TENANT", help="Only what concerns it; an erased one's by its id."),
    ] = None,
    action: Annotated[str | None, typer.Option(help="Only this, such as token.revoked.")] = None,
    actor: Annotated[
        str | None,
        typer.Option(help="Only by this token, as the list writes it, or under this name."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Done since a time (RFC 3339), or 15m, 2h, 7d ago.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="The same.")] = None,
    limit: Annotated[int | None, typer.Option(help="A page's size: 1 to 200.")] = None,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended.")] = None,
) -> None:
    """List what was done, the last first.

    The name is what the caller said: TILLGATE_OPERATOR, else the login name. Nothing proves it.
    """
    now = session.surroundings.now()
    given = {
        "tenant_id": find_tenant_id(session.client, tenant) if tenant is not None else None,
        "action": action,
        "actor": actor,
        "since": moment(since, now),
        "until": moment(until, now),
        "limit": str(limit) if limit is not None else None,
        "cursor": cursor,
    }
    params = {name: value for name, value in given.items() if value is not None}
    answer = session.client.get("/audit", params)
    session.output.show_list(answer, "entries", COLUMNS, when_empty="Nothing was done.")
    if (following := answer.document.get("next_cursor")) and not session.output.is_json:
        session.output.note(f"There are more: repeat with --cursor {following}")
