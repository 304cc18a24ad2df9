"""``/admin/api/.../hours``, ``quiet-after`` and ``quiet-sources`` in HTTP's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.entrypoints.admin_answers import admin_body, answer, record, records
from tillgate.entrypoints.hours_bodies import HoursBody, QuietAfterBody

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.domain.administration import SourceRecord
    from tillgate.entrypoints.http import LambdaResponse
    from tillgate.entrypoints.routes import Call
    from tillgate.services.opening_hours import OpeningHours


class AdminHours:
    """When tenants are open, and which of their sources are quiet."""

    def __init__(self, hours: OpeningHours) -> None:
        self._hours = hours

    def routes(self) -> dict[str, Callable[[Call], LambdaResponse]]:
        hours = "/admin/api/tenants/{tenant_id}/hours"
        quiet_after = "/admin/api/sources/{source_id}/quiet-after"
        return {
            f"GET {hours}": self._show,
            f"PUT {hours}": self._set,
            f"DELETE {hours}": self._remove,
            f"PUT {quiet_after}": self._set_quiet_after,
            f"DELETE {quiet_after}": self._remove_quiet_after,
            "GET /admin/api/quiet-sources": self._list_quiet,
        }

    def _show(self, call: Call) -> LambdaResponse:
        return answer(call, 200, record(self._hours.hours(call.parameters["tenant_id"])))

    def _set(self, call: Call) -> LambdaResponse:
        body = admin_body(call, HoursBody)
        kept = self._hours.set_hours(
            call.parameters["tenant_id"],
            time_zone=body.time_zone,
            opening_hours={str(day): spells for day, spells in body.opening_hours.items()},
            quiet_after_minutes=body.quiet_after_minutes,
        )
        return answer(call, 200, record(kept))

    def _remove(self, call: Call) -> LambdaResponse:
        return answer(call, 200, record(self._hours.remove_hours(call.parameters["tenant_id"])))

    def _set_quiet_after(self, call: Call) -> LambdaResponse:
        minutes = admin_body(call, QuietAfterBody).minutes
        source = self._hours.set_quiet_after(call.parameters["source_id"], minutes)
        return _answer(call, source)

    def _remove_quiet_after(self, call: Call) -> LambdaResponse:
        return _answer(call, self._hours.set_quiet_after(call.parameters["source_id"], None))

    def _list_quiet(self, call: Call) -> LambdaResponse:
        return answer(call, 200, {"sources": records(self._hours.quiet_sources())})


def _answer(call: Call, source: SourceRecord) -> LambdaResponse:
    call.log.tenant_id = source.tenant_id
    return answer(call, 200, record(source))
