"""What apps and sources share: a URL that a vendor delivers to, and the secret it signs with."""

from typing import Annotated

import typer

from ops.cli.client import Answer
from ops.cli.output import Column
from ops.cli.session import Session

ProviderArgument = Annotated[
    str, typer.Argument(metavar="PROVIDER", help="square, shopify, standard, ...")
]
SecretStdinOption = Annotated[
    bool,
    typer.Option("--secret-stdin", help="Read the vendor's secret from stdin."),
]
NotificationUrlOption = Annotated[
    str | None,
    typer.Option(
        help="URL as registered at the vendor, if it is not the address that this command calls."
    ),
]


def url_field(session: Session, notification_url: str | None) -> dict[str, str]:
    """Say under which address the vendor will call: the one given, or the one we call."""
    if notification_url:
        return {"notification_url": notification_url}
    return {"public_url": session.connection.url}


def show_endpoint(
    session: Session, answer: Answer, columns: tuple[Column, ...], *, secret_was_given: bool
) -> None:
    """Print a new endpoint; its secret only if Tillgate made it, since nobody else has it."""
    made_here = bool(answer.document.get("secret")) and not secret_was_given
    if secret_was_given:
        answer = answer.without("secret")
    session.output.show_record(
        answer, (*columns, Column("SECRET", "secret")) if made_here else columns
    )
    if "tenant_id" in answer.document and answer.document.get("app_id"):
        session.output.note("Its events come in at the app's URL: there is nothing to paste.")
    else:
        session.output.note("Next: paste the notification URL at the vendor.")
    if made_here:
        session.output.note(
            "Set the secret there, too: Tillgate made it, and does not show it again."
        )
