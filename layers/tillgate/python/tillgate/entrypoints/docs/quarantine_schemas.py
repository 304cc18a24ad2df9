"""The shapes of what the operator sends and gets about quarantine (JSON Schema 2020-12)."""

from __future__ import annotations

from tillgate.domain.quarantine import Reason
from tillgate.domain.set_aside import (
    CURSOR_PATTERN,
    MAX_DISCARDED_IDS,
    MAX_RETRIED,
    RetryOutcome,
)
from tillgate.entrypoints import admin_bodies as bodies
from tillgate.entrypoints.docs.answers import Json, schema
from tillgate.entrypoints.docs.schemas import COUNT, FLAG, INSTANT, TEXT, UUID, nullable, obj
from tillgate.entrypoints.quarantine_bodies import PROVIDER_PATTERN

_ID: Json = {"type": "string", "pattern": bodies.UUID_PATTERN}
_REASON: Json = {"type": "string", "enum": list(Reason)}
_CURSOR: Json = {"type": "string", "pattern": f"^{CURSOR_PATTERN}$"}
_NEXT_CURSOR: Json = {**nullable(_CURSOR), "description": "Null on the last."}
# Name: its shape, and what it does. In a query, and in a body.
FILTERS: dict[str, tuple[Json, str]] = {
    "tenant_id": (_ID, "Only this tenant's, as far as it is known whose they are."),
    "endpoint_id": (_ID, "Only what came to this source or app."),
    "provider": (
        {"type": "string", "pattern": PROVIDER_PATTERN},
        "Only this vendor's; `api` for what came through `/v1/events`, `unknown` for no vendor's.",
    ),
    "reason": (_REASON, "Only what was set aside for this reason."),
    "since": (INSTANT, "Received then or later."),
    "until": (INSTANT, "Received before then."),
}
_FILTERS: Json = {name: {**shape, "description": told} for name, (shape, told) in FILTERS.items()}
_DELIVERY: Json = {
    "quarantine_id": UUID,
    "reason": _REASON,
    "provider": TEXT,
    "tenant_id": nullable(UUID),
    "endpoint_id": nullable(UUID),
    "events": {**COUNT, "description": "For how many of its events it is set aside."},
    "sealed_bytes": COUNT,
    "rid": {**TEXT, "description": "Of the request that brought it."},
    "received_at": INSTANT,
    "expires_at": {**INSTANT, "description": "When it is removed, tried again or not."},
}
_CONTENT: Json = obj(
    {
        "called": obj(
            {"provider": nullable(TEXT), "endpoint_id": nullable(TEXT)},
            description="As the URL had it; null where that was not kept.",
        ),
        "headers": {"type": "object", "additionalProperties": TEXT},
        "encoding": {"enum": ["text", "base64"]},
        "body": TEXT,
        "body_bytes": {**COUNT, "description": "Of all that was kept of it."},
        "is_cut": {**FLAG, "description": "More was kept than is shown."},
        "was_kept_whole": {**FLAG, "description": "If not, it cannot be tried again."},
    }
)


def _ids(at_most: int) -> Json:
    return {"type": "array", "items": _ID, "minItems": 1, "maxItems": at_most}


def _not_with_ids(*names: str) -> Json:
    """Say that these members do not go with ids."""
    return {"required": ["ids"], "anyOf": [{"required": [name]} for name in names]}


QUARANTINE: Json = {
    "Quarantined": obj(_DELIVERY),
    "QuarantinePage": obj(
        {
            "deliveries": {"type": "array", "items": schema("Quarantined")},
            "next_cursor": _NEXT_CURSOR,
        }
    ),
    "QuarantinePlan": obj(
        {
            "count": COUNT,
            "events": COUNT,
            "by_reason": {"type": "object", "additionalProperties": COUNT},
            "groups": {
                "type": "array",
                "items": obj(
                    {
                        "reason": _REASON,
                        "provider": TEXT,
                        "tenant_id": nullable(UUID),
                        "slug": nullable(TEXT),
                        "endpoint_id": nullable(UUID),
                        "count": COUNT,
                        "events": COUNT,
                        "oldest": INSTANT,
                        "newest": INSTANT,
                    }
                ),
            },
        }
    ),
    "QuarantinedDelivery": obj(
        {
            **_DELIVERY,
            "is_content_shown": {**FLAG, "description": "Whether the content was asked for."},
            "content": _CONTENT,
        },
        optional=("content",),
    ),
    "NewQuarantineRetry": obj(
        {
            "ids": _ids(MAX_RETRIED),
            **_FILTERS,
            "limit": {
                "type": "integer",
                "minimum": 1,
                "maximum": MAX_RETRIED,
                "default": MAX_RETRIED,
            },
            "cursor": {**_CURSOR, "description": "Where the call before ended."},
        },
        optional=("ids", *_FILTERS, "limit", "cursor"),
        description="`ids` alone, or filters.",
        **{"not": _not_with_ids(*_FILTERS, "limit", "cursor")},
    ),
    "QuarantineRetry": obj(
        {
            "stored": {**COUNT, "description": "Events."},
            "duplicates": {**COUNT, "description": "Events that were stored before."},
            "still_refused": {**COUNT, "description": "Deliveries that stay, all or in part."},
            "deliveries": {
                "type": "array",
                "items": obj(
                    {
                        "quarantine_id": UUID,
                        "outcome": {
                            "enum": list(RetryOutcome),
                            "description": "`cut`: its body was not kept whole. `unopenable`: it "
                            "is damaged, or its key has left the ring. `failed`: it stays as it "
                            "was, and the log says why not. `untried`: the call's time was used "
                            "up. `busy`: somebody else tries it now.",
                        },
                        "stored": COUNT,
                        "duplicates": COUNT,
                        "remaining": {
                            "type": "array",
                            "items": obj(
                                {
                                    "quarantine_id": UUID,
                                    "reason": _REASON,
                                    "tenant_id": nullable(UUID),
                                    "events": COUNT,
                                }
                            ),
                            "description": "What is still refused, by its cause of now.",
                        },
                    }
                ),
            },
            "next_cursor": _NEXT_CURSOR,
        }
    ),
    "NewQuarantineDiscard": obj(
        {
            "ids": _ids(MAX_DISCARDED_IDS),
            **_FILTERS,
            "count": {
                "type": "integer",
                "minimum": 1,
                "maximum": 10**12,
                "description": "As the plan says, or how many ids there are.",
            },
        },
        optional=("ids", *_FILTERS),
        description="`ids` alone, or a reason with further filters.",
        anyOf=[{"required": ["ids"]}, {"required": ["reason"]}],
        **{"not": _not_with_ids(*_FILTERS)},
    ),
}
