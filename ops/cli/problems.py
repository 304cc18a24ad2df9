"""A server's no (RFC 9457 problem+json, or whatever else answered) as a ServerRefusedError."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.cli import exact_json
from ops.cli.connection import URL_VARIABLE
from ops.cli.errors import Refusal, ServerRefusedError
from ops.cli.exact_json import printable

if TYPE_CHECKING:
    import httpx

    from ops.cli.exact_json import JsonValue

DOCTOR = "tillgate doctor"
# What to type after a refusal, by the problem's type.
_NEXT_STEPS = {
    "unauthenticated": DOCTOR,
    "not-found": "check the id: `list` of the same noun shows those that exist",
    "slug-taken": "tillgate tenant list (the slugs in use)",
    "merchant-taken": "tillgate source list TENANT (the merchant's source may be another tenant's)",
    "no-destination": "tillgate destination set TENANT URL",
    "rotation-conflict": "list the endpoint or token; of two secrets: retire-secret, or"
    " --replace-previous",
    "dead-letters-changed": "tillgate deadletter plan, then repeat the command",
    "quarantine-changed": "tillgate quarantine list, then repeat the command",
    "unavailable": f"{DOCTOR}, then repeat the command",
    "internal": f"look for the rid in the logs; {DOCTOR} tells whether the platform is well",
}


def refused(response: httpx.Response, text: str) -> ServerRefusedError:
    """Say all that the server said: title, detail, every fault, and the rid."""
    status = response.status_code
    try:
        problem = exact_json.parse(text)
    except exact_json.UnreadableJsonError:
        problem = None
    if response.has_redirect_location or not isinstance(problem, dict):
        return unreadable(response)
    kind = _text(problem, "type").rpartition("/")[2]
    title = _text(problem, "title") or _text(problem, "message") or response.reason_phrase
    rid = _text(problem, "rid") or printable(response.headers.get("X-Request-Id", ""))
    faults = _faults(problem)
    details = [f"{pointer or '(whole)'}: {fault}" for pointer, fault in faults]
    detail = _text(problem, "detail")
    # Some details only string the faults together again.
    is_news = detail.rstrip(".") != title.rstrip(".") and not (
        faults and all(fault in detail for _, fault in faults)
    )
    if detail and is_news:
        details.insert(0, detail)
    if rid:
        details.append(f"rid: {rid} (the server's logs know it)")
    return ServerRefusedError(
        f"{title} ({status}{f' {kind}' if kind else ''}).",
        refusal=Refusal(status=status, kind=kind),
        details=tuple(details),
        next_step=_NEXT_STEPS.get(kind),
    )


def unreadable(response: httpx.Response) -> ServerRefusedError:
    """Say that something answered which does not speak as Tillgate does."""
    said = printable(response.headers.get("Content-Type", "")) or "no content type"
    if response.has_redirect_location:
        said = f"a redirect to {printable(response.headers['Location'])}"
    return ServerRefusedError(
        f"{response.request.url.copy_with(query=None)} answered {response.status_code}"
        f" with {said}, not with Tillgate's JSON.",
        refusal=Refusal(status=response.status_code, kind=""),
        next_step=f"check --url or {URL_VARIABLE}, then {DOCTOR}",
    )


def _faults(problem: dict[str, JsonValue]) -> list[tuple[str, str]]:
    """Give each fault's JSON pointer and detail."""
    return [
        (_text(fault, "pointer"), _text(fault, "detail"))
        for fault in exact_json.records_in(problem.get("errors"))
    ]


def _text(document: dict[str, JsonValue], name: str) -> str:
    value = document.get(name)
    return printable(value) if isinstance(value, str) else ""
