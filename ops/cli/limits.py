"""``tillgate tenant limit``: how much a merchant may send."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated

import typer

from ops.cli.errors import UsageError
from ops.cli.exact_json import JsonValue
from ops.cli.findings import Finding, counted, warning
from ops.cli.output import shown
from ops.cli.references import find_tenant_id
from ops.cli.session import Session, connected
from ops.cli.tenants import LIMIT_COLUMNS, TenantArgument

_LATELY = timedelta(hours=1)
_NAMED = 5


@connected
def tenant_limit(
    session: Session,
    tenant: TenantArgument,
    *,
    rate: Annotated[
        int | None, typer.Option(metavar="EVENTS", min=1, help="Events a second.")
    ] = None,
    burst: Annotated[
        int | None,
        typer.Option(metavar="EVENTS", min=1, help="So many at once, after a rest."),
    ] = None,
    default: Annotated[bool, typer.Option("--default", help="As the stage has it.")] = False,
) -> None:
    """Say how much a merchant may send. Above it its own calls get 429, its POS's are stored later.

    Without an option: show it.
    """
    if (rate is None) != (burst is None) or (default and rate is not None):
        raise UsageError(
            "A limit is --rate and --burst together; --default goes alone.",
            next_step=f"tillgate tenant limit {tenant} --rate 100 --burst 1000",
        )
    path = f"/tenants/{find_tenant_id(session.client, tenant)}/limit"
    if default:
        answer = session.client.delete(path)
    elif rate is not None:
        answer = session.client.put(path, {"events_per_second": rate, "burst": burst})
    else:
        session.output.show_record(session.client.get(path), LIMIT_COLUMNS)
        return
    session.output.show_record(answer, LIMIT_COLUMNS)
    session.output.note("It takes up to 30 s.")


def findings(tenants: Sequence[dict[str, JsonValue]], *, now: datetime) -> Iterator[Finding]:
    """Name who was over the limit within the last hour; nothing where nobody was."""
    limited = [
        shown(tenant.get("slug"))
        for tenant in tenants
        if isinstance(at := tenant.get("limited_at"), str)
        and now - datetime.fromisoformat(at) < _LATELY
    ]
    if limited:
        named = ", ".join(limited[:_NAMED])
        yield warning(
            "limits",
            f"{counted(len(limited), 'tenant')} over the limit within the last hour: {named}",
            f"tillgate tenant limit {limited[0]}",
        )
