"""``tillgate source credential``: a merchant's token for its vendor's API."""

from typing import Annotated

import typer

from ops.cli.confirmation import YesOption, confirm
from ops.cli.errors import UsageError
from ops.cli.output import Column
from ops.cli.references import check_id
from ops.cli.session import Session, connected
from ops.cli.vendor_secret import ask_secret

CREDENTIAL_COLUMNS = (
    Column("VENDOR API", "credential.api_url"),
    Column("CREDENTIAL SET", "credential.set_at"),
)
COLUMNS = (
    Column("SOURCE ID", "source_id"),
    Column("PROVIDER", "provider"),
    Column("NAME", "name"),
    Column("MERCHANT ID", "merchant_id"),
    *CREDENTIAL_COLUMNS,
)


@connected
def set_credential(
    session: Session,
    source_id: Annotated[str, typer.Argument(metavar="SOURCE_ID", help="The source's id.")],
    *,
    api_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Clover: https://api.clover.com (if nothing was set before),"
            " https://api.eu.clover.com, https://api.la.clover.com, and for test merchants"
            " https://apisandbox.dev.clover.com.",
        ),
    ] = None,
    secret_stdin: Annotated[
        bool, typer.Option("--secret-stdin", help="Read the token from stdin.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Forget the token, and fetch nothing more.")
    ] = False,
    yes: YesOption = False,
) -> None:
    """Fetch what a vendor's events only name (Clover's), with the merchant's own API token.

    First run ops/supabase/schema.sql at the destination again: it has columns for what is fetched.
    """
    checked = check_id(source_id, argument="SOURCE_ID", next_step="tillgate source list TENANT")
    path = f"/sources/{checked}/credential"
    if remove:
        if api_url or secret_stdin:
            raise UsageError(
                "--remove goes with neither --api-url nor --secret-stdin.",
                next_step=f"tillgate source credential {checked} --remove",
            )
        confirm(session.surroundings, f"Fetch nothing more for the source {checked}?", yes=yes)
        session.output.show_record(session.client.delete(path), COLUMNS)
        return
    token = ask_secret(
        session.surroundings,
        from_stdin=secret_stdin,
        question="API token of the merchant at the vendor (hidden)",
    )
    body = {"token": token} | ({"api_url": api_url} if api_url else {})
    session.output.show_record(session.client.put(path, body), COLUMNS)
    session.output.note(
        "If the destination's table is older than its column enrichment: run"
        " ops/supabase/schema.sql there again, or what is fetched is not taken"
        " (http-400-PGRST204). Then: tillgate deadletter redrive --reason http-400-PGRST204"
    )
