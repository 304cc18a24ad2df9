"""``/admin/api/quarantine``, as the OpenAPI document has it."""

from __future__ import annotations

from tillgate.domain.event_query import DEFAULT_LIMIT, MAX_LIMIT
from tillgate.domain.quarantine import Reason
from tillgate.domain.set_aside import CURSOR_PATTERN, MAX_RETRIED, MAX_SHOWN_BYTES
from tillgate.entrypoints.docs.admin import BODY_PROBLEMS, EXAMPLE_TENANT_ID, operation
from tillgate.entrypoints.docs.answers import Json, answer, body, parameter
from tillgate.entrypoints.docs.problems import EXAMPLE_RID
from tillgate.entrypoints.docs.quarantine_schemas import FILTERS

_TAG = ["Quarantine"]
_ID = "5e1b7c90-2d4f-5a68-9b3e-7f0c1d2e3f4a"
_SOURCE_ID = "4c1d6f0e-8a57-4b1e-9d3c-2f6b7a905e18"
_AT = "2026-11-23T09:30:00.000000Z"
_REASON = Reason.SIGNATURE_REFUSED.value
_DELIVERY: Json = {
    "quarantine_id": _ID,
    "reason": _REASON,
    "provider": "square",
    "tenant_id": EXAMPLE_TENANT_ID,
    "endpoint_id": _SOURCE_ID,
    "events": 1,
    "sealed_bytes": 912,
    "rid": EXAMPLE_RID,
    "received_at": _AT,
    "expires_at": "2026-12-23T09:30:00.000000Z",
}
PARAMETERS: Json = {
    "quarantine_id": {
        "name": "quarantine_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
        "example": _ID,
    }
}
_FILTERS: tuple[Json, ...] = tuple(
    {"name": name, "in": "query", "schema": shape, "description": told}
    for name, (shape, told) in FILTERS.items()
)
_PAGING: tuple[Json, ...] = (
    {
        "name": "limit",
        "in": "query",
        "schema": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_LIMIT,
            "default": DEFAULT_LIMIT,
        },
    },
    {
        "name": "cursor",
        "in": "query",
        "schema": {"type": "string", "pattern": f"^{CURSOR_PATTERN}$"},
        "description": "The `next_cursor` of the page before, with the same filters.",
    },
)
_LIST: Json = {
    "get": operation(
        "listQuarantine",
        "List what could not be accepted as it stood",
        {
            "200": answer(
                "One page, the newest receipt first",
                "QuarantinePage",
                {"deliveries": [_DELIVERY], "next_cursor": None},
            )
        },
        "invalid-query",
        parameters=(*_FILTERS, *_PAGING),
        description="Whole deliveries, sealed, for 30 days. One that was set aside for several "
        "causes is there once for each, and stands there for the events of that cause.",
        tags=_TAG,
    )
}
_PLAN: Json = {
    "get": operation(
        "planQuarantine",
        "Count what is in quarantine by cause",
        {
            "200": answer(
                "Before anything is tried or discarded",
                "QuarantinePlan",
                {
                    "count": 12,
                    "events": 12,
                    "by_reason": {_REASON: 12},
                    "groups": [
                        {
                            "reason": _REASON,
                            "provider": "square",
                            "tenant_id": EXAMPLE_TENANT_ID,
                            "slug": "corner-cafe",
                            "endpoint_id": _SOURCE_ID,
                            "count": 12,
                            "events": 12,
                            "oldest": _AT,
                            "newest": _AT,
                        }
                    ],
                },
            )
        },
        "invalid-query",
        parameters=_FILTERS,
        tags=_TAG,
    )
}
_SHOW: Json = {
    "get": operation(
        "readQuarantine",
        "Look at one delivery in quarantine",
        {
            "200": answer(
                "Unopened, or with its content",
                "QuarantinedDelivery",
                {
                    **_DELIVERY,
                    "is_content_shown": True,
                    "content": {
                        "called": {"provider": "square", "endpoint_id": _SOURCE_ID},
                        "headers": {
                            "content-type": "application/json",
                            "x-square-hmacsha256-signature": "(masked, 44 characters)",
                        },
                        "encoding": "text",
                        "body": '{"merchant_id":"MLEFBHHSJGVHD"}',
                        "body_bytes": 31,
                        "is_cut": False,
                        "was_kept_whole": True,
                    },
                },
            )
        },
        "not-found",
        "invalid-query",
        parameters=(
            parameter("quarantine_id"),
            {
                "name": "content",
                "in": "query",
                "schema": {"type": "string", "enum": ["true", "false"]},
                "description": "Open it: its customers' data may be in it, so that the log says "
                "that and which was opened. Headers that may be a credential or a signature are "
                f"masked, and of the body the first {MAX_SHOWN_BYTES // 1024} KiB are shown.",
            },
        ),
        tags=_TAG,
    )
}
_RETRY: Json = {
    "post": operation(
        "retryQuarantine",
        "Try what is in quarantine again",
        {
            "200": answer(
                "What became of each",
                "QuarantineRetry",
                {
                    "stored": 1,
                    "duplicates": 0,
                    "still_refused": 1,
                    "deliveries": [
                        {
                            "quarantine_id": _ID,
                            "outcome": "stored",
                            "stored": 1,
                            "duplicates": 0,
                            "remaining": [],
                        },
                        {
                            "quarantine_id": "8a2d6e41-7b9c-5f03-a1d8-3c4e5f607182",
                            "outcome": "still-refused",
                            "stored": 0,
                            "duplicates": 0,
                            "remaining": [
                                {
                                    "quarantine_id": "8a2d6e41-7b9c-5f03-a1d8-3c4e5f607182",
                                    "reason": "merchant-unknown",
                                    "tenant_id": None,
                                    "events": 1,
                                }
                            ],
                        },
                    ],
                    "next_cursor": None,
                },
            )
        },
        *BODY_PROBLEMS,
        requestBody=body("NewQuarantineRetry", {"reason": _REASON, "endpoint_id": _SOURCE_ID}),
        description="By the path that refused them, with today's secrets and bindings, at most "
        f"{MAX_RETRIED} in a call: `ids`, or those that the filters choose, the oldest receipt "
        "first; repeat the call with `next_cursor` until it is null. A signature's age is that "
        "at the receipt. What is stored is stored once, however often it is tried. What is still "
        "refused stays, with its reason of now. What a revoked token brought is tried only where "
        "`ids` or the `reason` name it.",
        tags=_TAG,
    )
}
_DISCARD: Json = {
    "post": operation(
        "discardQuarantine",
        "Discard what is in quarantine",
        {
            "200": answer(
                "Removed for good: all, or, of more than 10,000, the oldest",
                "Discarded",
                {"discarded": 12, "left": 0},
            )
        },
        "quarantine-changed",
        *BODY_PROBLEMS,
        requestBody=body("NewQuarantineDiscard", {"reason": _REASON, "count": 12}),
        description="By their ids, or by a reason and further filters. `count` confirms how many: "
        "with another number nothing is done.",
        tags=_TAG,
    )
}

_PATH = "/admin/api/quarantine"
PATHS: Json = {
    _PATH: _LIST,
    f"{_PATH}/plan": _PLAN,
    f"{_PATH}/retry": _RETRY,
    f"{_PATH}/discard": _DISCARD,
    f"{_PATH}/{{quarantine_id}}": _SHOW,
}
