"""The whole contract as one OpenAPI 3.1 document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.entrypoints.docs import (
    admin,
    audit,
    credentials,
    dead_letters,
    delivery,
    event_parameters,
    first_party,
    hours,
    keys,
    limits,
    operations,
    quarantine,
    retention,
    rotation,
    slo,
)
from tillgate.entrypoints.docs.admin_schemas import admin_schemas
from tillgate.entrypoints.docs.delivery_schemas import DELIVERY
from tillgate.entrypoints.docs.hours_schemas import HOURS
from tillgate.entrypoints.docs.quarantine_schemas import QUARANTINE
from tillgate.entrypoints.docs.schemas import FIRST_PARTY
from tillgate.providers import PROVIDERS

if TYPE_CHECKING:
    from tillgate.entrypoints.docs.answers import Json

_DESCRIPTION = """\
Tillgate takes in point-of-sale events over HTTPS, stores each exactly once per tenant and key, \
and answers inside the sender's deadline.

Every error is `application/problem+json` (RFC 9457) whose `type` names it; every response carries \
`X-Request-Id`, the `rid` to quote when you ask for help. A path that is not listed here is \
answered with 404 `not-found`, another method of a listed one with 405 `method-not-allowed` and \
`Allow`. The gateway itself, before Tillgate, answers requests over 10 MB, and more of them than \
it is set to pass, in words of its own.\
"""
_HEADERS: Json = {
    "X-Request-Id": {
        "description": "The request's id: yours where it fits, else a new one.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
    },
    "Location": {
        "description": "Where to read the event.",
        "required": True,
        "schema": {"type": "string", "pattern": "^/v1/events/[0-9a-f-]{36}$"},
    },
    "Idempotent-Replayed": {
        "description": "The answer is that of the first time.",
        "required": True,
        "schema": {"type": "string", "const": "true"},
    },
    "WWW-Authenticate": {
        "description": "How to authenticate.",
        "required": True,
        "schema": {"type": "string", "const": "Bearer"},
    },
    "Retry-After": {
        "description": "Seconds after which to try again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "RateLimit": {
        "description": "What is left of the tenant's quota, and in how many seconds there is more: "
        "draft-ietf-httpapi-ratelimit-headers.",
        "required": True,
        "schema": {"type": "string", "pattern": '^"tenant";r=[0-9]+;t=[0-9]+$'},
    },
    "RateLimit-Policy": {
        "description": "The tenant's quota in events, and the seconds that it is for. Each event "
        "of a batch counts as one.",
        "required": True,
        "schema": {"type": "string", "pattern": '^"tenant";q=[0-9]+;w=[0-9]+$'},
    },
}
_SECURITY: Json = {
    "tenantToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "A tenant's API token, `tg_live_...`. A revoked one may serve for 30 s.",
    },
    "operatorToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "The operator's token. A tenant's is refused like none.",
    },
    "metricsToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "The metrics token, which opens nothing else.",
    },
}
_TAGS = [
    {"name": "Events", "description": "Your own events: send them, read them back."},
    {"name": "Provider hooks", "description": "Where POS vendors deliver to."},
    {"name": "Health", "description": "For load balancers and deploys."},
    {"name": "Documents", "description": "This contract."},
    {"name": "Administration", "description": "For the operator, and for the CLI."},
    {"name": "Delivery", "description": "Where events go, and those that did not get there."},
    {"name": "Quarantine", "description": "What could not be accepted as it stood."},
    {"name": "Rotation", "description": "Other secrets and tokens, with an overlap."},
    {"name": "Retention", "description": "For how long events are kept, and what is erased."},
    {"name": "Silence", "description": "When sources are to be heard, and who is quiet."},
]


def openapi(*, version: str) -> Json:
    """Give the document of this version; plain data, ready for ``json``."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tillgate",
            "version": version,
            "summary": "Point-of-sale events in, each kept exactly once",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        # Beside the document itself, so that it is right under any path prefix.
        "servers": [{"url": "."}],
        "tags": _TAGS,
        "paths": {
            **first_party.PATHS,
            **operations.PATHS,
            **admin.PATHS,
            **credentials.PATHS,
            **delivery.PATHS,
            **dead_letters.PATHS,
            **quarantine.PATHS,
            **hours.PATHS,
            **rotation.PATHS,
            **retention.PATHS,
            **slo.PATHS,
            **audit.PATHS,
            **limits.PATHS,
            **keys.PATHS,
        },
        "components": {
            "schemas": {
                **FIRST_PARTY,
                **DELIVERY,
                **HOURS,
                **QUARANTINE,
                **slo.SCHEMAS,
                **audit.SCHEMAS,
                **keys.SCHEMAS,
                **retention.SCHEMAS,
                **admin_schemas(PROVIDERS),
            },
            "parameters": {
                **event_parameters.PARAMETERS,
                **admin.PARAMETERS,
                **dead_letters.PARAMETERS,
                **quarantine.PARAMETERS,
            },
            "headers": _HEADERS,
            "securitySchemes": _SECURITY,
        },
    }
