"""``/admin/api/slo`` and each tenant's, in HTTP's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.entrypoints.admin_answers import answer, record

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.entrypoints.http import LambdaResponse
    from tillgate.entrypoints.routes import Call
    from tillgate.services.admin import Administration
    from tillgate.services.slo import CheckServiceLevels


class AdminSlo:
    """Says what is left of the error budget."""

    def __init__(self, administration: Administration, *, check: CheckServiceLevels) -> None:
        self._administration = administration
        self._check = check

    def routes(self) -> dict[str, Callable[[Call], LambdaResponse]]:
        return {
            "GET /admin/api/slo": self._platform,
            "GET /admin/api/tenants/{tenant_id}/slo": self._tenant,
        }

    def _platform(self, call: Call) -> LambdaResponse:
        return answer(call, 200, record(self._check.run()))

    def _tenant(self, call: Call) -> LambdaResponse:
        tenant = self._administration.tenant(call.parameters["tenant_id"])
        return answer(call, 200, record(self._check.run(tenant.tenant_id)))
