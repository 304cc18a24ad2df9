"""API Gateway's HTTP API events (payload 2.0) in, responses out.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tillgate.domain.errors import InvalidJsonError
from tillgate.domain.json_writer import json_writer
from tillgate.domain.trace import Trace, trace_of

LambdaEvent = Mapping[str, Any]
LambdaResponse = dict[str, Any]

compact_json = json_writer()

_RID = re.compile(r"[A-Za-z0-9._-]{1,128}\Z")

# HTTP contract: every response carries these.
SECURITY_HEADERS = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


# Never changed; not frozen only because ten fields then take five times as long to set.
@dataclass(slots=True, unsafe_hash=True, kw_only=True)
class HttpRequest:
    """A request: header names in lower case, ``route`` as API Gateway matched it.

    ``path_parameters`` are percent-decoded. ``rid`` is the caller's X-Request-Id where it
    fits, else a new one; ``gateway_rid`` is API Gateway's own, which its access log has.
    ``received_at`` is when this was made, aware. ``trace`` is the caller's (traceparent), else
    X-Ray's, else a new one.
    """

    route: str
    method: str
    path: str
    headers: Mapping[str, str]
    path_parameters: Mapping[str, str]
    rid: str
    gateway_rid: str
    raw_body: str
    is_base64: bool
    received_at: datetime
    trace: Trace

    @classmethod
    def from_lambda(cls, event: LambdaEvent) -> HttpRequest:
        headers = event.get("headers") or {}
        if not "".join(headers).islower():
            # API Gateway has done it as a rule; what stands in for it may not.
            headers = {name.lower(): value for name, value in headers.items()}
        http = event["requestContext"]["http"]
        given = headers.get("x-request-id", "")
        return cls(
            route=event.get("routeKey", "$default"),
            method=http["method"],
            path=event.get("rawPath") or "/",
            headers=headers,
            path_parameters=event.get("pathParameters") or {},
            rid=given if _RID.match(given) else new_id(),
            gateway_rid=event["requestContext"].get("requestId", ""),
            raw_body=event.get("body") or "",
            is_base64=bool(event.get("isBase64Encoded")),
            received_at=datetime.now(UTC),
            trace=trace_of(
                headers.get("traceparent"),
                headers.get("tracestate"),
                xray=headers.get("x-amzn-trace-id"),
                new_id=new_id,
            ),
        )

    def body(self) -> bytes:
        """Give the body's bytes as the sender sent them.

        Raises InvalidJsonError when they cannot be told, which API Gateway does not cause.
        """
        try:
            if self.is_base64:
                return base64.b64decode(self.raw_body, validate=True)
            return self.raw_body.encode("utf-8", "surrogateescape")
        except ValueError:  # Neither base64 nor text that UTF-8 can carry.
            raise InvalidJsonError("The body's transfer encoding is broken.") from None


def source_address(event: LambdaEvent) -> str:
    """Give the caller's address as API Gateway saw it: a proxy's, where one stands before it."""
    return str(event["requestContext"]["http"].get("sourceIp", ""))


def new_id() -> str:
    """Make up 32 hex digits."""
    return os.urandom(16).hex()


def response(
    status: int,
    body: str,
    *,
    rid: str,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> LambdaResponse:
    """Make a Lambda response that carries what every response must."""
    return {
        "statusCode": status,
        "headers": {
            "Content-Type": content_type,
            "X-Request-Id": rid,
            **SECURITY_HEADERS,
            **(headers or {}),
        },
        "body": body,
        "isBase64Encoded": False,
    }


def json_response(
    status: int,
    content: Mapping[str, Any],
    *,
    rid: str,
    headers: Mapping[str, str] | None = None,
) -> LambdaResponse:
    """Make a JSON response; ``content`` is plain Python that ``json`` can write."""
    return response(status, compact_json(content), rid=rid, headers=headers)
