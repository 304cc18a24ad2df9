"""The shapes of what the operator sends and gets about delivery (JSON Schema 2020-12)."""

from __future__ import annotations

from tillgate.domain.dead_letters import (
    MAX_DISCARDED_IDS,
    MAX_LEFT,
    MAX_PER_SECOND,
    RedriveState,
)
from tillgate.domain.delivery import AttemptOutcome, DestinationKind
from tillgate.domain.destination_address import MAX_URL_LENGTH
from tillgate.domain.destinations import BreakerState
from tillgate.domain.enrichment import API_URLS
from tillgate.domain.event_query import TYPE_PATTERN
from tillgate.domain.stored_event import CURSOR_PATTERN, DeliveryState
from tillgate.entrypoints import admin_bodies as bodies
from tillgate.entrypoints.delivery_bodies import MAX_TOKEN_LENGTH
from tillgate.entrypoints.docs.answers import Json, schema
from tillgate.entrypoints.docs.schemas import COUNT, FLAG, INSTANT, TEXT, UUID, nullable, obj
from tillgate.services.replay import MAX_STEP

_KIND: Json = {"type": "string", "enum": list(DestinationKind)}
_URL: Json = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_URL_LENGTH,
    "pattern": bodies.URL_PATTERN,
    "description": "Of Supabase: the project's, such as `https://abc.supabase.co`. It must be "
    "https, on port 443, and at a public address.",
}
_SECRET: Json = {
    "type": "string",
    "minLength": 1,
    "maxLength": 512,
    "pattern": bodies.SECRET_PATTERN,
    "description": "Of Supabase: an API key that may write, which is never shown again.",
}
_TOKEN: Json = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_TOKEN_LENGTH,
    "pattern": bodies.SECRET_PATTERN,
    "description": "Of Clover: the merchant's API token, with the right to read what its webhooks "
    "name. It is never shown again, and not renewed: one that expires has to be set anew.",
}
_API_URL: Json = {
    **_URL,
    "description": "Left out: as it was, or else "
    f"{', '.join(f'`{url}` for {name}' for name, url in API_URLS.items())}. Clover's others are "
    "`https://api.eu.clover.com`, `https://api.la.clover.com`, and for test merchants "
    "`https://apisandbox.dev.clover.com`. It must be https, on port 443, and at a public address.",
}
_REASON: Json = {
    "type": "string",
    "pattern": bodies.REASON_PATTERN,
    "description": "Exactly as the plan has it.",
}
_ID: Json = {"type": "string", "pattern": bodies.UUID_PATTERN}
_CURSOR: Json = {"type": "string", "pattern": f"^{CURSOR_PATTERN}$"}
_NEXT_CURSOR: Json = {**nullable(_CURSOR), "description": "Null on the last."}
_REDRIVE: Json = {
    "redrive_id": UUID,
    "tenant_id": nullable(UUID),
    "reason": nullable(TEXT),
    "per_second": {"type": "integer", "minimum": 1, "maximum": MAX_PER_SECOND},
    "state": {"enum": list(RedriveState)},
    "moved": {**COUNT, "description": "Back in delivery."},
    "left": {
        **nullable(COUNT),
        "description": "Dead letters still, of those there were at its start; counted to "
        f"{MAX_LEFT:,}, and null in a list.",
    },
    "started_at": INSTANT,
    "ended_at": nullable(INSTANT),
}

DELIVERY: Json = {
    "NewDestination": obj({"kind": _KIND, "url": _URL, "secret": _SECRET}),
    "NewCredential": obj({"token": _TOKEN, "api_url": _API_URL}, optional=("api_url",)),
    "Destination": obj(
        {
            "tenant_id": UUID,
            "kind": _KIND,
            "url": TEXT,
            "set_at": {**INSTANT, "description": "When it was set, its secret too."},
            "breaker": obj(
                {
                    "state": {"enum": list(BreakerState)},
                    "failures": {**COUNT, "description": "In a row."},
                    "open_until": nullable(INSTANT),
                }
            ),
        }
    ),
    "DestinationTest": obj(
        {
            "outcome": {
                "enum": list(AttemptOutcome),
                "description": "What an attempt to deliver would have come to.",
            },
            "status": {"type": ["integer", "null"], "description": "Null where none came."},
            "duration_ms": {"type": "number"},
            "reason": nullable(TEXT),
        }
    ),
    "SyntheticDiscarded": obj(
        {
            "event_id": UUID,
            "destination": {
                "description": "Of its copy; null where it was never sent anywhere.",
                "anyOf": [
                    obj(
                        {
                            "is_removed": {
                                **FLAG,
                                "description": "False: it may be there still, by this event id.",
                            },
                            "status": {
                                "type": ["integer", "null"],
                                "description": "Null where none came.",
                            },
                            "duration_ms": {"type": "number"},
                            "reason": nullable(TEXT),
                        }
                    ),
                    {"type": "null"},
                ],
            },
        }
    ),
    "NewReplay": obj(
        {
            "since": {**INSTANT, "description": "Events stored then or later."},
            "until": {**INSTANT, "description": "Events stored before then."},
            "type": {"type": "string", "pattern": f"^{TYPE_PATTERN}$"},
            "status": {"type": "string", "enum": list(DeliveryState)},
            "cursor": {**_CURSOR, "description": "The `next_cursor` of the step before."},
            "limit": {
                "type": "integer",
                "minimum": 1,
                "maximum": MAX_STEP,
                "default": MAX_STEP,
                "description": "The most that one step looks at. Everything that a step replays is "
                "due at once, and new events wait behind it: take few, and pause between steps.",
            },
            "dry_run": {**FLAG, "description": "Only count."},
        },
        optional=("until", "type", "status", "cursor", "limit"),
    ),
    "ReplayStep": obj({"count": COUNT, "dry_run": FLAG, "next_cursor": _NEXT_CURSOR}),
    "DeadLetter": obj(
        {
            "tenant_id": UUID,
            "event_id": UUID,
            "reason": nullable(TEXT),
            "since": {**INSTANT, "description": "When its delivery was begun."},
            "attempted_at": nullable(INSTANT),
            "status": {"type": ["integer", "null"], "description": "Of the last attempt."},
        }
    ),
    "DeadLetterPage": obj(
        {
            "dead_letters": {"type": "array", "items": schema("DeadLetter")},
            "next_cursor": _NEXT_CURSOR,
        }
    ),
    "DeadLetterPlan": obj(
        {
            "count": COUNT,
            "groups": {
                "type": "array",
                "items": obj(
                    {
                        "tenant_id": UUID,
                        "slug": TEXT,
                        "reason": nullable(TEXT),
                        "count": COUNT,
                        "oldest": INSTANT,
                        "newest": INSTANT,
                    }
                ),
            },
        }
    ),
    "NewDiscard": obj(
        {
            "tenant_id": _ID,
            "reason": _REASON,
            "event_ids": {
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_DISCARDED_IDS,
                "items": _ID,
            },
            "count": {
                "type": "integer",
                "minimum": 1,
                "maximum": 10**12,
                "description": "How many there are, as the plan has it.",
            },
        },
        optional=("reason", "event_ids"),
        oneOf=[{"required": ["reason"]}, {"required": ["event_ids"]}],
    ),
    "Discarded": obj(
        {
            "discarded": COUNT,
            "left": {**COUNT, "description": "If not 0: repeat the call with this as `count`."},
        }
    ),
    "NewRedrive": obj(
        {"tenant_id": _ID, "reason": _REASON, "per_second": _REDRIVE["per_second"]},
        optional=("tenant_id", "reason"),
    ),
    "Redrive": obj(_REDRIVE),
    "Redrives": obj({"redrives": {"type": "array", "items": schema("Redrive")}}),
}
