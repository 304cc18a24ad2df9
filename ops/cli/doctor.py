"""``tillgate doctor``: what is wrong, from the outside in, and what to type next."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import typer

from ops.cli import health, keys, limits, quarantine_plan, retention
from ops.cli.connection import GIVE_A_TOKEN
from ops.cli.errors import CliError, ServerRefusedError, UnreachableError
from ops.cli.findings import counted, judge, show, well, wrong
from ops.cli.output import shown
from ops.cli.session import Session, connected

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ops.cli.exact_json import JsonValue
    from ops.cli.findings import Finding

# So many tenants are asked for a source or a token, at most, until one has either.
TENANTS_LOOKED_AT = 20


@connected
def examine(session: Session) -> None:
    """Say what is wrong and what to type next. Exit code 0 only when all is well."""
    raise typer.Exit(show(list(_findings(session)), session.output))


def _findings(session: Session) -> Iterator[Finding]:
    """Look at one thing after another; stop where the next could not be told from the last."""
    try:
        connection = session.connection
    except CliError as error:
        yield wrong("stack", error.message, error.next_step or "tillgate doctor --help")
        return
    yield _stack_finding(session)
    try:
        version = session.client.probe("/livez").document.get("version")
    except CliError as error:
        yield _address_fault(session, error)
        return
    yield well("address", f"answers, version {shown(version)}")
    yield from _startup_findings(session)
    versions = [shown(version)]
    yield from _admin_findings(session, versions)
    yield health.version_finding(versions, is_local=connection.is_local)


def _stack_finding(session: Session) -> Finding:
    connection = session.connection
    if connection.stack is None:
        return well("stack", connection.url)
    path = connection.stack.path
    return judge(
        "stack",
        good=connection.stack.private,
        detail=f"{connection.url}, from {path}",
        fault=f"{path} holds the operator token, and other users may read it",
        next_step=f"chmod 600 {path}",
    )


def _address_fault(session: Session, error: CliError) -> Finding:
    if not session.connection.is_local:
        next_step = "check --url or TILLGATE_URL; if it is right, npx cdk deploy --all"
    else:
        next_step = "make demo"
    code = error.exit_code if isinstance(error, UnreachableError) else 1
    return wrong("address", error.message, next_step, exit_code=code)


def _startup_findings(session: Session) -> Iterator[Finding]:
    try:
        answer = session.client.probe("/startupz")
    except CliError as error:
        yield wrong("startup", error.message, health.redeploy(is_local=session.connection.is_local))
        return
    yield from health.startup_findings(answer, is_local=session.connection.is_local)


def _admin_findings(session: Session, versions: list[str]) -> Iterator[Finding]:
    """Look at what needs the token; adds the version that the admin API names."""
    connection = session.connection
    if connection.token is None:
        yield wrong("token", "There is no operator token.", GIVE_A_TOKEN)
        return
    try:
        status = session.client.get("/status")
    except ServerRefusedError as error:
        yield _token_fault(session, error)
        return
    except CliError as error:
        yield wrong("status", error.message, "tillgate doctor", exit_code=error.exit_code)
        return
    versions.append(shown(status.document.get("version")))
    yield well("token", "accepted")
    yield from health.status_findings(status, is_local=connection.is_local)
    if status.record("database").get("ok") is not True:
        return
    yield from _quarantine_finding(session)
    yield from _keys_finding(session)
    yield from _retention_finding(session)
    try:
        tenants = session.client.get("/tenants").records("tenants")
        yield _senders_finding(session, tenants)
        yield from limits.findings(tenants, now=datetime.now(UTC))
    except CliError as error:
        yield wrong("senders", error.message, "tillgate tenant list", exit_code=error.exit_code)


def _token_fault(session: Session, error: ServerRefusedError) -> Finding:
    if error.refusal.status not in {401, 403}:
        next_step = health.redeploy(is_local=session.connection.is_local)
        return wrong("status", " ".join((error.message, *error.details)), next_step)
    if session.connection.stack is not None:
        return wrong("token", "The stack file's operator token is refused.", "make demo")
    return wrong(
        "token",
        "The operator token is refused: it is not this platform's, was rotated, or is a tenant's.",
        f"{GIVE_A_TOKEN}: the operator's, from the stage's Secrets Manager",
    )


def _quarantine_finding(session: Session) -> Iterator[Finding]:
    """Say what was set aside; a server that does not tell yet is not blamed."""
    try:
        yield quarantine_plan.finding(session.client.get("/quarantine/plan"))
    except ServerRefusedError as error:
        if error.refusal.status != httpx.codes.NOT_FOUND:
            yield wrong("quarantine", error.message, "tillgate quarantine list")
    except CliError as error:
        yield wrong("quarantine", error.message, "tillgate doctor", exit_code=error.exit_code)


def _keys_finding(session: Session) -> Iterator[Finding]:
    """Say how old the platform's own secrets are; a server that does not tell is not blamed."""
    try:
        yield keys.finding(session.client.get("/keys"))
    except ServerRefusedError as error:
        if error.refusal.status != httpx.codes.NOT_FOUND:
            yield wrong("key ages", error.message, "tillgate key list")
    except CliError as error:
        yield wrong("key ages", error.message, "tillgate doctor", exit_code=error.exit_code)


def _retention_finding(session: Session) -> Iterator[Finding]:
    """Say what is about to go undelivered; a server that does not tell yet is not blamed."""
    try:
        yield retention.finding(session.client.get("/retention"))
    except ServerRefusedError as error:
        if error.refusal.status != httpx.codes.NOT_FOUND:
            yield wrong("retention", error.message, "tillgate deadletter plan")
    except CliError as error:
        yield wrong("retention", error.message, "tillgate doctor", exit_code=error.exit_code)


def _senders_finding(session: Session, tenants: Sequence[dict[str, JsonValue]]) -> Finding:
    """Tell whether anybody can send: some tenant with a source or a token that lives."""
    if not tenants:
        return wrong("senders", "There is no tenant.", "tillgate tenant create SLUG --name NAME")
    active = [tenant for tenant in tenants if tenant.get("state") == "active"]
    if not active:
        return wrong(
            "senders",
            f"All tenants ({len(tenants)}) are suspended.",
            f"tillgate tenant resume {shown(tenants[0].get('slug'))}",
        )
    if any(_can_send(session, shown(tenant["tenant_id"])) for tenant in active[:TENANTS_LOOKED_AT]):
        return well("senders", f"{len(active)} of {counted(len(tenants), 'tenant')} active")
    return wrong(
        "senders",
        f"None of {min(len(active), TENANTS_LOOKED_AT)} active tenants has a source or a token.",
        f"tillgate source add {shown(active[0].get('slug'))} PROVIDER",
    )


def _can_send(session: Session, tenant_id: str) -> bool:
    if session.client.get(f"/tenants/{tenant_id}/sources").records("sources"):
        return True
    tokens = session.client.get(f"/tenants/{tenant_id}/tokens").records("tokens")
    return any(token.get("revoked_at") is None for token in tokens)
