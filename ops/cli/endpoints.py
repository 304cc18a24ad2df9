"""What apps and sources share: a URL that a vendor delivers to, and the secret it signs with."""

from collections.abc import Sequence
from typing import Annotated

import typer

from ops.cli.client import Answer
from ops.cli.output import Column, pick, shown
from ops.cli.session import Session
from ops.cli.vendor_secret import ask_secret

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
# Pending: the vendor's secret is still to be set, and its code, once it came, to be typed in.
HANDSHAKE_COLUMNS = (
    Column("STATE", "state"),
    Column("VERIFICATION CODE", "verification_code"),
    Column("HANDSHAKE", "handshake_at"),
)
SECRET_COLUMNS = (
    Column("AGE DAYS", "secret_age_days"),
    Column("PREVIOUS UNTIL", "previous_secret.good_until"),
    Column("PREVIOUS MATCHED", "previous_secret.last_matched_at"),
    Column("WARNINGS", "warnings"),
)
# How to come by the secret, by vendor: {list} lists the endpoint, {secret} sets its secret.
_CLOVER = """\
It is pending, for this vendor issues its secret only after a handshake. Next:
  1. Paste the notification URL at the vendor, and press Send Verification Code there.
  2. Read the code that it sent: {list}
  3. Type the code in at the vendor, which then shows its secret (the Clover Auth Code).
  4. Set it: {secret}"""
_ZETTLE = """\
It is pending, for this vendor issues its secret only after a handshake. Next:
  1. Create a subscription at the vendor with the notification URL as its destination. It sends
     a test message there at once, which is answered (when it came: {list}).
  2. The vendor's answer holds the subscription's signingKey. Set it: {secret}"""
_OTHER = """\
It is pending, for this vendor issues its secret only after a handshake. Next:
  1. Paste the notification URL at the vendor. When it called is to be seen in: {list}
  2. Set the secret that it shows then: {secret}"""
_STEPS = {"clover": _CLOVER, "zettle": _ZETTLE}


def url_field(session: Session, notification_url: str | None) -> dict[str, str]:
    """Say under which address the vendor will call: the one given, or the one we call."""
    if notification_url:
        return {"notification_url": notification_url}
    return {"public_url": session.connection.url}


def show_endpoint(session: Session, answer: Answer, columns: Sequence[Column]) -> None:
    """Print a new endpoint, with its secret if Tillgate made it: else the answer has none."""
    made_here = bool(answer.document.get("secret"))
    noun = "source" if "source_id" in answer.document else "app"
    session.output.show_record(
        answer, (*columns, Column("SECRET", "secret")) if made_here else columns
    )
    if noun == "source" and answer.document.get("app_id"):
        session.output.note("Its events come in at the app's URL: there is nothing to paste.")
    elif answer.document.get("state") == "pending":
        session.output.note_lines(_handshake_steps(answer, noun))
    else:
        session.output.note("Next: paste the notification URL at the vendor.")
    if made_here:
        session.output.note(
            "Set the secret there, too: Tillgate made it, and does not show it again."
            " If the vendor gives you one of its own instead:"
            f" tillgate {noun} secret {answer.document.get(f'{noun}_id')}"
        )


def _handshake_steps(answer: Answer, noun: str) -> str:
    tenant_id = answer.document.get("tenant_id")
    listing = f"tillgate {noun} list {tenant_id}" if tenant_id else f"tillgate {noun} list"
    steps = _STEPS.get(str(answer.document.get("provider")), _OTHER)
    secret = f"tillgate {noun} secret {answer.document.get(f'{noun}_id')}"
    return steps.format(list=listing, secret=secret)


def set_secret(session: Session, path: str, columns: Sequence[Column], *, from_stdin: bool) -> None:
    """Set the secret of the endpoint at this path, and print the endpoint."""
    secret = ask_secret(session.surroundings, from_stdin=from_stdin)
    answer = session.client.put(f"{path}/secret", {"secret": secret})
    session.output.show_record(answer, columns)
    session.output.note(
        "Deliveries signed with the new secret are accepted at once or within 5 s (what is refused"
        " until then is kept in quarantine); the old secret stops working within 30 s."
    )
    until = pick(answer.document, "previous_secret.good_until")
    if until is not None:
        noun = "source" if "source_id" in answer.document else "app"
        session.output.note(
            f"The secret before that is good until {shown(until)}, by a rotation. To end it:"
            f" tillgate {noun} retire-secret {answer.document.get(f'{noun}_id')}"
        )
