"""``tillgate deadletter``: deliveries that were given up."""

from typing import Annotated

import typer

from ops.cli import redrives
from ops.cli.client import Answer
from ops.cli.confirmation import YesOption, confirm
from ops.cli.errors import UsageError
from ops.cli.exact_json import NumberText
from ops.cli.findings import counted
from ops.cli.output import Column
from ops.cli.references import check_id, find_tenant_id
from ops.cli.session import Session, connected

COLUMNS = (
    Column("EVENT ID", "event_id"),
    Column("TENANT ID", "tenant_id"),
    Column("REASON", "reason"),
    Column("SINCE", "since"),
    Column("LAST ATTEMPT", "attempted_at"),
    Column("STATUS", "status"),
)
PLAN_COLUMNS = (
    Column("TENANT", "slug"),
    Column("REASON", "reason"),
    Column("COUNT", "count"),
    Column("OLDEST", "oldest"),
    Column("NEWEST", "newest"),
)
NONE = "There is no such dead letter."

TenantOption = Annotated[
    str | None, typer.Option("--tenant", metavar="TENANT", help="Only this merchant's.")
]
ReasonOption = Annotated[str | None, typer.Option(help="Only these, as the plan writes it.")]

app = typer.Typer(help="Deliveries that were given up.", no_args_is_help=True)


@app.command("list")
@connected
def list_dead_letters(
    session: Session,
    *,
    tenant: TenantOption = None,
    reason: ReasonOption = None,
    limit: Annotated[int | None, typer.Option(help="A page's size: 1 to 200.")] = None,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended.")] = None,
) -> None:
    """List dead letters, the newest events first."""
    params = _filters(session, tenant, reason)
    if limit is not None:
        params["limit"] = str(limit)
    if cursor is not None:
        params["cursor"] = cursor
    answer = session.client.get("/dead-letters", params)
    session.output.show_list(answer, "dead_letters", COLUMNS, when_empty=NONE)
    if (following := answer.document.get("next_cursor")) and not session.output.is_json:
        session.output.note(f"There are more: repeat with --cursor {following}")


@app.command("plan")
@connected
def plan_dead_letters(
    session: Session, *, tenant: TenantOption = None, reason: ReasonOption = None
) -> None:
    """Count dead letters by merchant, reason and age, and move none."""
    plan = session.client.get("/dead-letters/plan", _filters(session, tenant, reason))
    session.output.show_list(plan, "groups", PLAN_COLUMNS, when_empty=NONE)
    if _count(plan):
        session.output.note(
            f"{counted(_count(plan), 'dead letter')}. Next: tillgate deadletter redrive, or"
            " tillgate deadletter discard"
        )


@app.command("redrive")
@connected
def redrive_dead_letters(
    session: Session,
    *,
    tenant: TenantOption = None,
    reason: ReasonOption = None,
    per_second: Annotated[int, typer.Option(help="How many a second: 1 to 1000.")] = 10,
    yes: YesOption = False,
    follow: Annotated[
        str | None, typer.Option(metavar="REDRIVE_ID", help="Watch one that runs.")
    ] = None,
    cancel: Annotated[str | None, typer.Option(metavar="REDRIVE_ID", help="Stop one.")] = None,
) -> None:
    """Show the plan, ask, and send dead letters on again, so many a second."""
    if cancel is not None:
        redrives.cancel(session, cancel)
        return
    if follow is not None:
        redrives.follow(session, redrives.check_redrive_id(follow))
        return
    params = _filters(session, tenant, reason)
    count = _show_plan(session, params)
    if not count:
        session.output.note(NONE)
        return
    question = f"Send {counted(count, 'dead letter')} on again, {per_second} a second?"
    confirm(session.surroundings, question, yes=yes)
    redrives.start(session, {**params, "per_second": per_second})


@app.command("redrives")
@connected
def list_redrives(
    session: Session,
    *,
    state: Annotated[
        str | None, typer.Option(help="Only these: running, done or cancelled.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="How many: 1 to 200.")] = None,
) -> None:
    """List redrives, the last begun first."""
    redrives.show_all(session, state=state, limit=limit)


@app.command("discard")
@connected
def discard_dead_letters(
    session: Session,
    event_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[EVENT_ID]...", help="Or --reason.")
    ] = None,
    *,
    tenant: Annotated[str, typer.Option(metavar="TENANT", help="Whose they are.")],
    reason: ReasonOption = None,
    yes: YesOption = False,
) -> None:
    """Show the plan, ask, and lay dead letters aside; the events stay, and can be replayed."""
    if bool(event_ids) == (reason is not None):
        raise UsageError(
            "Which ones: EVENT_IDs, or a --reason.",
            next_step="tillgate deadletter plan --tenant TENANT",
        )
    ids = sorted(
        {
            check_id(event_id, argument="EVENT_ID", next_step="tillgate deadletter list")
            for event_id in event_ids or ()
        }
    )
    params = _filters(session, tenant, reason)
    left = len(ids) or _show_plan(session, params)
    if not left:
        session.output.note(NONE)
        return
    confirm(session.surroundings, f"Discard {counted(left, 'dead letter')}?", yes=yes)
    body: dict[str, object] = {**params, "event_ids": ids} if ids else {**params}
    discarded = 0
    while left:
        answer = session.client.post("/dead-letters/discard", {**body, "count": left})
        done = _number(answer, "discarded")
        discarded, left = discarded + done, _number(answer, "left") if done else 0
        session.output.progress(f"{discarded} discarded, {left} left")
    session.output.show_values({"discarded": discarded})


def _filters(session: Session, tenant: str | None, reason: str | None) -> dict[str, str]:
    tenant_id = find_tenant_id(session.client, tenant) if tenant is not None else None
    given = {"tenant_id": tenant_id, "reason": reason}
    return {name: value for name, value in given.items() if value is not None}


def _show_plan(session: Session, params: dict[str, str]) -> int:
    """Show what there is to a person, and give how many there are."""
    plan = session.client.get("/dead-letters/plan", params)
    if not session.output.is_json and plan.records("groups"):
        session.output.show_table(plan.records("groups"), PLAN_COLUMNS)
    return _count(plan)


def _count(plan: Answer) -> int:
    return _number(plan, "count")


def _number(answer: Answer, name: str) -> int:
    value = answer.document.get(name)
    return int(value) if isinstance(value, NumberText) else 0
