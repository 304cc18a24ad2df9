"""``tillgate app``: the operator's own registrations at vendors, one URL for many merchants."""

from typing import Annotated

import typer

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
from ops.cli.output import Column
from ops.cli.references import check_id
from ops.cli.session import Session, connected
from ops.cli.vendor_secret import read_secret

COLUMNS = (
    Column("APP ID", "app_id"),
    Column("PROVIDER", "provider"),
    Column("NAME", "name"),
    Column("NOTIFICATION URL", "notification_url"),
    *HANDSHAKE_COLUMNS,
    *SECRET_COLUMNS,
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
    show_endpoint(session, answer, COLUMNS)


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


@app.command("secret")
@connected
def set_app_secret(
    session: Session,
    app_id: Annotated[str, typer.Argument(metavar="APP_ID", help="The app's id.")],
    *,
    secret_stdin: SecretStdinOption = False,
) -> None:
    """Set an app's secret with no overlap: the vendor's first, or one in a wrong one's place.

    One that is in use: tillgate app rotate.
    """
    checked = check_id(app_id, argument="APP_ID", next_step="tillgate app list")
    set_secret(session, f"/apps/{checked}", COLUMNS, from_stdin=secret_stdin)
