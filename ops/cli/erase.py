"""``tillgate tenant erase``: everything of a merchant's removed, for good."""

from typing import Annotated

import typer

from ops.cli.client import Answer
from ops.cli.confirmation import confirm_by_name
from ops.cli.errors import CliError, NoSuchThingError
from ops.cli.exact_json import NumberText
from ops.cli.output import Column
from ops.cli.references import LIST_TENANTS, find_tenant_id
from ops.cli.session import Session, connected
from ops.cli.tenants import TenantArgument

COUNTS = (
    "events", "deliveries", "attempts", "quarantine", "sources", "tokens", "destinations",
    "credentials",
)  # fmt: skip
COLUMNS = (
    Column("TENANT ID", "tenant_id"),
    Column("ASKED", "asked_at"),
    Column("DONE", "done_at"),
    *(Column(name.upper(), f"removed.{name}") for name in COUNTS),
)
# Sweep comes each minute, and a tenant is not done before everybody has forgotten it.
POLL_SECONDS = 5.0
WAIT_SECONDS = 300.0
_INTERRUPTED = 130


@connected
def erase_tenant(
    session: Session,
    tenant: TenantArgument,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count what there is; change nothing.")
    ] = False,
    sure: Annotated[
        str | None,
        typer.Option("--confirm", metavar="SLUG", help="Its slug, where nobody can be asked."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Watch it, for five minutes at most.")
    ] = True,
) -> None:
    """Remove everything of a suspended merchant's, for good; again: show how far that is.

    Events, deliveries, attempts, quarantine, sources, tokens, destination, credentials and its
    name go. Keys stay until they expire, usage figures stay: runbooks/erase.md.
    """
    tenant_id = find_tenant_id(session.client, tenant)
    known = _tenant(session, tenant_id)
    path = f"/tenants/{tenant_id}/erasure"
    if known["state"] == "erased":
        _watch(session, path, session.client.get(path), wait=wait and not dry_run)
        return
    counts = _planned(session, path)
    if dry_run:
        session.output.show_values(counts)
        session.output.note(
            "Nothing was changed. What waits on queues cannot be counted by merchant."
        )
        return
    if known["state"] != "suspended":
        raise CliError(
            f"{known['slug']} is active: only a suspended merchant is erased. Nothing was done.",
            next_step=f"tillgate tenant suspend {known['slug']}",
        )
    if not session.output.is_json:
        session.output.show_values(counts)
    confirm_by_name(session.surroundings, known["slug"], given=sure)
    asked = session.client.post(path, {"slug": known["slug"]})
    session.output.note(
        f"Begun; it goes on by itself. Look again: tillgate tenant erase {tenant_id}"
    )
    _watch(session, path, asked, wait=wait)


def _tenant(session: Session, tenant_id: str) -> dict[str, str]:
    for tenant in session.client.get("/tenants").records("tenants"):
        if tenant.get("tenant_id") == tenant_id:
            return {name: str(tenant.get(name)) for name in ("slug", "state")}
    raise NoSuchThingError("There is no such tenant.", next_step=LIST_TENANTS)


def _planned(session: Session, path: str) -> dict[str, int]:
    """Add up what the calls count, each as much as it has time for."""
    counts: dict[str, int] = dict.fromkeys(COUNTS, 0)
    params: dict[str, str] = {}
    while True:
        page = session.client.get(f"{path}/plan", params).document
        for name in COUNTS:
            count = page.get(name)
            counts[name] += int(count) if isinstance(count, NumberText) else 0
        following = page.get("next_cursor")
        if not isinstance(following, str) or following == params.get("cursor"):
            return counts
        params = {"cursor": following}
        session.output.progress(f"{counts['events']} events so far")


def _watch(session: Session, path: str, seen: Answer, *, wait: bool) -> None:
    """Look until it is done; ctrl-C ends the looking, and nothing else."""
    waited = 0.0
    try:
        while wait and seen.document.get("done_at") is None and waited < WAIT_SECONDS:
            session.surroundings.pause(POLL_SECONDS)
            waited += POLL_SECONDS
            seen = session.client.get(path)
            session.output.progress(f"{waited:.0f} s")
    except KeyboardInterrupt:
        session.output.note("It goes on by itself.")
        raise typer.Exit(_INTERRUPTED) from None
    session.output.show_record(seen, COLUMNS)
    if seen.document.get("done_at") is None:
        session.output.note("It is not done yet, and goes on by itself.")
