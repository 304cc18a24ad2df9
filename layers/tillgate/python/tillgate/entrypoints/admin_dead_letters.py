"""``/admin/api/dead-letters`` in HTTP's words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tillgate.domain.dead_letters import DeadLetterFilter, RedriveState
from tillgate.domain.event_query import (
    DEFAULT_LIMIT,
    RefusedError,
    read_cursor,
    read_limit,
    read_query,
)
from tillgate.domain.tenant import TenantId
from tillgate.entrypoints.admin_answers import admin_body, answer, record, records
from tillgate.entrypoints.admin_bodies import REASON_PATTERN, UUID_PATTERN
from tillgate.entrypoints.delivery_bodies import DiscardBody, RedriveBody

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tillgate.entrypoints.http import LambdaResponse
    from tillgate.entrypoints.routes import Call
    from tillgate.services.dead_letters import DeadLetterOffice


class AdminDeadLetters:
    """Looks at dead letters, plans, redrives, discards."""

    def __init__(self, office: DeadLetterOffice) -> None:
        self._office = office

    def routes(self) -> dict[str, Callable[[Call], LambdaResponse]]:
        dead_letters = "/admin/api/dead-letters"
        return {
            f"GET {dead_letters}": self._list,
            f"GET {dead_letters}/plan": self._plan,
            f"POST {dead_letters}/discard": self._discard,
            f"POST {dead_letters}/redrives": self._start_redrive,
            f"GET {dead_letters}/redrives": self._list_redrives,
            f"GET {dead_letters}/redrives/{{redrive_id}}": self._show_redrive,
            f"POST {dead_letters}/redrives/{{redrive_id}}/cancel": self._cancel_redrive,
        }

    def _list(self, call: Call) -> LambdaResponse:
        query = read_query(
            call.query_string, {**_FILTERS, "limit": read_limit, "cursor": read_cursor}
        )
        page = self._office.page(
            _filter(query), limit=query.get("limit", DEFAULT_LIMIT), before=query.get("cursor")
        )
        content = {"dead_letters": records(page.dead_letters), "next_cursor": page.next_cursor}
        return answer(call, 200, content)

    def _plan(self, call: Call) -> LambdaResponse:
        groups = self._office.plan(_filter(read_query(call.query_string, _FILTERS)))
        content = {"count": sum(group.count for group in groups), "groups": records(groups)}
        return answer(call, 200, content)

    def _discard(self, call: Call) -> LambdaResponse:
        body = admin_body(call, DiscardBody)
        call.log.tenant_id = body.tenant_id
        discarded, left = self._office.discard(
            body.chosen(), event_ids=body.ids(), count=body.count
        )
        return answer(call, 200, {"discarded": discarded, "left": left})

    def _start_redrive(self, call: Call) -> LambdaResponse:
        body = admin_body(call, RedriveBody)
        redrive = self._office.start_redrive(body.chosen(), per_second=body.per_second)
        return answer(call, 201, record(redrive))

    def _list_redrives(self, call: Call) -> LambdaResponse:
        query = read_query(call.query_string, {"state": _state, "limit": read_limit})
        found = self._office.redrives(
            state=query.get("state"), limit=query.get("limit", DEFAULT_LIMIT)
        )
        return answer(call, 200, {"redrives": records(found)})

    def _show_redrive(self, call: Call) -> LambdaResponse:
        return answer(call, 200, record(self._office.redrive(call.parameters["redrive_id"])))

    def _cancel_redrive(self, call: Call) -> LambdaResponse:
        cancelled = self._office.cancel_redrive(call.parameters["redrive_id"])
        return answer(call, 200, record(cancelled))


def _tenant_id(value: str) -> TenantId:
    if re.fullmatch(UUID_PATTERN, value):
        return TenantId(value.lower())
    raise RefusedError("must be a tenant's id")


def _reason(value: str) -> str:
    if re.fullmatch(REASON_PATTERN, value):
        return value
    raise RefusedError("must be 1 to 200 characters without control characters")


def _state(value: str) -> RedriveState:
    try:
        return RedriveState(value)
    except ValueError:
        raise RefusedError(f"must be one of {', '.join(RedriveState)}") from None


_FILTERS: dict[str, Callable[[str], Any]] = {"tenant_id": _tenant_id, "reason": _reason}


def _filter(query: Mapping[str, Any]) -> DeadLetterFilter:
    return DeadLetterFilter(tenant_id=query.get("tenant_id"), reason=query.get("reason"))
