"""``/admin/api``, as the OpenAPI document has it."""

from __future__ import annotations

from tillgate.domain.audit import MAX_CLAIMED_NAME
from tillgate.entrypoints.docs.answers import (
    OPERATOR,
    Json,
    answer,
    body,
    parameter,
    problems,
)
from tillgate.entrypoints.docs.event_parameters import LIST_QUERY
from tillgate.entrypoints.docs.first_party import PAGE_EXAMPLE, READ_ONE_ANSWER

EXAMPLE_TENANT_ID = "7d0f2c34-5b1a-4e6f-9a8b-1c2d3e4f5a6b"
_APP_ID = "e2b7c6a1-04d3-4f58-8b9e-6d7c5a4b3f2e"
_SOURCE_ID = "4c1d6f0e-8a57-4b1e-9d3c-2f6b7a905e18"
_AT = "2026-11-23T09:30:00.000000Z"
_HOOKS = "https://events.example.com/v1/hooks"
_TENANT: Json = {
    "tenant_id": EXAMPLE_TENANT_ID,
    "slug": "corner-cafe",
    "name": "Corner Café",
    "state": "active",
    "created_at": _AT,
    "limit": {"events_per_second": 100, "burst": 1000, "is_default": True},
    "limited_at": None,
}
EXAMPLE_TENANT = _TENANT
EXAMPLE_TOKEN: Json = {
    "token_id": "0b9a8c7d-6e5f-4a3b-8c1d-0e9f8a7b6c5d",
    "tenant_id": EXAMPLE_TENANT_ID,
    "name": "till 1",
    "hint": "tg_live_4f9Q",
    "created_at": _AT,
    "revoked_at": None,
    "age_days": 3,
    "last_used_at": _AT,
    "replaced_by": None,
    "warnings": [],
}
_SECRETS: Json = {
    "secret_set_at": _AT,
    "secret_age_days": 3,
    "previous_secret": None,
    "warnings": [],
}
EXAMPLE_APP: Json = {
    "app_id": _APP_ID,
    "provider": "square",
    "name": "our Square app",
    "notification_url": f"{_HOOKS}/square/{_APP_ID}",
    "state": "ready",
    "verification_code": None,
    "handshake_at": None,
    "created_at": _AT,
    **_SECRETS,
}
EXAMPLE_SOURCE: Json = {
    "source_id": _SOURCE_ID,
    "tenant_id": EXAMPLE_TENANT_ID,
    "provider": "standard",
    "name": "web shop",
    "merchant_id": None,
    "app_id": None,
    "notification_url": f"{_HOOKS}/standard/{_SOURCE_ID}",
    "state": "ready",
    "verification_code": None,
    "handshake_at": None,
    "created_at": _AT,
    "credential": None,
    "quiet_after_minutes": None,
    **_SECRETS,
}
CLOVER_SOURCE: Json = {
    **EXAMPLE_SOURCE,
    "provider": "clover",
    "name": "clover",
    "notification_url": f"{_HOOKS}/clover/{_SOURCE_ID}",
    "state": "pending",
    "verification_code": "ce7643c1-83ea-4218-abe6-da876c9c7a0a",
    "handshake_at": "2026-11-23T09:32:41.520117Z",
}
_SQUARE_SOURCE: Json = {
    **EXAMPLE_SOURCE,
    "provider": "square",
    "merchant_id": "MLEFBHHSJGVHD",
    "notification_url": f"{_HOOKS}/square/{_SOURCE_ID}",
}
# Made up, and marked so: no example may look like a secret in use.
_SECRET = "whsec_RVhBTVBMRS1FWEFNUExFLUVYQU1QTEUtRVhBTVBMRS0="  # noqa: S105  An example.
_STATUS: Json = {
    "version": "0.1.0",
    "stage": "prod",
    "database": {"ok": True, "latency_ms": 1.4},
    "migrations": {"ok": True, "current": 4, "expected": 4},
    "partitions": {"days_ahead": 14},
    "tenants": 2,
    "key_ring": {"ok": True, "kids": ["k1"], "current": "k1"},
    "dead_letters": 12,
    "open_breakers": 0,
    "old_secrets": 0,
    "previous_secrets_in_use": 0,
}

PARAMETERS: Json = {
    name: {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
        "example": example,
    }
    for name, example in (
        ("tenant_id", EXAMPLE_TENANT_ID),
        ("token_id", EXAMPLE_TOKEN["token_id"]),
        ("app_id", _APP_ID),
        ("source_id", _SOURCE_ID),
    )
}
PARAMETERS["X-Operator"] = {
    "name": "X-Operator",
    "in": "header",
    "schema": {"type": "string"},
    "description": "Who you are, since many may hold one token: what you do is in the audit trail "
    f"under this name, as a claim. Of its first {MAX_CLAIMED_NAME} characters, those beyond "
    "`A-Za-z0-9._@+-` are kept as `_`.",
    "example": "alice",
}
_SLUG_QUERY: Json = {
    "name": "slug",
    "in": "query",
    "schema": {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"},
    "description": "Only the tenant with this slug.",
}
BODY_PROBLEMS = ("unsupported-media-type", "payload-too-large", "invalid-json", "invalid-request")


def operation(
    operation_id: str,
    summary: str,
    answers: Json,
    *others: str,
    parameters: tuple[Json, ...] = (),
    **more: object,
) -> Json:
    return {
        "operationId": operation_id,
        "tags": ["Administration"],
        "summary": summary,
        "security": OPERATOR,
        "parameters": [*parameters, parameter("X-Operator"), parameter("X-Request-Id")],
        "responses": {**answers, **problems("unauthenticated", "unavailable", *others)},
        **more,
    }


_TENANTS: Json = {
    "get": operation(
        "listTenants",
        "List the tenants",
        {"200": answer("By slug", "Tenants", {"tenants": [_TENANT]})},
        "invalid-query",
        parameters=(_SLUG_QUERY,),
    ),
    "post": operation(
        "createTenant",
        "Create a tenant",
        {"201": answer("Created", "Tenant", _TENANT)},
        "slug-taken",
        *BODY_PROBLEMS,
        requestBody=body("NewTenant", {"slug": "corner-cafe", "name": "Corner Café"}),
    ),
}
_TOKENS: Json = {
    "get": operation(
        "listTokens",
        "List a tenant's tokens",
        {"200": answer("Without the tokens themselves", "Tokens", {"tokens": [EXAMPLE_TOKEN]})},
        "not-found",
        parameters=(parameter("tenant_id"),),
    ),
    "post": operation(
        "issueToken",
        "Issue an API token",
        {
            "201": answer(
                "Issued; the token is shown once",
                "IssuedToken",
                {**EXAMPLE_TOKEN, "token": "tg_live_4f9Q-EXAMPLE-EXAMPLE-EXAMPLE-EXAMPLE-EXAMPL"},
            )
        },
        "not-found",
        *BODY_PROBLEMS,
        parameters=(parameter("tenant_id"),),
        requestBody=body("NewToken", {"name": "till 1"}),
    ),
}
_APPS: Json = {
    "get": operation(
        "listApps",
        "List the apps at vendors",
        {"200": answer("Without secrets", "Apps", {"apps": [EXAMPLE_APP]})},
    ),
    "post": operation(
        "registerApp",
        "Register an app: one URL, many merchants",
        {
            "201": answer(
                "Registered; a secret that was sent stays unsaid", "RegisteredApp", EXAMPLE_APP
            )
        },
        *BODY_PROBLEMS,
        requestBody=body(
            "NewApp",
            {
                "provider": "square",
                "name": "our Square app",
                "secret": "made-up-example",
                "public_url": "https://events.example.com",
            },
        ),
    ),
}
_SOURCES: Json = {
    "get": operation(
        "listSources",
        "List a tenant's sources",
        {"200": answer("Without secrets", "Sources", {"sources": [EXAMPLE_SOURCE, CLOVER_SOURCE]})},
        "not-found",
        parameters=(parameter("tenant_id"),),
    ),
    "post": operation(
        "addSource",
        "Connect a tenant to a POS",
        {"201": answer("Connected", "AddedSource", {**EXAMPLE_SOURCE, "secret": _SECRET})},
        "not-found",
        "merchant-taken",
        *BODY_PROBLEMS,
        parameters=(parameter("tenant_id"),),
        description="By a URL and a secret of its own, or bound to an app by its merchant id. A "
        "vendor that issues its secret only after a handshake: leave the secret out, and the "
        "source is `pending`; register its URL, and set the secret that the vendor shows then. "
        "Clover sends a code first: read the `verification_code` in the list and type it in there. "
        "Zettle only wants an answer: `handshake_at` says when it had one.",
        requestBody=body(
            "NewSource",
            {
                "provider": "standard",
                "name": "web shop",
                "public_url": "https://events.example.com",
            },
        ),
    ),
}


def _change(operation_id: str, summary: str, state: str) -> Json:
    return {
        "post": operation(
            operation_id,
            summary,
            {"200": answer("Done, or so already", "Tenant", {**_TENANT, "state": state})},
            "not-found",
            parameters=(parameter("tenant_id"),),
            description="Takes up to 30 s to reach every sandbox.",
        )
    }


def _replace_secret(
    operation_id: str, summary: str, answers: Json, *, path_parameter: str, note: str = ""
) -> Json:
    return {
        "put": operation(
            operation_id,
            summary,
            answers,
            "not-found",
            *BODY_PROBLEMS,
            parameters=(parameter(path_parameter),),
            description="For a secret that is not in use: mistyped, or issued only once the "
            "notification URL, which holds the id, is registered. One in use is rotated "
            f"(`POST .../secret/rotate`). Idempotent. {note}Deliveries signed with the "
            "new secret are accepted at once or within 5 s, and what is refused until then is "
            "kept in quarantine; the old secret stops working within 30 s, which is how long "
            "sandboxes remember it. The previous secret of a rotation that is under way stays.",
            requestBody=body("NewSecret", {"secret": "made-up-example"}),
        )
    }


TENANT_PATH = "/admin/api/tenants/{tenant_id}"
PATHS: Json = {
    "/admin/api/status": {
        "get": operation(
            "readStatus",
            "How is the installation?",
            {"200": answer("What works and what does not", "Status", _STATUS)},
        )
    },
    "/admin/api/tenants": _TENANTS,
    f"{TENANT_PATH}/suspend": _change("suspendTenant", "Suspend a tenant", "suspended"),
    f"{TENANT_PATH}/resume": _change("resumeTenant", "Resume a tenant", "active"),
    f"{TENANT_PATH}/tokens": _TOKENS,
    "/admin/api/tokens/{token_id}": {
        "delete": operation(
            "revokeToken",
            "Revoke an API token",
            {
                "200": answer(
                    "Revoked, or so already", "Token", {**EXAMPLE_TOKEN, "revoked_at": _AT}
                )
            },
            "not-found",
            parameters=(parameter("token_id"),),
            description="It may still serve for 30 s. One that a rotation lets end later ends now.",
        )
    },
    "/admin/api/apps": _APPS,
    "/admin/api/apps/{app_id}/secret": _replace_secret(
        "setAppSecret",
        "Set an app's secret, without an overlap",
        {"200": answer("Replaced, or so already", "App", EXAMPLE_APP)},
        path_parameter="app_id",
    ),
    "/admin/api/sources/{source_id}/secret": _replace_secret(
        "setSourceSecret",
        "Set a source's secret, without an overlap",
        {"200": answer("Replaced, or so already", "Source", _SQUARE_SOURCE)},
        path_parameter="source_id",
        note="A source that is bound to an app has no secret of its own: 404. ",
    ),
    f"{TENANT_PATH}/sources": _SOURCES,
    f"{TENANT_PATH}/events": {
        "get": operation(
            "listTenantEvents",
            "List a tenant's events",
            {"200": answer("As the tenant sees them", "EventPage", PAGE_EXAMPLE)},
            "not-found",
            "invalid-query",
            parameters=(parameter("tenant_id"), *LIST_QUERY),
        )
    },
    f"{TENANT_PATH}/events/{{event_id}}": {
        "get": operation(
            "readTenantEvent",
            "Read a tenant's event",
            {"200": READ_ONE_ANSWER},
            "not-found",
            parameters=(parameter("tenant_id"), parameter("event_id")),
        )
    },
}
