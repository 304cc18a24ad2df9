"""``/admin/api/tenants/{tenant_id}/events`` and ``.../replay`` in HTTP's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.event_query import event_query
from tillgate.entrypoints.admin_answers import admin_body, answer
from tillgate.entrypoints.delivery_bodies import ReplayBody
from tillgate.entrypoints.event_json import event_text, page_text
from tillgate.entrypoints.http import response

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.entrypoints.http import LambdaResponse
    from tillgate.entrypoints.routes import Call
    from tillgate.services.admin import Administration
    from tillgate.services.audit import ReadEventsForOperator
    from tillgate.services.replay import ReplayEvents
    from tillgate.services.replay_own import ReplayOwnEvents


class AdminEvents:
    """A tenant's events, as the operator reads them and lets them be delivered again."""

    def __init__(
        self,
        administration: Administration,
        *,
        events: ReadEventsForOperator,
        replay_one: ReplayOwnEvents,
        replay_many: ReplayEvents,
    ) -> None:
        self._administration = administration
        self._events = events
        self._replay_one = replay_one
        self._replay_many = replay_many

    def routes(self) -> dict[str, Callable[[Call], LambdaResponse]]:
        tenant = "/admin/api/tenants/{tenant_id}"
        return {
            f"GET {tenant}/events": self._list_events,
            f"GET {tenant}/events/{{event_id}}": self._read_event,
            f"POST {tenant}/events/{{event_id}}/replay": self._replay_event,
            f"POST {tenant}/replay": self._replay_events,
        }

    def _list_events(self, call: Call) -> LambdaResponse:
        query = event_query(call.query_string)
        tenant = self._administration.tenant(call.parameters["tenant_id"])
        page = self._events.events(tenant.tenant_id, query)
        return response(200, page_text(page), rid=call.request.rid)

    def _read_event(self, call: Call) -> LambdaResponse:
        tenant = self._administration.tenant(call.parameters["tenant_id"])
        event = self._events.event(tenant.tenant_id, call.parameters["event_id"])
        return response(200, event_text(event), rid=call.request.rid)

    def _replay_event(self, call: Call) -> LambdaResponse:
        tenant = self._administration.tenant(call.parameters["tenant_id"])
        event_id = self._replay_one.one(tenant.tenant_id, call.parameters["event_id"])
        return answer(call, 202, {"event_id": event_id, "rid": call.request.rid})

    def _replay_events(self, call: Call) -> LambdaResponse:
        body = admin_body(call, ReplayBody)
        tenant = self._administration.tenant(call.parameters["tenant_id"])
        step = self._replay_many.step(tenant.tenant_id, body.query(), dry_run=body.dry_run)
        content = {"count": step.count, "dry_run": body.dry_run, "next_cursor": step.next_cursor}
        return answer(call, 200, content)
