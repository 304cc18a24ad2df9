"""``tillgate event discard``: a synthetic event that was left behind."""

from typing import Annotated

import typer

from ops.cli.errors import ServerRefusedError
from ops.cli.onboarding_trial import how_to_delete
from ops.cli.references import check_id, find_tenant_id
from ops.cli.session import Session, connected
from ops.cli.tenants import TenantArgument
from ops.synthetic import take_away


@connected
def discard_event(
    session: Session,
    tenant: TenantArgument,
    event_id: Annotated[str, typer.Argument(metavar="EVENT_ID")],
) -> None:
    """Take a synthetic event away, here and at its destination. No other event can be."""
    checked = check_id(event_id, argument="EVENT_ID", next_step="tillgate event list TENANT")
    tenant_id = find_tenant_id(session.client, tenant)
    try:
        stays = take_away(
            session.client, session.surroundings, tenant_id=tenant_id, event_id=checked
        )
    except ServerRefusedError as error:
        if error.refusal.kind == "delivery-under-way":
            error.next_step = "repeat the command in a minute"
        raise
    session.output.show_values({"discarded": True, "copy_stays": stays is not None})
    if stays is not None:
        session.output.note(f"Its copy at the destination stays: {stays}.")
        session.output.note_lines(how_to_delete(checked))
        raise typer.Exit(1)
