"""What is in quarantine by cause, and what has to be mended before a retry can do anything."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ops.cli.exact_json import NumberText
from ops.cli.findings import counted, warning, well
from ops.cli.output import Column, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.cli.client import Answer
    from ops.cli.exact_json import JsonValue
    from ops.cli.findings import Finding
    from ops.cli.session import Session

NONE = "There is nothing like that in quarantine."
NOTHING_TO_RETRY = "There is nothing to try again."
PLAN_COLUMNS = (
    Column("REASON", "reason"),
    Column("PROVIDER", "provider"),
    Column("TENANT", "slug"),
    Column("SOURCE OR APP", "endpoint_id"),
    Column("COUNT", "count"),
    Column("EVENTS", "events"),
    Column("OLDEST", "oldest"),
    Column("NEWEST", "newest"),
)
# A retry takes these only where they are named.
TOKEN_REVOKED = "token-revoked"  # noqa: S105  A reason, not a token.
# Anybody can bring about so many of these a day: they are no warning.
_ANYBODYS = "unknown-endpoint"
# What to mend first, by reason.
_MENDS = {
    "signature-refused": "set the secret that the vendor signs with (tillgate source secret, or"
    " tillgate app secret), or correct the URL there; what was forged stays refused",
    "unknown-endpoint": "the URL names no source or app here: correct it at the vendor; what was"
    " kept of it is a sample",
    "merchant-unknown": "bind the merchant: tillgate source add TENANT PROVIDER --app APP_ID"
    " --merchant-id MERCHANT",
    "merchant-mismatch": "the event names another merchant than the source: nothing can be mended"
    " here but the URL at the vendor",
    "unreadable": "nothing can be mended here: a later version of Tillgate may read it",
    "key-conflict": "nothing: another event has the key; look at it, then discard",
    "conflict-after-queued": "nothing: another event has the key; look at it, then discard",
    "tenant-suspended": "tillgate tenant resume TENANT",
    TOKEN_REVOKED: "look at them: a retry stores what a revoked token brought, and only with"
    f" --reason {TOKEN_REVOKED}",
}


def show_plan(session: Session, plan: Answer) -> None:
    session.output.show_list(plan, "groups", PLAN_COLUMNS, when_empty=NONE)


def show_mends(session: Session, plan: Answer) -> None:
    """Say what has to be mended before each reason's can be stored."""
    for reason in sorted(_by_reason(plan)):
        session.output.note(f"{reason}: {mend(reason)}.")


def mend(reason: str) -> str:
    return _MENDS.get(reason, "look at it first")


def retriable(plan: Answer, params: Mapping[str, str]) -> int:
    """Count what a retry with these filters takes."""
    by_reason = _by_reason(plan)
    if params.get("reason") != TOKEN_REVOKED:
        del by_reason[TOKEN_REVOKED]
    return by_reason.total()


def finding(plan: Answer) -> Finding:
    """Say what doctor has to say of it."""
    by_reason = _by_reason(plan)
    samples = by_reason.pop(_ANYBODYS, 0)
    if by_reason:
        parts = ", ".join(f"{reason} {count}" for reason, count in by_reason.most_common())
        verb = counted(by_reason.total(), "delivery was", "deliveries were")
        return warning(
            "quarantine",
            f"{verb} set aside: {parts}.",
            "tillgate quarantine retry --all --dry-run",
        )
    more = f", but {counted(samples, 'sample')} of unknown endpoints" if samples else ""
    return well("quarantine", f"none{more}")


def number(value: JsonValue) -> int:
    return int(value) if isinstance(value, NumberText) else 0


def _by_reason(plan: Answer) -> Counter[str]:
    found: Counter[str] = Counter()
    for group in plan.records("groups"):
        found[shown(group.get("reason"))] += number(group.get("count"))
    return found
