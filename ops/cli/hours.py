"""``tillgate tenant hours``, ``source quiet-after`` and ``source quiet``: who falls silent."""

from typing import Annotated

import typer

from ops.cli.confirmation import YesOption, confirm
from ops.cli.errors import UsageError
from ops.cli.output import Column
from ops.cli.references import check_id, find_tenant_id
from ops.cli.session import Session, connected
from ops.cli.tenants import TenantArgument

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
COLUMNS = (
    Column("TENANT ID", "tenant_id"),
    Column("TIME ZONE", "time_zone"),
    Column("QUIET AFTER", "quiet_after_minutes"),
    *(Column(day.upper(), f"opening_hours.{day}") for day in WEEKDAYS),
)
SOURCE_COLUMNS = (
    Column("SOURCE ID", "source_id"),
    Column("PROVIDER", "provider"),
    Column("NAME", "name"),
    Column("QUIET AFTER", "quiet_after_minutes"),
)
QUIET_COLUMNS = (
    Column("TENANT", "slug"),
    Column("QUIET SINCE", "quiet_since"),
    Column("LAST EVENT", "last_event_at"),
    Column("PROVIDER", "provider"),
    Column("NAME", "name"),
    Column("SOURCE ID", "source_id"),
)
_EXAMPLE = (
    'tillgate tenant hours TENANT --zone Europe/Berlin --open "mon-fri 09:00-18:00"'
    ' --open "sat 18:00-02:00" --quiet-after 60'
)
_NEVER, _TENANTS = "never", "tenant"


@connected
def tenant_hours(
    session: Session,
    tenant: TenantArgument,
    *,
    zone: Annotated[
        str | None, typer.Option(help="Where the clock hangs, such as Europe/Berlin.")
    ] = None,
    opening: Annotated[
        list[str] | None,
        typer.Option(
            "--open",
            metavar="DAYS FROM-TO",
            help='Such as "mon-fri 09:00-18:00", "sat 18:00-02:00" over midnight, or'
            ' "daily 00:00-24:00". More than once for more.',
        ),
    ] = None,
    quiet_after: Annotated[
        int | None,
        typer.Option(metavar="MINUTES", help="Of open time without an event."),
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Listen for the merchant's sources no more.")
    ] = False,
    yes: YesOption = False,
) -> None:
    """Say when a merchant is open, so that a source from which nothing comes is noticed.

    Without an option: show it.
    """
    given = [option is not None for option in (zone, opening or None, quiet_after)]
    if (remove and any(given)) or (any(given) and not all(given)):
        raise UsageError(
            "Hours are --zone, --open and --quiet-after together; --remove goes alone.",
            next_step=_EXAMPLE,
        )
    hours = opening_hours(opening or [])
    tenant_id = find_tenant_id(session.client, tenant)
    path = f"/tenants/{tenant_id}/hours"
    if remove:
        confirm(session.surroundings, f"Listen for {tenant}'s sources no more?", yes=yes)
        session.output.show_record(session.client.delete(path), COLUMNS)
    elif zone is None or quiet_after is None:
        session.output.show_record(session.client.get(path), COLUMNS)
    else:
        body = {"time_zone": zone, "opening_hours": hours, "quiet_after_minutes": quiet_after}
        session.output.show_record(session.client.put(path, body), COLUMNS)
        session.output.note("From now on. Who is quiet: tillgate source quiet")


@connected
def quiet_after(
    session: Session,
    source_id: Annotated[str, typer.Argument(metavar="SOURCE_ID", help="The source's id.")],
    patience: Annotated[
        str,
        typer.Argument(metavar="MINUTES", help="Of open time; or never, or tenant: as it has it."),
    ],
) -> None:
    """Give one source a patience of its own, such as one that sells little."""
    checked = check_id(source_id, argument="SOURCE_ID", next_step="tillgate source list TENANT")
    path = f"/sources/{checked}/quiet-after"
    if patience == _TENANTS:
        answer = session.client.delete(path)
    elif patience == _NEVER or (patience.isascii() and patience.isdigit()):
        minutes = 0 if patience == _NEVER else int(patience)
        answer = session.client.put(path, {"minutes": minutes})
    else:
        raise UsageError(
            "MINUTES is a whole number, never, or tenant.",
            next_step=f"tillgate source quiet-after {checked} 240",
        )
    session.output.show_record(answer, SOURCE_COLUMNS)


@connected
def list_quiet(session: Session) -> None:
    """List the sources from which nothing comes though their merchants are open."""
    session.output.show_list(
        session.client.get("/quiet-sources"),
        "sources",
        QUIET_COLUMNS,
        when_empty="No source is quiet, of those whose merchants have hours"
        " (tillgate tenant hours).",
    )


def opening_hours(written: list[str]) -> dict[str, list[str]]:
    """Read ``mon-fri 09:00-18:00`` and its like; the server checks the times."""
    hours: dict[str, list[str]] = {}
    for text in written:
        days, _, spell = text.strip().partition(" ")
        for day in _days(days):
            hours.setdefault(day, []).append(spell.strip())
    return hours


def _days(text: str) -> list[str]:
    """Give the days of ``mon``, ``mon-fri``, ``fri-mon``, ``mon,wed`` or ``daily``."""
    if text == "daily":
        return list(WEEKDAYS)
    found = []
    for part in text.lower().split(","):
        first, _, last = part.partition("-")
        if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
            raise UsageError(
                f"--open begins with days: {', '.join(WEEKDAYS)}, mon-fri or daily.",
                next_step=_EXAMPLE,
            )
        begin = WEEKDAYS.index(first)
        number = (WEEKDAYS.index(last or first) - begin) % 7 + 1
        found += [WEEKDAYS[(begin + n) % 7] for n in range(number)]
    return found
