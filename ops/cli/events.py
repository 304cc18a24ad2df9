"""``tillgate event``: what merchants sent, and what became of it."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated

import typer

from ops.cli import exact_json
from ops.cli.exact_json import JsonValue, records_in
from ops.cli.output import Column, pick
from ops.cli.references import check_id, find_tenant_id
from ops.cli.session import Session, connected
from ops.cli.tenants import TenantArgument

COLUMNS = (
    Column("EVENT ID", "event_id"),
    Column("TYPE", "type"),
    Column("PROVIDER", "provider"),
    Column("KEY", "idempotency_key"),
    Column("RECEIVED", "received_at"),
    Column("DELIVERY", "delivery.state"),
)
DETAIL_COLUMNS = (
    *COLUMNS[:-1],
    Column("SOURCE", "source"),
    Column("STORED", "stored_at"),
    Column("OCCURRED", "occurred_at"),
    Column("ENTITY ID", "entity_id"),
    Column("ENTITY VERSION", "entity_version"),
    COLUMNS[-1],
)
ATTEMPT_COLUMNS = (
    Column("ATTEMPT AT", "at"),
    Column("OUTCOME", "outcome"),
    Column("STATUS", "status"),
    Column("MS", "duration_ms"),
    Column("REASON", "reason"),
)
LARGEST_PAGE = "200"
_AGO = re.compile(r"([0-9]{1,4})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

app = typer.Typer(help="Events that merchants sent.", no_args_is_help=True)


@app.command("list")
@connected
def list_events(
    session: Session,
    tenant: TenantArgument,
    *,
    event_type: Annotated[str | None, typer.Option("--type", help="As order.created.")] = None,
    status: Annotated[
        str | None, typer.Option(help="Of its delivery: pending, delivered, gave_up or none.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="A time (RFC 3339), or 15m, 2h, 7d ago.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="The same.")] = None,
    idempotency_key: Annotated[str | None, typer.Option(help="As its sender gave it.")] = None,
    limit: Annotated[int | None, typer.Option(help="A page's size: 1 to 200.")] = None,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended.")] = None,
    every_page: Annotated[bool, typer.Option("--all", help="All pages, not one.")] = False,
) -> None:
    """List a merchant's events, newest first."""
    now = session.surroundings.now()
    filters = {
        "type": event_type,
        "status": status,
        "since": moment(since, now),
        "until": moment(until, now),
        "idempotency_key": idempotency_key,
        "limit": str(limit) if limit is not None else LARGEST_PAGE if every_page else None,
        "cursor": cursor,
    }
    given = {name: value for name, value in filters.items() if value is not None}
    path = f"/tenants/{find_tenant_id(session.client, tenant)}/events"
    if every_page:
        _show_every_page(session, path, given)
        return
    answer = session.client.get(path, given)
    session.output.show_list(answer, "events", COLUMNS, when_empty="No event fits.")
    if (following := answer.document.get("next_cursor")) and not session.output.is_json:
        session.output.note(f"There are more: repeat with --all, or with --cursor {following}")


@app.command("get")
@connected
def get_event(
    session: Session,
    tenant: TenantArgument,
    event_id: Annotated[str, typer.Argument(metavar="EVENT_ID")],
) -> None:
    """Show an event: its data exactly as it was sent, and every attempt to deliver it."""
    checked = check_id(event_id, argument="EVENT_ID", next_step="tillgate event list TENANT")
    tenant_id = find_tenant_id(session.client, tenant)
    answer = session.client.get(f"/tenants/{tenant_id}/events/{checked}")
    session.output.show_record(answer, DETAIL_COLUMNS)
    if session.output.is_json:
        return
    if attempts := records_in(pick(answer.document, "delivery.attempts")):
        typer.echo()
        session.output.show_table(attempts, ATTEMPT_COLUMNS)
    typer.echo()
    session.output.show_text(exact_json.render(answer.document.get("data"), indent=2))


def _show_every_page(session: Session, path: str, filters: dict[str, str]) -> None:
    """Print all pages: as one table, or, page by page as they come, as one JSON document."""
    if not session.output.is_json:
        events = [event for page in _pages(session, path, filters) for event in page]
        if events:
            session.output.show_table(events, COLUMNS)
        else:
            session.output.note("No event fits.")
        return
    separator = '{"events":['
    for page in _pages(session, path, filters):
        for event in page:
            typer.echo((separator + exact_json.render(event)).encode(), nl=False)
            separator = ",\n"
    opening = separator if separator.startswith("{") else ""
    session.output.show_text(f'{opening}],"next_cursor":null}}')


def _pages(
    session: Session, path: str, filters: dict[str, str]
) -> Iterator[list[dict[str, JsonValue]]]:
    count = 0
    cursor: JsonValue = filters.get("cursor")
    while True:
        asked = filters | {"cursor": cursor} if isinstance(cursor, str) else filters
        answer = session.client.get(path, asked)
        page = answer.records("events")
        yield page
        count += len(page)
        following = answer.document.get("next_cursor")
        if not following or following == cursor:
            return
        cursor = following
        session.output.progress(f"{count} events so far")


def moment(text: str | None, now: datetime) -> str | None:
    """Turn '2h' into the time two hours ago; the server reads and judges all else."""
    if text is None or not (match := _AGO.fullmatch(text)):
        return text
    then = now - timedelta(**{_UNITS[match[2]]: int(match[1])})
    return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")
