"""The parameters of ``/v1/events``, as the OpenAPI document has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.event_query import DEFAULT_LIMIT, MAX_LIMIT, TYPE_PATTERN
from tillgate.domain.idempotency import MAX_KEY_LENGTH
from tillgate.domain.stored_event import CURSOR_PATTERN, DeliveryState
from tillgate.entrypoints.docs.problems import EXAMPLE_EVENT_ID

if TYPE_CHECKING:
    from tillgate.entrypoints.docs.answers import Json

# Bare, or one quoted string of RFC 8941; a space could not be in the key itself.
_KEY_PATTERN = (
    rf"^([!#-+\x2d-\x5b\x5d-~]{{1,{MAX_KEY_LENGTH}}}"
    rf'|"([!#-\x5b\x5d-~]|\\["\\]){{1,{MAX_KEY_LENGTH}}}")$'
)

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
