"""``/admin/api/tenants/{tenant_id}/destination`` in HTTP's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.delivery import DestinationKind
from tillgate.entrypoints.admin_answers import admin_body, answer, record
from tillgate.entrypoints.delivery_bodies import DestinationBody

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.entrypoints.http import LambdaResponse
    from tillgate.entrypoints.routes import Call
    from tillgate.services.destinations import Destinations


class AdminDestinations:
    """Where a tenant's events go. Its test is answered by functions/probe, which gets there."""

    def __init__(self, destinations: Destinations) -> None:
        self._destinations = destinations

    def routes(self) -> dict[str, Callable[[Call], LambdaResponse]]:
        destination = "/admin/api/tenants/{tenant_id}/destination"
        return {
            f"GET {destination}": self._show,
            f"PUT {destination}": self._set,
            f"DELETE {destination}": self._remove,
        }

    def _show(self, call: Call) -> LambdaResponse:
        found = self._destinations.destination(call.parameters["tenant_id"])
        return answer(call, 200, record(found))

    def _set(self, call: Call) -> LambdaResponse:
        body = admin_body(call, DestinationBody)
        kept, is_new = self._destinations.set_destination(
            call.parameters["tenant_id"],
            kind=DestinationKind(body.kind),
            url=body.url,
            secret=body.secret,
        )
        # RFC 9110, section 9.3.4: who put the first one is told so.
        return answer(call, 201 if is_new else 200, record(kept))

    def _remove(self, call: Call) -> LambdaResponse:
        removed = self._destinations.remove_destination(call.parameters["tenant_id"])
        return answer(call, 200, record(removed))
