"""``/admin/api/tenants/{tenant_id}/retention`` and ``/erasure`` in HTTP's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.event_query import read_cursor, read_query
from tillgate.domain.stored_event import cursor_after
from tillgate.entrypoints.admin_answers import admin_body, answer, record
from tillgate.entrypoints.retention_bodies import ErasureBody, RetentionBody

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.entrypoints.http import LambdaResponse
    from tillgate.entrypoints.routes import Call
    from tillgate.services.retention import Retention


class AdminRetention:
    """How long a tenant's events are kept, and that it is erased."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention

    def routes(self) -> dict[str, Callable[[Call], LambdaResponse]]:
        retention = "/admin/api/tenants/{tenant_id}/retention"
        erasure = "/admin/api/tenants/{tenant_id}/erasure"
        return {
            "GET /admin/api/retention": self._status,
            f"GET {retention}": self._show,
            f"PUT {retention}": self._set,
            f"DELETE {retention}": self._remove,
            f"GET {erasure}/plan": self._plan,
            f"GET {erasure}": self._show_erasure,
            f"POST {erasure}": self._erase,
        }

    def _status(self, call: Call) -> LambdaResponse:
        return answer(call, 200, record(self._retention.status()))

    def _show(self, call: Call) -> LambdaResponse:
        return answer(call, 200, record(self._retention.retention(call.parameters["tenant_id"])))

    def _set(self, call: Call) -> LambdaResponse:
        days = admin_body(call, RetentionBody).days
        kept = self._retention.set_retention(call.parameters["tenant_id"], days)
        return answer(call, 200, record(kept))

    def _remove(self, call: Call) -> LambdaResponse:
        kept = self._retention.set_retention(call.parameters["tenant_id"], None)
        return answer(call, 200, record(kept))

    def _plan(self, call: Call) -> LambdaResponse:
        query = read_query(call.query_string, {"cursor": read_cursor})
        planned, following = self._retention.plan_erasure(
            call.parameters["tenant_id"], after=query.get("cursor")
        )
        cursor = cursor_after(following) if following else None
        return answer(call, 200, {**record(planned), "next_cursor": cursor})

    def _show_erasure(self, call: Call) -> LambdaResponse:
        return answer(call, 200, record(self._retention.erasure(call.parameters["tenant_id"])))

    def _erase(self, call: Call) -> LambdaResponse:
        body = admin_body(call, ErasureBody)
        asked = self._retention.erase(call.parameters["tenant_id"], slug=body.slug)
        return answer(call, 202, record(asked))
