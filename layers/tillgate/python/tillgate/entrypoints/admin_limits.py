"""``/admin/api/tenants/{tenant_id}/limit`` in HTTP's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field

from tillgate.domain.tenant import RateLimit
from tillgate.entrypoints.admin_answers import admin_body, answer, record
from tillgate.entrypoints.admin_bodies import AdminBody
from tillgate.entrypoints.delivery_bodies import whole
from tillgate.settings.function import MAX_BURST, MAX_EVENTS_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.entrypoints.http import LambdaResponse
    from tillgate.entrypoints.routes import Call
    from tillgate.services.admin import Administration


class LimitBody(AdminBody):
    events_per_second: Annotated[int, BeforeValidator(whole), Field(ge=1, le=MAX_EVENTS_PER_SECOND)]
    burst: Annotated[int, BeforeValidator(whole), Field(ge=1, le=MAX_BURST)]


class AdminLimits:
    """How much a tenant may send."""

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    def routes(self) -> dict[str, Callable[[Call], LambdaResponse]]:
        limit = "/admin/api/tenants/{tenant_id}/limit"
        return {
            f"GET {limit}": self._show,
            f"PUT {limit}": self._set,
            f"DELETE {limit}": self._drop,
        }

    def _show(self, call: Call) -> LambdaResponse:
        return answer(call, 200, record(self._administration.tenant(call.parameters["tenant_id"])))

    def _set(self, call: Call) -> LambdaResponse:
        body = admin_body(call, LimitBody)
        limit = RateLimit(body.events_per_second, body.burst)
        return self._limited(call, limit)

    def _drop(self, call: Call) -> LambdaResponse:
        return self._limited(call, None)

    def _limited(self, call: Call, limit: RateLimit | None) -> LambdaResponse:
        tenant = self._administration.limit_tenant(call.parameters["tenant_id"], limit)
        return answer(call, 200, record(tenant))
