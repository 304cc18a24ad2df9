"""Tells whether the service runs and is ready: /livez and /startupz."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.bootstrap.health import health

if TYPE_CHECKING:
    from tillgate.entrypoints.http import LambdaEvent, LambdaResponse


def handler(event: LambdaEvent, _context: object) -> LambdaResponse:
    return health()(event)
