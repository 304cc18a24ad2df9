"""``/v1/events``, as the OpenAPI document has it."""

from __future__ import annotations

from tillgate.domain.event_query import DEFAULT_LIMIT, MAX_LIMIT, TYPE_PATTERN
from tillgate.domain.idempotency import MAX_KEY_LENGTH
from tillgate.domain.stored_event import CURSOR_PATTERN, DeliveryState, cursor_after
from tillgate.domain.tenant import EventId
from tillgate.entrypoints.docs.answers import (
    TENANT,
    Json,
    answer,
    body,
    parameter,
    problems,
)
from tillgate.entrypoints.docs.problems import EXAMPLE_EVENT_ID, EXAMPLE_RID, PROBLEMS

_TAG = ["Events"]
_NEW_EVENT: Json = {
    "type": "order.created",
    "data": {"order": "A-1042", "total": {"amount": 12.5, "currency": "EUR"}},
    "occurred_at": "2026-11-23T10:00:00Z",
    "entity_id": "order-17",
    "entity_version": 3,
}
_LISTED: Json = {
    "event_id": EXAMPLE_EVENT_ID,
    "type": "order.created",
    "occurred_at": "2026-11-23T10:00:00Z",
    "entity_id": "order-17",
    "entity_version": 3,
    "idempotency_key": "order-17-v3",
    "source": "api",
    "provider": "api",
    "received_at": "2026-11-23T10:00:01.284910Z",
    "stored_at": "2026-11-23T10:00:01.287443Z",
    "delivery": {"state": "none"},
}
_EVENT: Json = {
    **_LISTED,
    "data": _NEW_EVENT["data"],
    "delivery": {"state": "none", "attempts": []},
}
_STORED: Json = {
    "event_id": EXAMPLE_EVENT_ID,
    "status": "stored",
    "duplicate": False,
    "received_at": "2026-11-23T10:00:01.284910Z",
    "rid": EXAMPLE_RID,
}
_QUEUED: Json = {
    "status": "queued",
    "idempotency_key": "order-17-v3",
    "received_at": "2026-11-23T10:00:01.284910Z",
    "rid": EXAMPLE_RID,
}
_REUSED = {
    name: value
    for name, value in PROBLEMS["idempotency-key-reused"].document.items()
    if name != "rid"
}
# Bare, or one quoted string of RFC 8941; a space could not be in the key itself.
_KEY_PATTERN = (
    rf"^([!#-+\x2d-\x5b\x5d-~]{{1,{MAX_KEY_LENGTH}}}"
    rf'|"([!#-\x5b\x5d-~]|\\["\\]){{1,{MAX_KEY_LENGTH}}}")$'
)
_COMMON_HEADERS = [parameter("X-Tenant-Id"), parameter("X-Request-Id")]

PARAMETERS: Json = {
    "X-Tenant-Id": {
        "name": "X-Tenant-Id",
        "in": "header",
        "schema": {"type": "string", "format": "uuid"},
        "description": "The tenant you believe the token to be for; another one's is refused.",
    },
    "X-Request-Id": {
        "name": "X-Request-Id",
        "in": "header",
        "schema": {"type": "string"},
        "description": "Kept as the `rid` when it is 1 to 128 characters out of `A-Za-z0-9._-`; "
        "else the request gets one.",
    },
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "schema": {
            "type": "string",
            "pattern": _KEY_PATTERN,
        },
        "example": "order-17-v3",
        "description": "1 to 255 visible ASCII characters, unique to the event within your "
        'tenant; `key` and `"key"` are the same key.',
    },
    "event_id": {
        "name": "event_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
        "example": EXAMPLE_EVENT_ID,
    },
}


def _query(name: str, schema: Json, description: str, **more: object) -> Json:
    return {"name": name, "in": "query", "schema": schema, "description": description, **more}


LIST_QUERY = [
    _query(
        "type",
        {"type": "string", "pattern": f"^{TYPE_PATTERN}$"},
        "Only events of this type; vendors' types, such as `orders/create`, too.",
        example="order.created",
    ),
    _query(
        "status",
        {"type": "string", "enum": list(DeliveryState)},
        "Only events whose delivery is in this state.",
    ),
    _query(
        "since",
        {"type": "string", "format": "date-time"},
        "Only events stored at this instant or later.",
    ),
    _query(
        "until",
        {"type": "string", "format": "date-time"},
        "Only events stored before this instant.",
    ),
    _query(
        "idempotency_key",
        {"type": "string", "pattern": f"^[!-~]{{1,{MAX_KEY_LENGTH}}}$"},
        "Only the event with this key, whether you chose it or a vendor did.",
    ),
    _query(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        "How many events at most.",
        example=20,
    ),
    _query(
        "cursor",
        {"type": "string", "pattern": f"^{CURSOR_PATTERN}$"},
        "The `next_cursor` of the page before, with the same filters.",
    ),
]
PAGE_EXAMPLE: Json = {
    "events": [_LISTED],
    "next_cursor": cursor_after(EventId(EXAMPLE_EVENT_ID)),
}

_SEND: Json = {
    "operationId": "sendEvent",
    "tags": _TAG,
    "summary": "Send one event",
    "description": "Stored exactly once per key: repeating the call is always safe. The same "
    "event means the same JSON value, not the same bytes: object keys in any order, numbers as "
    "they are written. While the database is unreachable the event is kept on a queue, and "
    "answered with 202.",
    "security": TENANT,
    "parameters": [parameter("Idempotency-Key"), *_COMMON_HEADERS],
    "requestBody": body("NewEvent", _NEW_EVENT),
    "responses": {
        "201": answer("Stored now", "Stored", _STORED, headers=("Location",)),
        "200": answer(
            "The same event was stored before, under the same key",
            "Stored",
            {**_STORED, "duplicate": True},
            headers=("Idempotent-Replayed",),
        ),
        "202": answer(
            "Kept durably, and stored once the database is reachable again: then "
            "`GET /v1/events?idempotency_key=` finds it. Repeating the call is safe, and may be "
            "answered with 202, 201 or 200. If another event takes the key meanwhile, this one is "
            "kept in quarantine for the operator (`conflict-after-queued`)",
            "Queued",
            _QUEUED,
        ),
        **problems(
            "idempotency-key-required",
            "idempotency-key-invalid",
            "invalid-json",
            "unauthenticated",
            "tenant-mismatch",
            "tenant-suspended",
            "payload-too-large",
            "unsupported-media-type",
            "invalid-event",
            "idempotency-key-reused",
            "unavailable",
        ),
    },
}
_SEND_BATCH: Json = {
    "operationId": "sendBatch",
    "tags": _TAG,
    "summary": "Send up to 500 events",
    "description": "Each stands for itself: a bad item never fails its neighbours, and of two "
    "items with one key the first wins. The answers come in the order of the items. While the "
    "database is unreachable those that are events are `queued`: kept durably, without an "
    "`event_id` yet.",
    "security": TENANT,
    "parameters": _COMMON_HEADERS,
    "requestBody": body(
        "NewBatch",
        {
            "events": [
                {"idempotency_key": "order-17-v3", **_NEW_EVENT},
                {"idempotency_key": "shift-9", "type": "shift.closed", "data": {"till": 2}},
            ]
        },
    ),
    "responses": {
        "200": answer(
            "One answer for each item",
            "BatchAnswer",
            {
                "results": [
                    {
                        "idempotency_key": "order-17-v3",
                        "status": "conflict",
                        "event_id": EXAMPLE_EVENT_ID,
                        "problem": _REUSED,
                    },
                    {
                        "idempotency_key": "shift-9",
                        "status": "stored",
                        "event_id": "01a207d9-2a10-7344-8c21-90d7f5e64b1a",
                    },
                ],
                "rid": EXAMPLE_RID,
            },
            others={
                "database-unreachable": {
                    "results": [
                        {"idempotency_key": "order-17-v3", "status": "queued"},
                        {"idempotency_key": "shift-9", "status": "queued"},
                    ],
                    "rid": EXAMPLE_RID,
                }
            },
        ),
        **problems(
            "invalid-json",
            "unauthenticated",
            "tenant-mismatch",
            "tenant-suspended",
            "payload-too-large",
            "unsupported-media-type",
            "invalid-event",
            "unavailable",
        ),
    },
}
_READ_PROBLEMS = ("unauthenticated", "tenant-mismatch", "tenant-suspended", "unavailable")
_LIST: Json = {
    "operationId": "listEvents",
    "tags": _TAG,
    "summary": "List events, newest first",
    "description": "In the order of storing. Filters may be combined. A parameter that is "
    "unknown, repeated, empty or malformed is refused, never ignored.",
    "security": TENANT,
    "parameters": [*LIST_QUERY, *_COMMON_HEADERS],
    "responses": {
        "200": answer("One page", "EventPage", PAGE_EXAMPLE),
        **problems(*_READ_PROBLEMS, "invalid-query"),
    },
}
_READ: Json = {
    "operationId": "readEvent",
    "tags": _TAG,
    "summary": "Read one event",
    "description": "`data` is what was sent, number for number.",
    "security": TENANT,
    "parameters": [parameter("event_id"), *_COMMON_HEADERS],
    "responses": {
        "200": answer("The event", "Event", _EVENT),
        **problems(*_READ_PROBLEMS, "not-found"),
    },
}

READ_ONE_ANSWER = _READ["responses"]["200"]
PATHS: Json = {
    "/v1/events": {"post": _SEND, "get": _LIST},
    "/v1/events/batch": {"post": _SEND_BATCH},
    "/v1/events/{event_id}": {"get": _READ},
}
