"""``/v1/events``, as the OpenAPI document has it."""

from __future__ import annotations

from tillgate.domain.stored_event import cursor_after
from tillgate.domain.tenant import EventId
from tillgate.entrypoints.docs.answers import (
    TENANT,
    Json,
    answer,
    body,
    parameter,
    problems,
)
from tillgate.entrypoints.docs.event_parameters import LIST_QUERY
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
    "delivery": {"state": "delivered"},
}
_EVENT: Json = {
    **_LISTED,
    "data": _NEW_EVENT["data"],
    "delivery": {
        "state": "delivered",
        "attempts": [
            {
                "at": "2026-11-23T10:00:02.112034Z",
                "outcome": "retry_later",
                "status": 503,
                "duration_ms": 41.7,
                "reason": "http-503",
            },
            {
                "at": "2026-11-23T10:00:02.381920Z",
                "outcome": "delivered",
                "status": 201,
                "duration_ms": 38.2,
            },
        ],
    },
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
_COMMON_HEADERS = [parameter("X-Tenant-Id"), parameter("X-Request-Id")]

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
            "rate-limited",
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
            "rate-limited",
            "payload-too-large",
            "unsupported-media-type",
            "invalid-event",
            "unavailable",
        ),
    },
}
_READ_PROBLEMS = (
    "unauthenticated",
    "tenant-mismatch",
    "tenant-suspended",
    "rate-limited",
    "unavailable",
)
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
_REPLAY: Json = {
    "operationId": "replayEvent",
    "tags": _TAG,
    "summary": "Deliver one event again",
    "description": "Whatever became of it before: its delivery is `pending` from now on. "
    "Repeating the call is safe; an event that waits already goes on waiting. Your destination "
    "knows the event by its `event_id`, so a second delivery changes nothing there.",
    "security": TENANT,
    "parameters": [parameter("event_id"), *_COMMON_HEADERS],
    "responses": {
        "202": answer(
            "It will be delivered",
            "Replayed",
            {"event_id": EXAMPLE_EVENT_ID, "rid": EXAMPLE_RID},
        ),
        **problems(*_READ_PROBLEMS, "not-found", "no-destination"),
    },
}

READ_ONE_ANSWER = _READ["responses"]["200"]
PATHS: Json = {
    "/v1/events": {"post": _SEND, "get": _LIST},
    "/v1/events/batch": {"post": _SEND_BATCH},
    "/v1/events/{event_id}": {"get": _READ},
    "/v1/events/{event_id}/replay": {"post": _REPLAY},
}
