"""The platform's own secrets, as the OpenAPI document has them."""

from __future__ import annotations

from tillgate.domain.key_ring import KEPT_DAYS
from tillgate.domain.rotation import PlatformSecret
from tillgate.domain.sealed import COUNTED_TO
from tillgate.entrypoints.docs.admin import operation
from tillgate.entrypoints.docs.answers import Json, answer, schema
from tillgate.entrypoints.docs.schemas import COUNT, FLAG, INSTANT, TEXT, nullable, obj

_DAY: Json = {"type": "string", "format": "date"}
_KEYS: Json = {
    "keys": [
        {
            "kid": "k1",
            "made_on": "2026-08-24",
            "is_current": False,
            "rows": {"source.sealed_secret": 12},
            "leaves_on": "2027-12-27",
            "stays_because": [
                "it is one of the 2 before the one that seals",
                "something sealed under it may live until 2027-12-27",
                "12 of source.sealed_secret name it",
            ],
        },
        {
            "kid": "k2-2026-11-22",
            "made_on": "2026-11-22",
            "is_current": True,
            "rows": {"app.sealed_secret": 1, "source.sealed_secret": 228},
            "leaves_on": None,
            "stays_because": ["it seals"],
        },
    ],
    "secrets": [
        {
            "name": name,
            "made_at": "2026-11-22T04:12:09.000000Z",
            "age_days": 1,
            "is_old": False,
        }
        for name in PlatformSecret
    ],
    "warnings": [],
}

SCHEMAS: Json = {
    "RingKey": obj(
        {
            "kid": {**TEXT, "description": "The key's name; the last one of the ring seals."},
            "made_on": {**nullable(_DAY), "description": "null: its name does not say."},
            "is_current": {**FLAG, "description": "Whether it seals."},
            "rows": {
                "type": "object",
                "additionalProperties": COUNT,
                "description": f"What names it, by table and column, counted to {COUNTED_TO} each.",
            },
            "leaves_on": {
                **nullable(_DAY),
                "description": f"{KEPT_DAYS} days after it stopped sealing: the first day on which"
                " a rotation takes it out, were there no rows.",
            },
            "stays_because": {
                "type": "array",
                "items": TEXT,
                "description": "Why it may not leave yet; empty: the next rotation takes it out.",
            },
        }
    ),
    "PlatformSecret": obj(
        {
            "name": {"enum": list(PlatformSecret)},
            "made_at": {**nullable(INSTANT), "description": "null: not noted yet."},
            "age_days": nullable(COUNT),
            "is_old": {**FLAG, "description": "Whether it is older than 90 days."},
        }
    ),
    "PlatformSecrets": obj(
        {
            "keys": {"type": "array", "items": schema("RingKey")},
            "secrets": {"type": "array", "items": schema("PlatformSecret")},
            "warnings": {"type": "array", "items": TEXT},
        }
    ),
}
PATHS: Json = {
    "/admin/api/keys": {
        "get": operation(
            "listKeys",
            "How old are the platform's own secrets, and which keys may leave?",
            {"200": answer("Names, days and counts; never a key", "PlatformSecrets", _KEYS)},
            description="The key ring seals vendors' secrets, credentials, quarantine, queued "
            "messages and the snapshot. Each quarter a rotation adds a key; each day what an older "
            "one sealed is sealed anew under it.",
        )
    },
}
