"""Takes events in: /v1/events, /v1/events/batch and /v1/hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.bootstrap.ingest import ingest

if TYPE_CHECKING:
    from tillgate.entrypoints.http import LambdaEvent, LambdaResponse


def handler(event: LambdaEvent, _context: object) -> LambdaResponse:
    return ingest()(event)
