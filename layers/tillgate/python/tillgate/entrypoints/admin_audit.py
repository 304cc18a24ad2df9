"""``/admin/api/audit`` in HTTP's words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tillgate.domain.audit import Action, AuditFilter, entry_before
from tillgate.domain.event_query import (
    DEFAULT_LIMIT,
    RefusedError,
    read_limit,
    read_moment,
    read_query,
)
from tillgate.entrypoints.admin_answers import answer, records
from tillgate.entrypoints.quarantine_bodies import read_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.entrypoints.http import LambdaResponse
    from tillgate.entrypoints.routes import Call
    from tillgate.services.audit import AuditTrail

ACTOR_PATTERN = r"^[A-Za-z0-9._@+:-]{1,128}$"


class AdminAudit:
    """Shows who did what. Nothing changes an entry."""

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail

    def routes(self) -> dict[str, Callable[[Call], LambdaResponse]]:
        return {"GET /admin/api/audit": self._list}

    def _list(self, call: Call) -> LambdaResponse:
        query = read_query(
            call.query_string, {**_FILTERS, "limit": read_limit, "cursor": _read_cursor}
        )
        page = self._trail.page(
            AuditFilter(**{name: query.get(name) for name in _FILTERS}),
            limit=query.get("limit", DEFAULT_LIMIT),
            before=query.get("cursor"),
        )
        content = {"entries": records(page.entries), "next_cursor": page.next_cursor}
        return answer(call, 200, content)


def _read_action(value: str) -> Action:
    try:
        return Action(value)
    except ValueError:
        raise RefusedError(f"must be one of {', '.join(Action)}") from None


def _read_actor(value: str) -> str:
    if re.fullmatch(ACTOR_PATTERN, value):
        return value
    raise RefusedError("must be a token's id or hint, or a claimed name, as entries have it")


def _read_cursor(value: str) -> str:
    entry_id = entry_before(value)
    if entry_id is None:
        raise RefusedError("must be the next_cursor of an earlier page, unchanged")
    return entry_id


_FILTERS: dict[str, Callable[[str], Any]] = {
    "tenant_id": read_id,
    "action": _read_action,
    "actor": _read_actor,
    "since": read_moment,
    "until": read_moment,
}
