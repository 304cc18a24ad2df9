"""``tillgate event replay``: deliver one event again, or many."""

from typing import Annotated

import typer

from ops.cli.errors import CliError, UsageError
from ops.cli.events import moment
from ops.cli.exact_json import NumberText
from ops.cli.output import Column
from ops.cli.references import check_id, find_tenant_id
from ops.cli.session import Session, connected

ONE_COLUMNS = (Column("EVENT ID", "event_id"),)


@connected
def replay_events(
    session: Session,
    event_id: Annotated[
        str | None, typer.Argument(metavar="[EVENT_ID]", help="One event; else --since.")
    ] = None,
    *,
    tenant: Annotated[str, typer.Option(metavar="TENANT", help="Whose events.")],
    since: Annotated[
        str | None, typer.Option(help="A time (RFC 3339), or 15m, 2h, 7d ago.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="The same.")] = None,
    event_type: Annotated[str | None, typer.Option("--type", help="As order.created.")] = None,
    status: Annotated[
        str | None, typer.Option(help="Of its delivery: delivered, gave_up or none.")
    ] = None,
    cursor: Annotated[str | None, typer.Option(help="Where an earlier run broke off.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
) -> None:
    """Deliver one event again, or all that fit; those that wait already are left alone."""
    now = session.surroundings.now()
    filters = {
        "since": moment(since, now),
        "until": moment(until, now),
        "type": event_type,
        "status": status,
        "cursor": cursor,
    }
    given = {name: value for name, value in filters.items() if value is not None}
    if (event_id is None) == (since is None) or (event_id is not None and (given or dry_run)):
        raise UsageError(
            "Which events: an EVENT_ID, or --since with further filters.",
            next_step="tillgate event replay --tenant TENANT --since 2h --dry-run",
        )
    if event_id is not None:
        _replay_one(session, tenant, event_id)
        return
    path = f"/tenants/{find_tenant_id(session.client, tenant)}/replay"
    _replay_many(session, path, {**given, "dry_run": dry_run})


def _replay_one(session: Session, tenant: str, event_id: str) -> None:
    checked = check_id(event_id, argument="EVENT_ID", next_step="tillgate event list TENANT")
    tenant_id = find_tenant_id(session.client, tenant)
    answer = session.client.post(f"/tenants/{tenant_id}/events/{checked}/replay")
    session.output.show_record(answer, ONE_COLUMNS)
    session.output.note(f"It waits for delivery. Next: tillgate event get {tenant} {checked}")


def _replay_many(session: Session, path: str, body: dict[str, object]) -> None:
    """Go from step to step to the end; say where to go on if it ends before."""
    total = 0
    try:
        while True:
            answer = session.client.post(path, body)
            count = answer.document.get("count")
            total += int(count) if isinstance(count, NumberText) else 0
            following = answer.document.get("next_cursor")
            if not following or following == body.get("cursor"):
                break
            body["cursor"] = following
            session.output.progress(f"{total} events so far")
    except (CliError, KeyboardInterrupt):
        session.output.note(f"{total} events until it broke off.")
        if "cursor" in body:
            session.output.note(f"Go on with the same filters and --cursor {body['cursor']}")
        raise
    session.output.show_values({"count": total, "dry_run": bool(body["dry_run"])})
