"""``/admin/api/dead-letters``, as the OpenAPI document has it."""

from __future__ import annotations

from tillgate.domain.dead_letters import RedriveState
from tillgate.domain.event_query import DEFAULT_LIMIT, MAX_LIMIT
from tillgate.domain.stored_event import CURSOR_PATTERN
from tillgate.entrypoints.admin_bodies import REASON_PATTERN
from tillgate.entrypoints.docs.admin import BODY_PROBLEMS, EXAMPLE_TENANT_ID, operation
from tillgate.entrypoints.docs.answers import Json, answer, body, parameter
from tillgate.entrypoints.docs.problems import EXAMPLE_EVENT_ID

_TAG = ["Delivery"]
_REDRIVE_ID = "a1f0d9c8-3b2e-4d5f-8a6b-7c9e0d1f2a3b"
_AT = "2026-11-23T09:30:00.000000Z"
_LATER = "2026-11-23T09:30:05.000000Z"
_REASON = "http-401"
_REDRIVE: Json = {
    "redrive_id": _REDRIVE_ID,
    "tenant_id": EXAMPLE_TENANT_ID,
    "reason": None,
    "per_second": 10,
    "state": "running",
    "moved": 0,
    "left": 12,
    "started_at": _AT,
    "ended_at": None,
}
_LISTED: Json = {**_REDRIVE, "left": None}
PARAMETERS: Json = {
    "redrive_id": {
        "name": "redrive_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
        "example": _REDRIVE_ID,
    }
}
_FILTERS: tuple[Json, ...] = (
    {
        "name": "tenant_id",
        "in": "query",
        "schema": {"type": "string", "format": "uuid"},
        "description": "Only this tenant's.",
    },
    {
        "name": "reason",
        "in": "query",
        "schema": {"type": "string", "pattern": REASON_PATTERN},
        "description": "Only those with exactly this reason.",
    },
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
        "listDeadLetters",
        "List dead letters: deliveries that were given up",
        {
            "200": answer(
                "One page, the newest stored event first",
                "DeadLetterPage",
                {
                    "dead_letters": [
                        {
                            "tenant_id": EXAMPLE_TENANT_ID,
                            "event_id": EXAMPLE_EVENT_ID,
                            "reason": _REASON,
                            "since": _AT,
                            "attempted_at": _LATER,
                            "status": 401,
                        }
                    ],
                    "next_cursor": None,
                },
            )
        },
        "invalid-query",
        parameters=(*_FILTERS, *_PAGING),
        tags=_TAG,
    )
}
_PLAN: Json = {
    "get": operation(
        "planDeadLetters",
        "Count dead letters by tenant, reason and age",
        {
            "200": answer(
                "Before anything moves",
                "DeadLetterPlan",
                {
                    "count": 12,
                    "groups": [
                        {
                            "tenant_id": EXAMPLE_TENANT_ID,
                            "slug": "corner-cafe",
                            "reason": _REASON,
                            "count": 12,
                            "oldest": _AT,
                            "newest": _LATER,
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
_DISCARD: Json = {
    "post": operation(
        "discardDeadLetters",
        "Lay dead letters aside",
        {
            "200": answer(
                "Laid aside: all, or, of more than 10,000, the first",
                "Discarded",
                {"discarded": 12, "left": 0},
            )
        },
        "dead-letters-changed",
        *BODY_PROBLEMS,
        requestBody=body(
            "NewDiscard", {"tenant_id": EXAMPLE_TENANT_ID, "reason": _REASON, "count": 12}
        ),
        description="A tenant's, by their reason or by their events' ids. `count` confirms how "
        "many: with another number nothing is done. The events stay, and can be replayed.",
        tags=_TAG,
    )
}
_REDRIVES: Json = {
    "get": operation(
        "listRedrives",
        "Which redrives are there?",
        {"200": answer("The last begun first", "Redrives", {"redrives": [_LISTED]})},
        "invalid-query",
        parameters=(
            {
                "name": "state",
                "in": "query",
                "schema": {"type": "string", "enum": list(RedriveState)},
                "description": "Only those in this state.",
            },
            _PAGING[0],
        ),
        description="Here one is found whose beginning was never answered.",
        tags=_TAG,
    )
}
_START: Json = {
    "post": operation(
        "startRedrive",
        "Send dead letters on again",
        {"201": answer("Begun; sweep works it off", "Redrive", _REDRIVE)},
        *BODY_PROBLEMS,
        requestBody=body("NewRedrive", {"tenant_id": EXAMPLE_TENANT_ID, "per_second": 10}),
        description="Those that there are now, so many a second, and on a queue of their own. "
        "What is given up again stays a dead letter.",
        tags=_TAG,
    )
}
_READ: Json = {
    "get": operation(
        "readRedrive",
        "How far is a redrive?",
        {"200": answer("As it is now", "Redrive", {**_REDRIVE, "moved": 7, "left": 5})},
        "not-found",
        parameters=(parameter("redrive_id"),),
        tags=_TAG,
    )
}
_CANCEL: Json = {
    "post": operation(
        "cancelRedrive",
        "Stop a redrive",
        {
            "200": answer(
                "Stopped, or ended before",
                "Redrive",
                {**_REDRIVE, "state": "cancelled", "moved": 7, "left": 5, "ended_at": _LATER},
            )
        },
        "not-found",
        parameters=(parameter("redrive_id"),),
        description="What it has moved stays moved. Idempotent.",
        tags=_TAG,
    )
}

_PATH = "/admin/api/dead-letters"
PATHS: Json = {
    _PATH: _LIST,
    f"{_PATH}/plan": _PLAN,
    f"{_PATH}/discard": _DISCARD,
    f"{_PATH}/redrives": {**_REDRIVES, **_START},
    f"{_PATH}/redrives/{{redrive_id}}": _READ,
    f"{_PATH}/redrives/{{redrive_id}}/cancel": _CANCEL,
}
