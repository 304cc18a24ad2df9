"""``tillgate source``: a merchant's connections to POS vendors."""

from typing import Annotated

import typer

from ops.cli.credentials import CREDENTIAL_COLUMNS
from ops.cli.endpoints import (
    HANDSHAKE_COLUMNS,
    SECRET_COLUMNS,
    NotificationUrlOption,
    ProviderArgument,
    SecretStdinOption,
    set_secret,
    show_endpoint,
    url_field,
)
from ops.cli.errors import UsageError
from ops.cli.output import Column
from ops.cli.references import check_id, find_tenant_id
from ops.cli.session import Session, connected
from ops.cli.tenants import TenantArgument
from ops.cli.vendor_secret import read_secret

COLUMNS = (
    Column("SOURCE ID", "source_id"),
    Column("PROVIDER", "provider"),
    Column("NAME", "name"),
    Column("MERCHANT ID", "merchant_id"),
    Column("APP ID", "app_id"),
    Column("NOTIFICATION URL", "notification_url"),
    *HANDSHAKE_COLUMNS,
    *SECRET_COLUMNS,
    *CREDENTIAL_COLUMNS,
    Column("QUIET AFTER", "quiet_after_minutes"),
    Column("CREATED", "created_at"),
)
LIST_COLUMNS = tuple(
    column
    for column in COLUMNS
    if column.title not in {"APP ID", "CREDENTIAL SET", "QUIET AFTER", "CREATED"}
)

app = typer.Typer(help="A merchant's connections to its POS.", no_args_is_help=True)


@app.command("add")
@connected
def add_source(
    session: Session,
    tenant: TenantArgument,
    provider: ProviderArgument,
    *,
    merchant_id: Annotated[
        str | None, typer.Option(help="The merchant's id at the vendor; needed with --app.")
    ] = None,
    app_id: Annotated[
        str | None, typer.Option("--app", metavar="APP_ID", help="App to bind it to.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="For people.")] = None,
    secret_stdin: SecretStdinOption = False,
    notification_url: NotificationUrlOption = None,
) -> None:
    """Connect a merchant's POS; prints the URL to paste at the vendor."""
    body = {"provider": provider}
    secret = None
    if app_id is None:
        body |= url_field(session, notification_url)
        secret = read_secret(session.surroundings, provider=provider, from_stdin=secret_stdin)
    elif secret_stdin or notification_url or not merchant_id:
        raise UsageError(
            "A source of an app has a --merchant-id, and the app's secret and URL, not its own.",
            next_step="tillgate source add TENANT PROVIDER --app APP_ID --merchant-id ID",
        )
    else:
        body["app_id"] = check_id(app_id, argument="--app", next_step="tillgate app list")
    given = {"merchant_id": merchant_id, "name": name, "secret": secret}
    body |= {field: value for field, value in given.items() if value}
    tenant_id = find_tenant_id(session.client, tenant)
    answer = session.client.post(f"/tenants/{tenant_id}/sources", body)
    show_endpoint(session, answer, COLUMNS)


@app.command("list")
@connected
def list_sources(session: Session, tenant: TenantArgument) -> None:
    """List a merchant's connections."""
    tenant_id = find_tenant_id(session.client, tenant)
    session.output.show_list(
        session.client.get(f"/tenants/{tenant_id}/sources"),
        "sources",
        LIST_COLUMNS,
        when_empty=f"The tenant has no source. Next: tillgate source add {tenant} PROVIDER",
    )


@app.command("secret")
@connected
def set_source_secret(
    session: Session,
    source_id: Annotated[str, typer.Argument(metavar="SOURCE_ID", help="The source's id.")],
    *,
    secret_stdin: SecretStdinOption = False,
) -> None:
    """Set a source's secret with no overlap: the vendor's first, or one in a wrong one's place.

    One that is in use: tillgate source rotate.
    """
    checked = check_id(source_id, argument="SOURCE_ID", next_step="tillgate source list TENANT")
    set_secret(session, f"/sources/{checked}", COLUMNS, from_stdin=secret_stdin)
