"""``/admin/api/audit``, as the OpenAPI document has it."""

from __future__ import annotations

from tillgate.domain.audit import CURSOR_PATTERN, KEPT_YEARS, Action, ActorKind
from tillgate.domain.event_query import DEFAULT_LIMIT, MAX_LIMIT
from tillgate.entrypoints.admin_audit import ACTOR_PATTERN
from tillgate.entrypoints.admin_bodies import UUID_PATTERN
from tillgate.entrypoints.docs.admin import EXAMPLE_TENANT_ID, operation
from tillgate.entrypoints.docs.answers import Json, answer, schema
from tillgate.entrypoints.docs.problems import EXAMPLE_RID
from tillgate.entrypoints.docs.schemas import INSTANT, TEXT, UUID, nullable, obj

_CURSOR: Json = {"type": "string", "pattern": f"^{CURSOR_PATTERN}$"}
_ENTRY: Json = {
    "entry_id": "01a207d9-2607-7716-9e0b-6a4f1d2c8b35",
    "at": "2026-11-23T09:30:00.000000Z",
    "actor": {"kind": "operator", "id": "sha256:5f2c90ab", "claimed_name": "alice"},
    "action": Action.TOKEN_REVOKED.value,
    "tenant_id": EXAMPLE_TENANT_ID,
    "target": {"kind": "token", "id": "0b9a8c7d-6e5f-4a3b-8c1d-0e9f8a7b6c5d"},
    "rid": EXAMPLE_RID,
    "source_address": "192.0.2.1",
    "details": {"hint": "tg_live_4f9Q"},
}
_REPLAYED: Json = {
    **_ENTRY,
    "actor": {"kind": "tenant", "id": "tg_live_4f9Q", "claimed_name": None},
    "action": Action.EVENT_REPLAYED.value,
    "target": {"kind": "event", "id": "01a207d9-2607-7716-9e0b-6a4f1d2c8b34"},
    "details": {},
}

SCHEMAS: Json = {
    "AuditEntry": obj(
        {
            "entry_id": UUID,
            "at": {**INSTANT, "description": "By the database's clock."},
            "actor": obj(
                {
                    "kind": {
                        "enum": list(ActorKind),
                        "description": "`system`: nobody's token, but Tillgate itself, or who "
                        "worked on its database as the operator's role.",
                    },
                    "id": {
                        **TEXT,
                        "description": "Which token: the first digits of the SHA-256 of an "
                        "operator's, the hint of a tenant's.",
                    },
                    "claimed_name": {
                        **nullable(TEXT),
                        "description": "What the caller sent in `X-Operator`. A claim: nothing "
                        "proves it.",
                    },
                }
            ),
            "action": {**TEXT, "description": f"One of {', '.join(Action)}."},
            "tenant_id": {**nullable(UUID), "description": "Also when it is erased since."},
            "target": {
                "type": ["object", "null"],
                "properties": {"kind": TEXT, "id": TEXT},
                "required": ["kind", "id"],
                "additionalProperties": False,
            },
            "rid": {**TEXT, "description": "Of the request, as in the log and in the answer."},
            "source_address": {
                **TEXT,
                "description": "The caller's, as the gateway saw it: a proxy's, where one is "
                "before it. Empty where nobody called.",
            },
            "details": {
                "type": "object",
                "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
                "description": "Counts, flags, ids, and the host of a new address. Never a "
                "payload, a name or a secret.",
            },
        }
    ),
    "AuditPage": obj(
        {
            "entries": {"type": "array", "items": schema("AuditEntry")},
            "next_cursor": {**nullable(_CURSOR), "description": "Null on the last."},
        }
    ),
}


def _query(name: str, shape: Json, told: str = "") -> Json:
    return {"name": name, "in": "query", "schema": shape, "description": told}


_PARAMETERS: tuple[Json, ...] = (
    _query("tenant_id", {"type": "string", "pattern": UUID_PATTERN}, "Only what concerns it."),
    _query("action", {"type": "string", "enum": list(Action)}, "Only this."),
    _query(
        "actor",
        {"type": "string", "pattern": ACTOR_PATTERN},
        "Only by this token, by its `id`, or by who claimed this name.",
    ),
    _query("since", INSTANT, "Done then or later."),
    _query("until", INSTANT, "Done before then."),
    _query(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    ),
    _query("cursor", _CURSOR, "The `next_cursor` of the page before, with the same filters."),
)
PATHS: Json = {
    "/admin/api/audit": {
        "get": operation(
            "listAudit",
            "Who did what?",
            {
                "200": answer(
                    "One page, the newest entry first",
                    "AuditPage",
                    {"entries": [_ENTRY, _REPLAYED], "next_cursor": None},
                )
            },
            "invalid-query",
            parameters=_PARAMETERS,
            description="Every change that was asked for by the operator's token, every replay by "
            "a tenant's, and every look at a payload, in an entry that was written in the same "
            "transaction, or before the answer, and that nothing changes afterwards. What was "
            "refused left none. Kept until its year is "
            f"{KEPT_YEARS} whole years old, also of a tenant that is erased.",
        )
    }
}
