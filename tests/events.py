"""API Gateway's HTTP API events (payload 2.0), as a test needs them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def http_event(
    method: str,
    path: str,
    *,
    route: str | None = None,
    headers: Mapping[str, str] | None = None,
    path_parameters: Mapping[str, str] | None = None,
    query: str = "",
    body: bytes | str | None = None,
    is_base64: bool = False,
) -> dict[str, Any]:
    """Make an event; ``route`` is the path's own unless it has parameters.

    With ``is_base64`` a body of bytes comes encoded, as API Gateway hands over what it
    takes for binary.
    """
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route or f"{method} {path}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": dict(headers or {}),
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "api",
            "domainName": "api.execute-api.us-east-1.amazonaws.com",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "a-till/1",
            },
            "requestId": "gateway-request-id",
            "routeKey": route or f"{method} {path}",
            "stage": "$default",
        },
        "isBase64Encoded": is_base64,
    }
    if path_parameters:
        event["pathParameters"] = dict(path_parameters)
    if body is not None:
        event["body"] = _body_text(body, is_base64=is_base64)
    return event


def _body_text(body: bytes | str, *, is_base64: bool) -> str:
    if isinstance(body, str):
        return body
    if is_base64:
        return base64.b64encode(body).decode()
    return body.decode("utf-8", "surrogateescape")
