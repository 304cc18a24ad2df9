"""What is sent: orders of a given size, as API Gateway hands them over (payload 2.0).

Standard library only: every subject's process makes its own, the peer's among them.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

TOKEN = "tg_live_bench"  # noqa: S105  Made up, and good in a bench's own database only.
CONTENT_TYPE = {"content-type": "application/json"}


class Outcome(StrEnum):
    NEW = "new"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of call: ``kilobytes`` is each event's data; ``provider`` makes it a hook."""

    items: int = 1
    kilobytes: float = 0.5
    outcome: Outcome = Outcome.NEW
    provider: str = ""

    @property
    def expected_status(self) -> int:
        """What the first-party API, or a hook, answers to such a call."""
        if self.items > 1 or self.provider:
            return 200
        return {Outcome.NEW: 201, Outcome.DUPLICATE: 200, Outcome.CONFLICT: 422}[self.outcome]


@cache
def _lines(kilobytes: float) -> str:
    """Give the JSON text of an order's lines, of about so many kilobytes, less its head."""
    lines: list[dict[str, object]] = []
    size = 60
    while size < kilobytes * 1000:
        line: dict[str, object] = {
            "sku": f"SKU-{len(lines):05d}", "name": "Flat white, oat", "quantity": 1,
            "unit_price": {"amount": 420, "currency": "EUR"}, "modifiers": ["oat", "extra shot"],
        }  # fmt: skip
        lines.append(line)
        size += len(json.dumps(line)) + 2
    return json.dumps(lines)


def new_key() -> str:
    return f"order-{uuid.uuid4()}"


def data(kilobytes: float, *, changed: bool = False) -> str:
    """Give one event's data as JSON text."""
    table = 12 if changed else 11
    return f'{{"table": {table}, "tip": 1.50, "lines": {_lines(kilobytes)}}}'


def event_body(key: str, kilobytes: float, *, changed: bool = False, keyed: bool = False) -> str:
    """Give the body of one event; ``keyed`` is for one in a batch, which carries its key."""
    head = f'"idempotency_key": "{key}", ' if keyed else ""
    return (
        f'{{{head}"type": "order.created", "occurred_at": "2026-11-23T10:00:00Z",'
        f' "entity_id": "{key}", "entity_version": 1, "data": {data(kilobytes, changed=changed)}}}'
    )


def api_events(load: Load, keys: list[list[str]], *, changed: bool = False) -> list[dict[str, Any]]:
    """Make a call for each list of keys: a batch, or one event where it is of one."""
    authorization = {"authorization": f"Bearer {TOKEN}", **CONTENT_TYPE}
    if load.items == 1:
        return [
            gateway_event(
                "/v1/events",
                headers={**authorization, "idempotency-key": key},
                body=event_body(key, load.kilobytes, changed=changed),
            )
            for [key] in keys
        ]
    return [
        gateway_event("/v1/events/batch", headers=authorization, body=_batch(load, each, changed))
        for each in keys
    ]


def _batch(load: Load, keys: list[str], changed: bool) -> str:  # noqa: FBT001  Private, and passed on.
    items = (event_body(key, load.kilobytes, changed=changed, keyed=True) for key in keys)
    return f'{{"events": [{", ".join(items)}]}}'


def gateway_event(
    path: str,
    *,
    headers: dict[str, str],
    body: str,
    route: str = "",
    path_parameters: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Make the event that API Gateway sends for a POST, headers as a POS or curl sends them."""
    route = route or f"POST {path}"
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "*/*",
            "accept-encoding": "gzip, deflate",
            "content-length": str(len(body)),
            "host": "api.execute-api.us-east-1.amazonaws.com",
            "user-agent": "a-till/1",
            "x-amzn-trace-id": "Root=1-65e1a2b3-0123456789abcdef01234567",
            "x-forwarded-for": "192.0.2.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
            **headers,
        },
        "pathParameters": path_parameters or {},
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "api",
            "domainName": "api.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "api",
            "http": {
                "method": "POST",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "a-till/1",
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": route,
            "stage": "$default",
            "time": "23/Nov/2026:10:00:00 +0000",
            "timeEpoch": 1795428000000,
        },
        "body": body,
        "isBase64Encoded": False,
    }
