"""Every path of the HTTP contract with its methods, whichever function answers it.

API Gateway sends what matches no other function's route to ``api``, whose task the 404
and the 405 therefore are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tillgate.domain.errors import MethodNotAllowedError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tillgate.entrypoints.http import HttpRequest
    from tillgate.entrypoints.observability import RequestLog

# Answered by functions/probe, whatever else is below /admin/api by functions/api.
PROBE_PATH = "/admin/api/tenants/{tenant_id}/destination/test"
SYNTHETIC_PATH = "/admin/api/tenants/{tenant_id}/synthetic-events/{event_id}"

ROUTES: dict[str, tuple[str, ...]] = {
    "/v1/events": ("GET", "POST"),
    "/v1/events/batch": ("POST",),
    "/v1/events/{event_id}": ("GET",),
    "/v1/events/{event_id}/replay": ("POST",),
    "/v1/hooks/{provider}/{endpoint_id}": ("POST",),
    "/openapi.json": ("GET",),
    "/docs": ("GET",),
    "/docs/style.css": ("GET",),
    "/livez": ("GET",),
    "/startupz": ("GET",),
    "/metrics": ("GET",),
    "/admin/api/status": ("GET",),
    "/admin/api/slo": ("GET",),
    "/admin/api/audit": ("GET",),
    "/admin/api/keys": ("GET",),
    "/admin/api/apps": ("GET", "POST"),
    "/admin/api/apps/{app_id}/secret": ("PUT",),
    "/admin/api/apps/{app_id}/secret/rotate": ("POST",),
    "/admin/api/apps/{app_id}/secret/previous": ("DELETE",),
    "/admin/api/sources/{source_id}/secret": ("PUT",),
    "/admin/api/sources/{source_id}/secret/rotate": ("POST",),
    "/admin/api/sources/{source_id}/secret/previous": ("DELETE",),
    "/admin/api/sources/{source_id}/credential": ("PUT", "DELETE"),
    "/admin/api/sources/{source_id}/quiet-after": ("PUT", "DELETE"),
    "/admin/api/quiet-sources": ("GET",),
    "/admin/api/tenants": ("GET", "POST"),
    "/admin/api/tenants/{tenant_id}/suspend": ("POST",),
    "/admin/api/tenants/{tenant_id}/resume": ("POST",),
    "/admin/api/tenants/{tenant_id}/slo": ("GET",),
    "/admin/api/tenants/{tenant_id}/limit": ("GET", "PUT", "DELETE"),
    "/admin/api/tenants/{tenant_id}/tokens": ("GET", "POST"),
    "/admin/api/tenants/{tenant_id}/sources": ("GET", "POST"),
    "/admin/api/tenants/{tenant_id}/events": ("GET",),
    "/admin/api/tenants/{tenant_id}/events/{event_id}": ("GET",),
    "/admin/api/tenants/{tenant_id}/events/{event_id}/replay": ("POST",),
    "/admin/api/tenants/{tenant_id}/replay": ("POST",),
    "/admin/api/tenants/{tenant_id}/destination": ("GET", "PUT", "DELETE"),
    PROBE_PATH: ("POST",),
    SYNTHETIC_PATH: ("DELETE",),
    "/admin/api/tenants/{tenant_id}/hours": ("GET", "PUT", "DELETE"),
    "/admin/api/retention": ("GET",),
    "/admin/api/tenants/{tenant_id}/retention": ("GET", "PUT", "DELETE"),
    "/admin/api/tenants/{tenant_id}/erasure": ("GET", "POST"),
    "/admin/api/tenants/{tenant_id}/erasure/plan": ("GET",),
    "/admin/api/dead-letters": ("GET",),
    "/admin/api/dead-letters/plan": ("GET",),
    "/admin/api/dead-letters/discard": ("POST",),
    "/admin/api/dead-letters/redrives": ("GET", "POST"),
    "/admin/api/dead-letters/redrives/{redrive_id}": ("GET",),
    "/admin/api/dead-letters/redrives/{redrive_id}/cancel": ("POST",),
    "/admin/api/quarantine": ("GET",),
    "/admin/api/quarantine/plan": ("GET",),
    "/admin/api/quarantine/retry": ("POST",),
    "/admin/api/quarantine/discard": ("POST",),
    "/admin/api/quarantine/{quarantine_id}": ("GET",),
    "/admin/api/tokens/{token_id}": ("DELETE",),
    "/admin/api/tokens/{token_id}/rotate": ("POST",),
}

# For a browser alone: what a program may call is above, and in the OpenAPI document.
PAGES: dict[str, tuple[str, ...]] = {
    "/admin": ("GET",),
    "/admin/login": ("GET", "POST"),
    "/admin/logout": ("POST",),
    "/admin/style.css": ("GET",),
}
_METHODS = ROUTES | PAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that has a route; ``query_string`` is still percent-encoded.

    ``source_address`` is whose connection it came by, as API Gateway saw it; ``cookies`` are
    headers, or parts of one.
    """

    request: HttpRequest
    log: RequestLog
    query_string: str
    parameters: Mapping[str, str]
    source_address: str = ""
    cookies: Sequence[str] = ()


_TEMPLATES = [
    (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path) for path in _METHODS if "{" in path
]


def check_route(method: str, path: str) -> str:
    """Give the path's template, as it stands in ROUTES or PAGES.

    A path that is written out goes before one with a parameter, as in OpenAPI. Raises
    NotFoundError, and MethodNotAllowedError with the methods that the path has.
    """
    template = path if path in _METHODS else _matching(path)
    if method not in _METHODS[template]:
        raise MethodNotAllowedError(_METHODS[template])
    return template


def _matching(path: str) -> str:
    for pattern, template in _TEMPLATES:
        if pattern.fullmatch(path):
            return template
    raise NotFoundError("There is no such path.")
