"""``tillgate app``: the operator's own registrations at vendors, one URL for many merchants."""

from typing import Annotated

import typer

from ops.cli.endpoints import (
    NotificationUrlOption,
    ProviderArgument,
    SecretStdinOption,
    show_endpoint,
    url_field,
)
from ops.cli.output import Column
from ops.cli.session import Session, connected
from ops.cli.vendor_secret import read_secret

COLUMNS = (
    Column("APP ID", "app_id"),
    Column("PROVIDER", "provider"),
    Column("NAME", "name"),
    Column("NOTIFICATION URL", "notification_url"),
    Column("CREATED", "created_at"),
)

app = typer.Typer(help="Your own registrations at POS vendors.", no_args_is_help=True)


@app.command("add")
@connected
def add_app(
    session: Session,
    provider: ProviderArgument,
    *,
    name: Annotated[str | None, typer.Option(help="For people. Default: the provider.")] = None,
    secret_stdin: SecretStdinOption = False,
    notification_url: NotificationUrlOption = None,
) -> None:
    """Register an app; bind merchants to it with: tillgate source add TENANT PROVIDER --app ID."""
    body = {"provider": provider, "name": name or provider, **url_field(session, notification_url)}
    secret = read_secret(session.surroundings, provider=provider, from_stdin=secret_stdin)
    if secret is not None:
        body["secret"] = secret
    answer = session.client.post("/apps", body)
    show_endpoint(session, answer, COLUMNS, secret_was_given=secret is not None)


@app.command("list")
@connected
def list_apps(session: Session) -> None:
    """List all apps."""
    session.output.show_list(
        session.client.get("/apps"),
        "apps",
        COLUMNS[:-1],
        when_empty="There is no app yet. Next, if a vendor has you register one:"
        " tillgate app add PROVIDER --name NAME",
    )
