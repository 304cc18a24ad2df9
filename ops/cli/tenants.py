"""``tillgate tenant``: the merchants."""

from typing import Annotated

import typer

from ops.cli.output import Column
from ops.cli.references import find_tenant_id
from ops.cli.session import Session, connected

TenantArgument = Annotated[str, typer.Argument(metavar="TENANT", help="Its slug or its id.")]

COLUMNS = (
    Column("SLUG", "slug"),
    Column("STATE", "state"),
    Column("TENANT ID", "tenant_id"),
    Column("NAME", "name"),
    Column("CREATED", "created_at"),
    Column("RATE", "limit.events_per_second"),
    Column("BURST", "limit.burst"),
)
LIMIT_COLUMNS = (
    Column("SLUG", "slug"),
    Column("RATE", "limit.events_per_second"),
    Column("BURST", "limit.burst"),
    Column("DEFAULT", "limit.is_default"),
    Column("LAST OVER IT", "limited_at"),
)

app = typer.Typer(help="Merchants whose events are taken in.", no_args_is_help=True)


@app.command("create")
@connected
def create_tenant(
    session: Session,
    slug: Annotated[str, typer.Argument(help="Short and lasting: a-z, 0-9 and -, at most 63.")],
    *,
    name: Annotated[str | None, typer.Option(help="For people. Default: the slug.")] = None,
) -> None:
    """Take on a merchant."""
    answer = session.client.post("/tenants", {"slug": slug, "name": name or slug})
    session.output.show_record(answer, COLUMNS)
    session.output.note(
        f"Next: tillgate source add {slug} PROVIDER (events from a POS), or"
        f" tillgate token create {slug} --name NAME (events from its own systems)"
    )


@app.command("list")
@connected
def list_tenants(session: Session) -> None:
    """List all merchants."""
    answer = session.client.get("/tenants")
    session.output.show_list(
        answer,
        "tenants",
        COLUMNS,
        when_empty="There is no tenant yet. Next: tillgate tenant create SLUG --name NAME",
    )


@app.command("suspend")
@connected
def suspend_tenant(session: Session, tenant: TenantArgument) -> None:
    """Take in no more of a merchant's events: its own calls get 403, its POS's go to quarantine."""
    tenant_id = find_tenant_id(session.client, tenant)
    answer = session.client.post(f"/tenants/{tenant_id}/suspend")
    session.output.show_record(answer, COLUMNS)
    session.output.note(f"It takes up to 30 s. Undo it with: tillgate tenant resume {tenant}")


@app.command("resume")
@connected
def resume_tenant(session: Session, tenant: TenantArgument) -> None:
    """Take in a suspended merchant's events again."""
    tenant_id = find_tenant_id(session.client, tenant)
    session.output.show_record(session.client.post(f"/tenants/{tenant_id}/resume"), COLUMNS)
