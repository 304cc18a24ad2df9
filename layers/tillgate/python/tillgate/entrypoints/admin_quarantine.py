"""``/admin/api/quarantine`` in HTTP's words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tillgate.domain.event_query import DEFAULT_LIMIT, read_limit, read_query
from tillgate.domain.set_aside import RetryOutcome
from tillgate.entrypoints.admin_answers import admin_body, answer, record, records
from tillgate.entrypoints.observability import note
from tillgate.entrypoints.opened_delivery import shown
from tillgate.entrypoints.quarantine_bodies import (
    FILTERS,
    DiscardSetAsideBody,
    RetryBody,
    filter_of,
    read_flag,
    read_place,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.domain.set_aside import Retried
    from tillgate.entrypoints.http import LambdaResponse
    from tillgate.entrypoints.routes import Call
    from tillgate.services.quarantine import QuarantineOffice
    from tillgate.services.retry_quarantine import RetryQuarantine


class AdminQuarantine:
    """Looks at what was set aside, opens it, tries it again, discards it."""

    def __init__(self, office: QuarantineOffice, *, retry: RetryQuarantine) -> None:
        self._office = office
        self._retry_quarantine = retry

    def routes(self) -> dict[str, Callable[[Call], LambdaResponse]]:
        quarantine = "/admin/api/quarantine"
        return {
            f"GET {quarantine}": self._list,
            f"GET {quarantine}/plan": self._plan,
            f"POST {quarantine}/retry": self._retry,
            f"POST {quarantine}/discard": self._discard,
            f"GET {quarantine}/{{quarantine_id}}": self._show,
        }

    def _list(self, call: Call) -> LambdaResponse:
        query = read_query(
            call.query_string, {**FILTERS, "limit": read_limit, "cursor": read_place}
        )
        page = self._office.page(
            filter_of(query), limit=query.get("limit", DEFAULT_LIMIT), before=query.get("cursor")
        )
        content = {"deliveries": records(page.deliveries), "next_cursor": page.next_cursor}
        return answer(call, 200, content)

    def _plan(self, call: Call) -> LambdaResponse:
        groups = self._office.plan(filter_of(read_query(call.query_string, FILTERS)))
        by_reason: Counter[str] = Counter()
        for group in groups:
            by_reason[group.reason] += group.count
        return answer(call, 200, {
            "count": by_reason.total(),
            "events": sum(group.events for group in groups),
            "by_reason": by_reason,
            "groups": records(groups),
        })  # fmt: skip

    def _show(self, call: Call) -> LambdaResponse:
        query = read_query(call.query_string, {"content": read_flag})
        quarantine_id = call.parameters["quarantine_id"]
        if not query.get("content", False):
            head = self._office.find(quarantine_id)
            call.log.tenant_id = head.tenant_id
            return answer(call, 200, {**record(head), "is_content_shown": False})
        # Somebody's customers may be in it: that it was opened, and which, is in the log.
        call.log.fields["quarantine_id"] = quarantine_id[:36]
        head, opened = self._office.open(quarantine_id)
        call.log.tenant_id = head.tenant_id
        call.log.outcome = "quarantine-opened"
        return answer(
            call, 200, {**record(head), "is_content_shown": True, "content": shown(opened)}
        )

    def _retry(self, call: Call) -> LambdaResponse:
        body = admin_body(call, RetryBody)
        ids = body.named()
        if ids is not None:
            step = self._retry_quarantine.retry(ids)
        else:
            step = self._retry_quarantine.retry_matching(
                body.chosen(), limit=body.limit, after=body.after()
            )
        counts = {
            "stored": sum(one.stored for one in step.retried),
            "duplicates": sum(one.duplicates for one in step.retried),
            "still_refused": sum(one.outcome is RetryOutcome.STILL for one in step.retried),
        }
        tried = sum(one.outcome is not RetryOutcome.UNTRIED for one in step.retried)
        call.log.fields.update({"retried": tried, **counts})
        call.log.tenant_id = body.tenant_id
        call.log.outcome = "quarantine-retry"
        if (failed := next((one.error for one in step.retried if one.error), None)) is not None:
            note(call.log, failed)
        return answer(call, 200, {
            **counts,
            "deliveries": [_retried(one) for one in step.retried],
            "next_cursor": step.next_cursor,
        })  # fmt: skip

    def _discard(self, call: Call) -> LambdaResponse:
        body = admin_body(call, DiscardSetAsideBody)
        call.log.tenant_id = body.tenant_id
        discarded, left = self._office.discard(body.chosen(), ids=body.named(), count=body.count)
        call.log.fields["discarded"] = discarded
        return answer(call, 200, {"discarded": discarded, "left": left})


def _retried(one: Retried) -> dict[str, Any]:
    """Give an outcome; of what is still refused, why, and where it is now."""
    return {
        "quarantine_id": one.quarantine_id,
        "outcome": one.outcome,
        "stored": one.stored,
        "duplicates": one.duplicates,
        "remaining": [
            {
                "quarantine_id": remainder.quarantine_id,
                "reason": remainder.reason,
                "tenant_id": remainder.tenant_id,
                "events": remainder.events,
            }
            for remainder in one.remaining
        ],
    }
