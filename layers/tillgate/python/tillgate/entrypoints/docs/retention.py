"""Keeping and erasing, as the OpenAPI document has them."""

from __future__ import annotations

from tillgate.domain.administration import MAX_COUNTED
from tillgate.domain.retention import HELD_DAYS
from tillgate.domain.stored_event import CURSOR_PATTERN
from tillgate.entrypoints.admin_bodies import SLUG_PATTERN
from tillgate.entrypoints.docs.admin import (
    BODY_PROBLEMS,
    EXAMPLE_TENANT_ID,
    TENANT_PATH,
    operation,
)
from tillgate.entrypoints.docs.answers import Json, answer, body, parameter, schema
from tillgate.entrypoints.docs.schemas import COUNT, FLAG, INSTANT, TEXT, UUID, nullable, obj
from tillgate.settings.function import MAX_EVENT_RETENTION_DAYS, MIN_EVENT_RETENTION_DAYS

_TAG = ["Retention"]
_TENANT = (parameter("tenant_id"),)
_KEPT: Json = {"tenant_id": EXAMPLE_TENANT_ID, "days": 90, "is_default": False}
_USUAL: Json = {"tenant_id": EXAMPLE_TENANT_ID, "days": 400, "is_default": True}
_STATUS: Json = {"default_days": 400, "held_events": 12, "first_go_on": "2026-12-19"}
_COUNTS: Json = {
    "events": 48211,
    "deliveries": 48211,
    "attempts": 48377,
    "quarantine": 3,
    "sources": 2,
    "tokens": 1,
    "destinations": 1,
    "credentials": 0,
}
_ERASURE: Json = {
    "tenant_id": EXAMPLE_TENANT_ID,
    "asked_at": "2026-11-23T09:30:00.000000Z",
    "done_at": None,
    "removed": {**_COUNTS, "events": 12000, "deliveries": 12000, "attempts": 12044},
}
_DAYS: Json = {
    "type": "integer",
    "minimum": MIN_EVENT_RETENTION_DAYS,
    "maximum": MAX_EVENT_RETENTION_DAYS,
    "description": "Whole days in UTC after the one on which an event was stored.",
}
_CURSOR: Json = {
    "name": "cursor",
    "in": "query",
    "schema": {"type": "string", "pattern": f"^{CURSOR_PATTERN}$"},
    "description": "`next_cursor` of the page before: what follows is counted on.",
}

SCHEMAS: Json = {
    "NewRetention": obj({"days": _DAYS}),
    "Retention": obj(
        {
            "tenant_id": UUID,
            "days": _DAYS,
            "is_default": {**FLAG, "description": "As the stage's EVENT_RETENTION_DAYS has it."},
        }
    ),
    "RetentionStatus": obj(
        {
            "default_days": {**_DAYS, "description": "The stage's EVENT_RETENTION_DAYS."},
            "held_events": {
                **COUNT,
                "description": "Undelivered, and past their retention: they wait, or are dead"
                f" letters that nobody decided on. Counted to {MAX_COUNTED}.",
            },
            "first_go_on": {
                **nullable({"type": "string", "format": "date"}),
                "description": "The day on which the first of them are removed, delivered or not.",
            },
        }
    ),
    "NewErasure": obj({"slug": {"type": "string", "pattern": SLUG_PATTERN}}),
    "ErasureCounts": obj(dict.fromkeys(_COUNTS, COUNT)),
    "ErasurePlan": obj(
        {
            **dict.fromkeys(_COUNTS, COUNT),
            "next_cursor": {
                **nullable(TEXT),
                "description": "Not null: there are more events than one call counts. Add up what"
                " the further calls say.",
            },
        }
    ),
    "Erasure": obj(
        {
            "tenant_id": UUID,
            "asked_at": INSTANT,
            "done_at": {
                **nullable(INSTANT),
                "description": "When nothing was left; null until then.",
            },
            "removed": schema("ErasureCounts"),
        }
    ),
}

PATHS: Json = {
    "/admin/api/retention": {
        "get": operation(
            "readRetentionStatus",
            "What is only kept because it is undelivered?",
            {"200": answer("And the stage's retention", "RetentionStatus", _STATUS)},
            tags=_TAG,
        )
    },
    f"{TENANT_PATH}/retention": {
        "get": operation(
            "readRetention",
            "How long are a tenant's events kept?",
            {"200": answer("Its own, or the stage's", "Retention", _USUAL)},
            "not-found",
            parameters=_TENANT,
            tags=_TAG,
        ),
        "put": operation(
            "setRetention",
            "Keep a tenant's events so long",
            {"200": answer("So now, or so already", "Retention", _KEPT)},
            "not-found",
            *BODY_PROBLEMS,
            parameters=_TENANT,
            requestBody=body("NewRetention", {"days": 90}),
            description="Older events go within hours, with their deliveries and attempts, and for "
            f"good; undelivered ones {HELD_DAYS} days later. A key stays known for 90 days at "
            "least, and always longer than its event. Idempotent.",
            tags=_TAG,
        ),
        "delete": operation(
            "removeRetention",
            "Keep a tenant's events as long as everybody's",
            {"200": answer("So now, or so already", "Retention", _USUAL)},
            "not-found",
            parameters=_TENANT,
            tags=_TAG,
        ),
    },
    f"{TENANT_PATH}/erasure/plan": {
        "get": operation(
            "planErasure",
            "What would erasing a tenant remove?",
            {"200": answer("Counted", "ErasurePlan", {**_COUNTS, "next_cursor": None})},
            "not-found",
            "invalid-query",
            parameters=(*_TENANT, _CURSOR),
            description="Changes nothing. What waits on queues is sealed, and cannot be counted by "
            "tenant: it is not stored when it comes out.",
            tags=_TAG,
        )
    },
    f"{TENANT_PATH}/erasure": {
        "get": operation(
            "readErasure",
            "How far is the erasure of a tenant?",
            {"200": answer("What was removed so far", "Erasure", _ERASURE)},
            "not-found",
            parameters=_TENANT,
            tags=_TAG,
        ),
        "post": operation(
            "eraseTenant",
            "Erase a suspended tenant",
            {"202": answer("Begun, or so already", "Erasure", _ERASURE)},
            "not-found",
            "tenant-not-suspended",
            *BODY_PROBLEMS,
            parameters=_TENANT,
            requestBody=body("NewErasure", {"slug": "corner-cafe"}),
            description="For good: nothing undoes it. Its name, sources, tokens, destination and "
            "secrets are gone when this is answered; events, deliveries, attempts and what is in "
            "quarantine go within minutes, millions of events within hours. Keys with their "
            "fingerprints stay until they expire, counts of usage stay. What is still sent to its "
            "URLs is refused or acknowledged as before, and kept nowhere. Idempotent.",
            tags=_TAG,
        ),
    },
}
