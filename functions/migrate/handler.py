"""Brings the schema up to date: on deploy as a custom resource, or by a plain invocation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tillgate.bootstrap.migrate import migrate
from tillgate.entrypoints.custom_resource import serve_custom_resource

if TYPE_CHECKING:
    from collections.abc import Mapping


def handler(event: Mapping[str, Any], _context: object) -> Mapping[str, Any] | None:
    if "ResponseURL" not in event:
        return _migrate()
    serve_custom_resource(event, _migrate, physical_id="schema")
    return None


def _migrate() -> Mapping[str, Any]:
    return migrate()()
