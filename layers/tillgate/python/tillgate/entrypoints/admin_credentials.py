"""``/admin/api/sources/{source_id}/credential`` in HTTP's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.entrypoints.admin_answers import admin_body, answer, record
from tillgate.entrypoints.delivery_bodies import CredentialBody

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.domain.administration import SourceRecord
    from tillgate.entrypoints.http import LambdaResponse
    from tillgate.entrypoints.routes import Call
    from tillgate.services.credentials import Credentials


class AdminCredentials:
    """With what a source's vendor is asked. A source is shown without its token."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def routes(self) -> dict[str, Callable[[Call], LambdaResponse]]:
        credential = "/admin/api/sources/{source_id}/credential"
        return {f"PUT {credential}": self._set, f"DELETE {credential}": self._remove}

    def _set(self, call: Call) -> LambdaResponse:
        body = admin_body(call, CredentialBody)
        return _answer(
            call,
            self._credentials.set_credential(
                call.parameters["source_id"], token=body.token, api_url=body.api_url
            ),
        )

    def _remove(self, call: Call) -> LambdaResponse:
        return _answer(call, self._credentials.remove_credential(call.parameters["source_id"]))


def _answer(call: Call, source: SourceRecord) -> LambdaResponse:
    call.log.tenant_id = source.tenant_id
    return answer(call, 200, record(source))
