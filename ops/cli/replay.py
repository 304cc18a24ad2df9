"""``tillgate event replay``: deliver one event again, or many."""

from collections.abc import Mapping
from typing import Annotated

import typer

from ops.cli.client import Answer
from ops.cli.errors import CliError, UsageError
from ops.cli.events import moment
from ops.cli.exact_json import NumberText
from ops.cli.findings import counted
from ops.cli.output import Column
from ops.cli.redrives import INTERRUPTED
from ops.cli.references import check_id, find_tenant_id
from ops.cli.session import Session, connected

# What is replayed is due at once, and what merchants send now waits behind it.
PER_SECOND = 200
# The most that the server takes in one step.
MAX_PER_SECOND = 1_000
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
    per_second: Annotated[
        int,
        typer.Option(min=1, max=MAX_PER_SECOND, help="How many a second, at most."),
    ] = PER_SECOND,
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
    body: dict[str, object] = {**given, "dry_run": dry_run}
    if dry_run:
        _replay_many(session, path, body, per_second=None)
    else:
        _replay_many(session, path, {**body, "limit": per_second}, per_second=per_second)


def _replay_one(session: Session, tenant: str, event_id: str) -> None:
    checked = check_id(event_id, argument="EVENT_ID", next_step="tillgate event list TENANT")
    tenant_id = find_tenant_id(session.client, tenant)
    answer = session.client.post(f"/tenants/{tenant_id}/events/{checked}/replay")
    session.output.show_record(answer, ONE_COLUMNS)
    session.output.note(f"It waits for delivery. Next: tillgate event get {tenant} {checked}")


def _replay_many(
    session: Session, path: str, body: dict[str, object], *, per_second: int | None
) -> None:
    """Go from step to step to the end, no faster than that; say where to go on if it ends before.

    ctrl-C ends it between two steps, or in one, which may be repeated.
    """
    total = 0
    try:
        while True:
            answer = session.client.post(path, body)
            count = _count(answer)
            total += count
            following = answer.document.get("next_cursor")
            if not following or following == body.get("cursor"):
                break
            body["cursor"] = following
            session.output.progress(f"{counted(total, 'event')} so far")
            if per_second is not None and count:
                session.surroundings.pause(count / per_second)
    except (CliError, KeyboardInterrupt) as error:
        session.output.note(f"{counted(total, 'event')} until it broke off. {_how_to_go_on(body)}")
        if isinstance(error, KeyboardInterrupt):
            raise typer.Exit(INTERRUPTED) from None
        raise
    session.output.show_values({"count": total, "dry_run": bool(body["dry_run"])})


def _how_to_go_on(body: Mapping[str, object]) -> str:
    """Name the times as they were read: 2h ago is another time by then."""
    if "cursor" not in body:
        return "Begin again: what waits already is left alone."
    until = f" --until {body['until']}" if "until" in body else ""
    return (
        f"Go on with the same filters, but --since {body['since']}{until} --cursor {body['cursor']}"
    )


def _count(answer: Answer) -> int:
    count = answer.document.get("count")
    return int(count) if isinstance(count, NumberText) else 0
