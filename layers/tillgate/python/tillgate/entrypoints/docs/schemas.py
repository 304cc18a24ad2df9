"""The shapes of what senders and readers send and get (JSON Schema 2020-12)."""

from __future__ import annotations

from tillgate.domain.delivery import AttemptOutcome
from tillgate.domain.event import MAX_BATCH
from tillgate.domain.idempotency import MAX_KEY_LENGTH
from tillgate.domain.stored_event import CURSOR_PATTERN, MAX_ATTEMPTS, DeliveryState
from tillgate.entrypoints.docs.answers import Json, schema
from tillgate.entrypoints.event_json import UNKNOWN

UUID: Json = {"type": "string", "format": "uuid"}
INSTANT: Json = {"type": "string", "format": "date-time"}
TEXT: Json = {"type": "string"}
COUNT: Json = {"type": "integer", "minimum": 0}
FLAG: Json = {"type": "boolean"}
_KEY: Json = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_KEY_LENGTH,
    "pattern": "^[!-~]+$",
}


def nullable(of: Json) -> Json:
    return {**of, "type": [of["type"], "null"]}


def obj(properties: Json, *, optional: tuple[str, ...] = (), **more: object) -> Json:
    """Describe an object of exactly these members."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
        **more,
    }


_NEW_EVENT: Json = {
    "type": {
        "type": "string",
        "pattern": r"^[A-Za-z0-9._-]{1,128}$",
        "description": "What happened: 1 to 128 of `A-Za-z0-9._-`, for example `order.created`.",
    },
    "data": {
        "type": "object",
        "description": "Anything, at most 64 levels deep. Numbers come back as they were written.",
    },
    "occurred_at": {**INSTANT, "description": "When it happened at the till (RFC 3339)."},
    "entity_id": {
        "type": "string",
        "minLength": 1,
        "maxLength": 128,
        "pattern": r"^[^\u0000]*$",
        "description": "What it happened to, for example your order's id.",
    },
    "entity_version": {
        "type": "integer",
        "minimum": 0,
        "maximum": 10**100 - 1,
        "description": "Which state of that entity this is; the highest is the newest.",
    },
}
_NOT_REQUIRED = ("occurred_at", "entity_id", "entity_version")

_EVENT_HEAD: Json = {
    "event_id": {**UUID, "description": "A UUIDv7: ids sort by the time of storing."},
    "type": TEXT,
    "occurred_at": INSTANT,
    "entity_id": TEXT,
    "entity_version": COUNT,
    "idempotency_key": TEXT,
    "source": {**TEXT, "description": "`api`, or the id of the source it came through."},
    "provider": {**TEXT, "description": "`api`, or the POS vendor."},
    "received_at": INSTANT,
    "stored_at": INSTANT,
}
_STATE: Json = {
    "type": "string",
    "enum": list(DeliveryState),
    "description": "`none` when the tenant has no destination.",
}
_ATTEMPT = obj(
    {
        "at": INSTANT,
        "outcome": {
            "enum": [*AttemptOutcome, UNKNOWN],
            "description": "`unknown` while it goes on, and for good where nobody came back to"
            " tell what became of it.",
        },
        "status": {"type": "integer", "description": "HTTP's, where there was an answer."},
        "duration_ms": {"type": "number", "minimum": 0},
        "reason": TEXT,
    },
    optional=("status", "duration_ms", "reason"),
)
_ATTEMPTS: Json = {
    "type": "array",
    "items": _ATTEMPT,
    "maxItems": MAX_ATTEMPTS,
    "description": "Every request that was made for it, the oldest first; of very many, the last.",
}
_FAULTS: Json = {
    "type": "array",
    "items": obj({"pointer": TEXT, "detail": TEXT}),
    "description": (
        "Every fault: where (a JSON pointer) and what. Of very many, the first 100, or 10 for"
        " an item of a batch."
    ),
}
_PROBLEM: Json = {
    "type": TEXT,
    "title": TEXT,
    "status": {"type": "integer"},
    "detail": TEXT,
    "errors": _FAULTS,
    "event_id": {**UUID, "description": "Of the event that holds the key."},
}

FIRST_PARTY: Json = {
    "NewEvent": obj(_NEW_EVENT, optional=_NOT_REQUIRED),
    "NewBatch": obj(
        {
            "events": {
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_BATCH,
                "items": {
                    "anyOf": [
                        schema("NewBatchEvent"),
                        {"description": "Anything else is answered as `invalid` in its place."},
                    ]
                },
            }
        }
    ),
    "NewBatchEvent": obj({"idempotency_key": _KEY, **_NEW_EVENT}, optional=_NOT_REQUIRED),
    "Stored": obj(
        {
            "event_id": UUID,
            "status": {"const": "stored"},
            "duplicate": FLAG,
            "received_at": INSTANT,
            "rid": TEXT,
        }
    ),
    "Queued": obj(
        {
            "status": {"const": "queued"},
            "idempotency_key": _KEY,
            "received_at": INSTANT,
            "rid": TEXT,
        }
    ),
    "BatchAnswer": obj({"results": {"type": "array", "items": schema("BatchResult")}, "rid": TEXT}),
    "BatchResult": obj(
        {
            "idempotency_key": nullable(TEXT),
            "status": {"enum": ["stored", "duplicate", "conflict", "invalid", "queued"]},
            "event_id": {**UUID, "description": "Of the event that holds the key, once stored."},
            "problem": obj(_PROBLEM, optional=("errors", "event_id")),
        },
        optional=("event_id", "problem"),
    ),
    "Replayed": obj({"event_id": UUID, "rid": TEXT}),
    "Event": obj(
        {
            **_EVENT_HEAD,
            "data": {"type": "object"},
            "delivery": obj({"state": _STATE, "attempts": _ATTEMPTS}),
        },
        optional=_NOT_REQUIRED,
    ),
    "ListedEvent": obj({**_EVENT_HEAD, "delivery": obj({"state": _STATE})}, optional=_NOT_REQUIRED),
    "EventPage": obj(
        {
            "events": {"type": "array", "items": schema("ListedEvent")},
            "next_cursor": {
                "type": ["string", "null"],
                "pattern": f"^{CURSOR_PATTERN}$",
                "description": "Send it as `cursor` for the next page; null on the last.",
            },
        }
    ),
    "Problem": obj({**_PROBLEM, "rid": TEXT}, optional=("errors", "event_id")),
    "HookAnswer": obj(
        {
            "accepted": COUNT,
            "duplicates": COUNT,
            "queued": COUNT,
            "quarantined": COUNT,
            "rid": TEXT,
        }
    ),
    "Alive": obj({"status": {"const": "ok"}, "version": TEXT}),
    "Readiness": obj(
        {
            "status": {"enum": ["ready", "not_ready"]},
            "version": TEXT,
            "checks": {
                "type": "object",
                "properties": {
                    "database": obj({"ok": FLAG, "latency_ms": {"type": "number"}}),
                    "migrations": obj({"ok": FLAG, "current": nullable(COUNT), "expected": COUNT}),
                    "secrets": obj({"ok": FLAG}),
                    "queue": obj({"ok": FLAG}),
                    "supabase": {"enum": ["configured", "absent"]},
                },
                "required": ["database", "migrations", "secrets", "queue", "supabase"],
            },
        }
    ),
}
