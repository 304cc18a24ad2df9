"""How much a tenant may send, as the OpenAPI document has it."""

from __future__ import annotations

from tillgate.entrypoints.docs.admin import (
    BODY_PROBLEMS,
    EXAMPLE_TENANT,
    TENANT_PATH,
    operation,
)
from tillgate.entrypoints.docs.answers import Json, answer, body, parameter
from tillgate.settings.function import MAX_BURST, MAX_EVENTS_PER_SECOND

_TENANT = (parameter("tenant_id"),)
_LIMIT: Json = {"events_per_second": 20, "burst": 500}
_LIMITED: Json = {**EXAMPLE_TENANT, "limit": {**_LIMIT, "is_default": False}}

PATHS: Json = {
    f"{TENANT_PATH}/limit": {
        "get": operation(
            "readLimit",
            "How much may a tenant send?",
            {"200": answer("The tenant, with its limit", "Tenant", EXAMPLE_TENANT)},
            "not-found",
            parameters=_TENANT,
        ),
        "put": operation(
            "setLimit",
            "Give a tenant a limit of its own",
            {"200": answer("Set, or so already", "Tenant", _LIMITED)},
            "not-found",
            *BODY_PROBLEMS,
            parameters=_TENANT,
            requestBody=body("NewLimit", _LIMIT),
            description="In place of the stage's. What it sends above that is answered with 429 "
            "`rate-limited`; what a vendor delivers for it is taken, and stored later. Its reads "
            "and replays have a budget of the same size. Takes up to 30 s to reach every sandbox. "
            "Idempotent.",
        ),
        "delete": operation(
            "removeLimit",
            "Let a tenant have the stage's limit",
            {"200": answer("So now, or so already", "Tenant", EXAMPLE_TENANT)},
            "not-found",
            parameters=_TENANT,
            description="Takes up to 30 s to reach every sandbox.",
        ),
    }
}

LIMIT_FIELDS: Json = {
    "events_per_second": {"type": "integer", "minimum": 1, "maximum": MAX_EVENTS_PER_SECOND},
    "burst": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_BURST,
        "description": "How many events may come at once after a rest.",
    },
}
