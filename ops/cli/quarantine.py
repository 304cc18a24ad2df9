"""``tillgate quarantine``: what could not be accepted as it stood."""

from typing import Annotated

import typer

from ops.cli import quarantine_retry
from ops.cli.confirmation import YesOption, confirm
from ops.cli.errors import UsageError
from ops.cli.events import moment
from ops.cli.exact_json import printable
from ops.cli.findings import counted
from ops.cli.output import Column, pick
from ops.cli.quarantine_plan import (
    NONE,
    NOTHING_TO_RETRY,
    number,
    retriable,
    show_mends,
    show_plan,
)
from ops.cli.references import check_id, find_tenant_id
from ops.cli.session import Session, connected

COLUMNS = (
    Column("QUARANTINE ID", "quarantine_id"),
    Column("REASON", "reason"),
    Column("PROVIDER", "provider"),
    Column("TENANT ID", "tenant_id"),
    Column("SOURCE OR APP", "endpoint_id"),
    Column("EVENTS", "events"),
    Column("RECEIVED", "received_at"),
)
DETAIL_COLUMNS = (
    *COLUMNS,
    Column("EXPIRES", "expires_at"),
    Column("SEALED BYTES", "sealed_bytes"),
    Column("RID", "rid"),
)
CONTENT_COLUMNS = (
    Column("CALLED AS", "content.called"),
    Column("HEADERS", "content.headers"),
    Column("KEPT WHOLE", "content.was_kept_whole"),
    Column("BODY BYTES", "content.body_bytes"),
    Column("BODY IS CUT", "content.is_cut"),
    Column("BODY AS", "content.encoding"),
)
# The most that the server discards by ids in one call.
MAX_IDS = 1_000

IdsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[QUARANTINE_ID]...", help="Or filters.")
]
TenantOption = Annotated[
    str | None, typer.Option("--tenant", metavar="TENANT", help="Only this merchant's.")
]
EndpointOption = Annotated[
    str | None,
    typer.Option("--endpoint", metavar="ID", help="Only what came to this source or app."),
]
ProviderOption = Annotated[
    str | None, typer.Option(help="Only this vendor's; api for our own API, unknown for none.")
]
ReasonOption = Annotated[str | None, typer.Option(help="Only these, as the list writes it.")]
SinceOption = Annotated[
    str | None, typer.Option(help="Received since a time (RFC 3339), or 15m, 2h, 7d ago.")
]
UntilOption = Annotated[str | None, typer.Option(help="The same.")]

app = typer.Typer(help="What could not be accepted as it stood.", no_args_is_help=True)


@app.command("list")
@connected
def list_quarantine(
    session: Session,
    *,
    tenant: TenantOption = None,
    endpoint: EndpointOption = None,
    provider: ProviderOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[int | None, typer.Option(help="A page's size: 1 to 200.")] = None,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended.")] = None,
) -> None:
    """List what was set aside, the last received first, unopened."""
    params = _filters(session, tenant, endpoint, provider, reason, since, until)
    if limit is not None:
        params["limit"] = str(limit)
    if cursor is not None:
        params["cursor"] = cursor
    answer = session.client.get("/quarantine", params)
    session.output.show_list(answer, "deliveries", COLUMNS, when_empty=NONE)
    if (following := answer.document.get("next_cursor")) and not session.output.is_json:
        session.output.note(f"There are more: repeat with --cursor {following}")


@app.command("show")
@connected
def show_quarantine(
    session: Session,
    quarantine_id: Annotated[str, typer.Argument(metavar="QUARANTINE_ID")],
    *,
    content: Annotated[
        bool,
        typer.Option("--content", help="Open it: customers' data may be in it. It is audited."),
    ] = False,
) -> None:
    """Show one delivery; what is in it only with --content, and without its signature."""
    params = {"content": "true"} if content else None
    answer = session.client.get(f"/quarantine/{_checked(quarantine_id)}", params)
    session.output.show_record(answer, (*DETAIL_COLUMNS, *(CONTENT_COLUMNS if content else ())))
    if content and not session.output.is_json:
        # Whoever sent it chose what stands in it: a terminal must not obey it.
        body = pick(answer.document, "content.body")
        lines = body.splitlines() if isinstance(body, str) else []
        session.output.show_text("\n".join(["", *map(printable, lines)]))


@app.command("retry")
@connected
def retry(  # noqa: PLR0913  One for each option.
    session: Session,
    ids: IdsArgument = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All there is.")] = False,
    tenant: TenantOption = None,
    endpoint: EndpointOption = None,
    provider: ProviderOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    per_second: Annotated[
        int,
        typer.Option(min=1, max=quarantine_retry.MAX_STEP, help="How many a second, at most."),
    ] = quarantine_retry.PER_SECOND,
    cursor: Annotated[str | None, typer.Option(help="Where an earlier run broke off.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what there is, and what to mend first.")
    ] = False,
    yes: YesOption = False,
) -> None:
    """Try again what was set aside, once what was wrong is mended; each is stored once."""
    chosen = _filters(session, tenant, endpoint, provider, reason, since, until)
    if (bool(ids) + bool(chosen) + everything != 1) or (ids and (dry_run or cursor is not None)):
        raise UsageError(
            "Which ones: QUARANTINE_IDs, filters, or --all.",
            next_step="tillgate quarantine retry --all --dry-run",
        )
    if ids:
        quarantine_retry.retry_ids(session, [_checked(one) for one in ids], per_second=per_second)
        return
    plan = session.client.get("/quarantine/plan", chosen)
    if dry_run:
        show_plan(session, plan)
        show_mends(session, plan)
        return
    count = retriable(plan, chosen)
    if not session.output.is_json:
        show_plan(session, plan)
    if not count:
        session.output.note(NOTHING_TO_RETRY)
        return
    confirm(session.surroundings, f"Try {_counted(count)} again?", yes=yes)
    body: dict[str, object] = {**chosen, **({"cursor": cursor} if cursor is not None else {})}
    quarantine_retry.retry_matching(session, body, per_second=per_second)


@app.command("discard")
@connected
def discard(
    session: Session,
    ids: IdsArgument = None,
    *,
    tenant: TenantOption = None,
    endpoint: EndpointOption = None,
    provider: ProviderOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    yes: YesOption = False,
) -> None:
    """Show what there is, ask, and remove it for good, by ids or by a reason."""
    chosen = _filters(session, tenant, endpoint, provider, reason, since, until)
    if bool(ids) == (reason is not None) or (ids and chosen) or len(ids or ()) > MAX_IDS:
        raise UsageError(
            f"Which ones: QUARANTINE_IDs, {MAX_IDS} at most, or a --reason with further filters.",
            next_step="tillgate quarantine list",
        )
    checked = sorted({_checked(one) for one in ids or ()})
    left = len(checked)
    if not checked:
        plan = session.client.get("/quarantine/plan", chosen)
        if not session.output.is_json:
            show_plan(session, plan)
        left = number(plan.document.get("count"))
        if not left:
            return
    confirm(session.surroundings, f"Remove {_counted(left)} for good?", yes=yes)
    body: dict[str, object] = {"ids": checked} if checked else {**chosen}
    discarded = 0
    while left:
        answer = session.client.post("/quarantine/discard", {**body, "count": left})
        done = number(answer.document.get("discarded"))
        discarded, left = discarded + done, number(answer.document.get("left")) if done else 0
        session.output.progress(f"{discarded} discarded, {left} left")
    session.output.show_values({"discarded": discarded})


def _filters(
    session: Session,
    tenant: str | None,
    endpoint: str | None,
    provider: str | None,
    reason: str | None,
    since: str | None,
    until: str | None,
) -> dict[str, str]:
    now = session.surroundings.now()
    next_step = "tillgate source list TENANT, or tillgate app list"
    given = {
        "tenant_id": find_tenant_id(session.client, tenant) if tenant is not None else None,
        "endpoint_id": check_id(endpoint, argument="--endpoint", next_step=next_step)
        if endpoint is not None
        else None,
        "provider": provider,
        "reason": reason,
        "since": moment(since, now),
        "until": moment(until, now),
    }
    return {name: value for name, value in given.items() if value is not None}


def _checked(quarantine_id: str) -> str:
    return check_id(quarantine_id, argument="QUARANTINE_ID", next_step="tillgate quarantine list")


def _counted(count: int) -> str:
    return counted(count, "delivery", "deliveries")
