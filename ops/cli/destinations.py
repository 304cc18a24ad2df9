"""``tillgate destination``: where a merchant's events are delivered to."""

from typing import Annotated

import typer

from ops.cli.confirmation import YesOption, confirm
from ops.cli.output import Column
from ops.cli.references import find_tenant_id
from ops.cli.session import Session, connected
from ops.cli.tenants import TenantArgument
from ops.cli.vendor_secret import ask_secret

COLUMNS = (
    Column("TENANT ID", "tenant_id"),
    Column("KIND", "kind"),
    Column("URL", "url"),
    Column("SET", "set_at"),
    Column("BREAKER", "breaker.state"),
    Column("FAILURES", "breaker.failures"),
    Column("OPEN UNTIL", "breaker.open_until"),
)
TEST_COLUMNS = (
    Column("OUTCOME", "outcome"),
    Column("STATUS", "status"),
    Column("MS", "duration_ms"),
    Column("REASON", "reason"),
)

app = typer.Typer(help="Where a merchant's events are delivered to.", no_args_is_help=True)


@app.command("set")
@connected
def set_destination(
    session: Session,
    tenant: TenantArgument,
    address: Annotated[
        str, typer.Argument(metavar="URL", help="Of Supabase: https://PROJECT.supabase.co")
    ],
    *,
    kind: Annotated[str, typer.Option(help="What is there.")] = "supabase",
    secret_stdin: Annotated[
        bool, typer.Option("--secret-stdin", help="Read the destination's secret from stdin.")
    ] = False,
) -> None:
    """Deliver a merchant's events there, in place of where they went before."""
    tenant_id = find_tenant_id(session.client, tenant)
    secret = ask_secret(
        session.surroundings,
        from_stdin=secret_stdin,
        question="Secret that lets Tillgate write there (hidden)",
    )
    body = {"kind": kind, "url": address, "secret": secret}
    answer = session.client.put(f"/tenants/{tenant_id}/destination", body)
    session.output.show_record(answer, COLUMNS)
    session.output.note(f"Next: tillgate destination test {tenant}")
    session.output.note(
        "Events of before, when there was no destination, are sent by:"
        f" tillgate event replay --tenant {tenant} --since 7d --status none"
    )


@app.command("show")
@connected
def show_destination(session: Session, tenant: TenantArgument) -> None:
    """Show where a merchant's events go, without the secret, and whether it is spared."""
    tenant_id = find_tenant_id(session.client, tenant)
    session.output.show_record(session.client.get(f"/tenants/{tenant_id}/destination"), COLUMNS)


@app.command("test")
@connected
def test_destination(session: Session, tenant: TenantArgument) -> None:
    """Make a delivery's request with no event in it. Exit code 0 only when it would be taken."""
    tenant_id = find_tenant_id(session.client, tenant)
    answer = session.client.post(f"/tenants/{tenant_id}/destination/test")
    session.output.show_record(answer, TEST_COLUMNS)
    if answer.document.get("outcome") == "delivered":
        session.output.note("It takes what is delivered. Nothing was stored there.")
        return
    session.output.note(
        f"It does not take what is delivered. Next: tillgate destination set {tenant} URL"
    )
    raise typer.Exit(1)


@app.command("remove")
@connected
def remove_destination(session: Session, tenant: TenantArgument, *, yes: YesOption = False) -> None:
    """Deliver a merchant's events nowhere; they are still taken in and kept."""
    tenant_id = find_tenant_id(session.client, tenant)
    confirm(session.surroundings, f"Deliver nothing more for {tenant}?", yes=yes)
    answer = session.client.delete(f"/tenants/{tenant_id}/destination")
    session.output.show_record(answer, COLUMNS)
