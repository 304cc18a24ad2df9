"""``/admin/api/.../rotate`` and ``secret/previous`` in HTTP's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.entrypoints.admin_answers import admin_body, answer, if_made, record
from tillgate.entrypoints.rotation_bodies import RotationBody, TokenRotationBody

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.entrypoints.http import LambdaResponse
    from tillgate.entrypoints.routes import Call
    from tillgate.services.rotation import Rotation


class AdminRotation:
    """Other secrets and tokens in the place of those that are in use."""

    def __init__(self, rotation: Rotation) -> None:
        self._rotation = rotation

    def routes(self) -> dict[str, Callable[[Call], LambdaResponse]]:
        source, app = "/admin/api/sources/{source_id}/secret", "/admin/api/apps/{app_id}/secret"
        return {
            f"POST {source}/rotate": self._rotate_source,
            f"DELETE {source}/previous": self._retire_source,
            f"POST {app}/rotate": self._rotate_app,
            f"DELETE {app}/previous": self._retire_app,
            "POST /admin/api/tokens/{token_id}/rotate": self._rotate_token,
        }

    def _rotate_source(self, call: Call) -> LambdaResponse:
        body = admin_body(call, RotationBody)
        source, made = self._rotation.rotate_source_secret(
            call.parameters["source_id"],
            secret=body.secret,
            overlap_seconds=body.overlap_seconds,
            replaces_previous=body.replace_previous,
        )
        call.log.tenant_id = source.tenant_id
        return answer(call, 200, {**record(source), **if_made(made)})

    def _retire_source(self, call: Call) -> LambdaResponse:
        source = self._rotation.retire_source_secret(call.parameters["source_id"])
        call.log.tenant_id = source.tenant_id
        return answer(call, 200, record(source))

    def _rotate_app(self, call: Call) -> LambdaResponse:
        body = admin_body(call, RotationBody)
        app, made = self._rotation.rotate_app_secret(
            call.parameters["app_id"],
            secret=body.secret,
            overlap_seconds=body.overlap_seconds,
            replaces_previous=body.replace_previous,
        )
        return answer(call, 200, {**record(app), **if_made(made)})

    def _retire_app(self, call: Call) -> LambdaResponse:
        return answer(
            call, 200, record(self._rotation.retire_app_secret(call.parameters["app_id"]))
        )

    def _rotate_token(self, call: Call) -> LambdaResponse:
        body = admin_body(call, TokenRotationBody)
        made, token, old = self._rotation.rotate_token(
            call.parameters["token_id"], overlap_seconds=body.overlap_seconds
        )
        call.log.tenant_id = made.tenant_id
        return answer(call, 201, {**record(made), "token": token, "replaced": record(old)})
