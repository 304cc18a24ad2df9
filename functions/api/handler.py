"""Answers every route that no other function has: reads, documents, /admin/api, 404 and 405."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.bootstrap.api import api

if TYPE_CHECKING:
    from tillgate.entrypoints.http import LambdaEvent, LambdaResponse


def handler(event: LambdaEvent, _context: object) -> LambdaResponse:
    return api()(event)
