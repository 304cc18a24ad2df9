"""``tillgate token``: with which a merchant's own systems call ``/v1/events``."""

from typing import Annotated

import typer

from ops.cli.output import Column
from ops.cli.references import check_id, find_tenant_id
from ops.cli.session import Session, connected
from ops.cli.tenants import TenantArgument

COLUMNS = (
    Column("TOKEN ID", "token_id"),
    Column("NAME", "name"),
    Column("HINT", "hint"),
    Column("CREATED", "created_at"),
    Column("AGE DAYS", "age_days"),
    Column("LAST USED", "last_used_at"),
    Column("ENDS", "revoked_at"),
    Column("REPLACED BY", "replaced_by"),
    Column("WARNINGS", "warnings"),
)
NEW_COLUMNS = (Column("TOKEN", "token"), *COLUMNS[:4])

app = typer.Typer(help="API tokens of a merchant's own systems.", no_args_is_help=True)


@app.command("create")
@connected
def create_token(
    session: Session,
    tenant: TenantArgument,
    *,
    name: Annotated[str, typer.Option(help="Who will use it, so that it can be told apart.")],
) -> None:
    """Make a token; it is shown this once."""
    tenant_id = find_tenant_id(session.client, tenant)
    answer = session.client.post(f"/tenants/{tenant_id}/tokens", {"name": name})
    session.output.show_record(answer, NEW_COLUMNS)
    session.output.note("Keep the token now: it is not shown again.")


@app.command("list")
@connected
def list_tokens(session: Session, tenant: TenantArgument) -> None:
    """List a merchant's tokens, without the tokens themselves."""
    tenant_id = find_tenant_id(session.client, tenant)
    session.output.show_list(
        session.client.get(f"/tenants/{tenant_id}/tokens"),
        "tokens",
        COLUMNS,
        when_empty=f"The tenant has no token. Next: tillgate token create {tenant} --name NAME",
    )


@app.command("revoke")
@connected
def revoke_token(
    session: Session,
    token_id: Annotated[str, typer.Argument(metavar="TOKEN_ID", help="The id, not the token.")],
) -> None:
    """End a token for good, at once; also one that is to end later."""
    checked = check_id(token_id, argument="TOKEN_ID", next_step="tillgate token list TENANT")
    session.output.show_record(session.client.delete(f"/tokens/{checked}"), COLUMNS)
    session.output.note("It may still be taken for 30 s.")
