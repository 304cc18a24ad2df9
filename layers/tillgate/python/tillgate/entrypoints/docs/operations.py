"""Hooks, documents and health, as the OpenAPI document has them."""

from __future__ import annotations

from tillgate.entrypoints.docs.answers import (
    NOBODY,
    SCRAPER,
    Json,
    answer,
    parameter,
    problems,
    text_answer,
)
from tillgate.entrypoints.docs.problems import EXAMPLE_RID
from tillgate.entrypoints.docs.vendors import VENDORS

_ENDPOINT_ID = "4c1d6f0e-8a57-4b1e-9d3c-2f6b7a905e18"
_READY: Json = {
    "status": "ready",
    "version": "0.1.0",
    "checks": {
        "database": {"ok": True, "latency_ms": 1.2},
        "migrations": {"ok": True, "current": 5, "expected": 5},
        "secrets": {"ok": True},
        "queue": {"ok": True},
        "supabase": "absent",
    },
}


def _signature_headers() -> list[Json]:
    return [
        {
            "name": name,
            "in": "header",
            "schema": {"type": "string"},
            "description": f"{vendor.title}: {purpose}.",
        }
        for vendor in VENDORS.values()
        for name, purpose in vendor.headers
    ]


def _hook_answer() -> Json:
    """Give the counts, or the text that a vendor wants instead."""
    counts = {"accepted": 1, "duplicates": 0, "queued": 0, "quarantined": 0, "rid": EXAMPLE_RID}
    unreachable = {**counts, "accepted": 0, "queued": 1}
    made = answer(
        "Kept, whatever became of each item",
        "HookAnswer",
        counts,
        others={"database-unreachable": unreachable},
    )
    text: Json = {"schema": {"type": "string", "enum": ["[accepted]"]}, "example": "[accepted]"}
    made["content"]["text/plain"] = text
    return made


_HOOK: Json = {
    "operationId": "receiveHook",
    "tags": ["Provider hooks"],
    "summary": "Take a POS vendor's delivery",
    "description": "For the vendors' robots, which read the status only. 200 means that every "
    "item is stored, was stored before, is kept in quarantine for the operator to look at, or, "
    "while the database is unreachable, is kept on a queue until it can be stored; the counts say "
    "which. 503 is answered only when nothing can be kept, or when it cannot be told who is "
    "calling. 401 means that the signature, the provider or the endpoint is not right, and does "
    "not say which. An unsigned set-up request (Clover's verification code, Zettle's test message) "
    "is answered 200, whatever the endpoint. Adyen is answered 200 with the text `[accepted]` in "
    "place of the counts. The body may have 4 MiB.",
    "security": NOBODY,
    "parameters": [
        {
            "name": "provider",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "enum": list(VENDORS)},
            "example": "standard",
        },
        {
            "name": "endpoint_id",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "format": "uuid"},
            "example": _ENDPOINT_ID,
            "description": "Of the source or app; the operator gives the whole URL.",
        },
        *_signature_headers(),
        parameter("X-Request-Id"),
    ],
    "requestBody": {
        "required": True,
        "description": "What the vendor sends, byte for byte as it was signed.",
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "example": {
                    "type": "order.created",
                    "timestamp": "2026-11-23T10:00:00Z",
                    "data": {"id": "order-17"},
                },
            },
            # Lightspeed's.
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "properties": {"payload": {"type": "string"}},
                    "required": ["payload"],
                },
                "example": {
                    "payload": '{"id":"sale-17","version":4}',
                    "domain_prefix": "corner-cafe",
                    "type": "sale.update",
                },
            },
        },
    },
    "responses": {
        "200": _hook_answer(),
        **problems("unauthenticated", "payload-too-large", "unavailable"),
    },
}
_LIVE: Json = {
    "operationId": "isAlive",
    "tags": ["Health"],
    "summary": "Does the service run?",
    "description": "Touches nothing outside the process.",
    "security": NOBODY,
    "parameters": [parameter("X-Request-Id")],
    "responses": {
        "200": answer("It runs", "Alive", {"status": "ok", "version": "0.1.0"}),
        **problems(),
    },
}
_STARTUP: Json = {
    "operationId": "isReady",
    "tags": ["Health"],
    "summary": "Is all there that a request needs?",
    "security": NOBODY,
    "parameters": [parameter("X-Request-Id")],
    "responses": {
        "200": answer("Ready", "Readiness", _READY),
        "503": answer(
            "Not ready; `checks` says why",
            "Readiness",
            {
                **_READY,
                "status": "not_ready",
                "checks": {
                    **_READY["checks"],
                    "database": {"ok": False, "latency_ms": 800.4},
                    "migrations": {"ok": False, "current": None, "expected": 5},
                },
            },
        ),
        **problems(),
    },
}

_METRICS: Json = {
    "operationId": "readMetrics",
    "tags": ["Health"],
    "summary": "What was counted, for Prometheus",
    "description": "The sums over all sandboxes, whichever of them answers; no counter ever goes "
    "down. A request is counted with the next one that its sandbox answers two seconds later or "
    "after. OpenMetrics where `Accept` asks for it, else Prometheus' text.",
    "security": SCRAPER,
    "parameters": [parameter("X-Request-Id")],
    "responses": {
        "200": text_answer(
            "Every family, counted or not", "text/plain", "application/openmetrics-text"
        ),
        **problems("unauthenticated", "unavailable"),
    },
}


def _document(operation_id: str, summary: str, media_type: str) -> Json:
    return {
        "operationId": operation_id,
        "tags": ["Documents"],
        "summary": summary,
        "security": NOBODY,
        "parameters": [parameter("X-Request-Id")],
        "responses": {"200": text_answer(summary, media_type), **problems()},
    }


_OPENAPI = _document("readOpenapi", "This contract, for machines", "application/json")
_OPENAPI["responses"]["200"]["content"]["application/json"]["schema"] = {"type": "object"}

PATHS: Json = {
    "/v1/hooks/{provider}/{endpoint_id}": {"post": _HOOK},
    "/livez": {"get": _LIVE},
    "/startupz": {"get": _STARTUP},
    "/metrics": {"get": _METRICS},
    "/openapi.json": {"get": _OPENAPI},
    "/docs": {"get": _document("readDocs", "This contract, for people", "text/html")},
    "/docs/style.css": {"get": _document("readStylesheet", "How that page looks", "text/css")},
}
