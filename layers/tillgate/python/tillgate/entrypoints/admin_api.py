"""``/admin/api/...`` in HTTP's words: JSON for the operator, and for the CLI."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tillgate.domain.event_query import RefusedError, event_query, read_query
from tillgate.domain.json_value import parse
from tillgate.domain.timestamps import rfc3339
from tillgate.entrypoints.admin_bodies import (
    SLUG_FORM,
    SLUG_PATTERN,
    AppBody,
    SecretBody,
    SourceBody,
    TenantBody,
    TokenBody,
    checked,
)
from tillgate.entrypoints.event_json import event_text, page_text
from tillgate.entrypoints.http import LambdaResponse, json_response, response
from tillgate.entrypoints.json_body import json_body

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from tillgate.domain.administration import (
        AppRecord,
        SourceRecord,
        TenantRecord,
        TokenRecord,
    )
    from tillgate.entrypoints.admin_bodies import BodyT
    from tillgate.entrypoints.routes import Call
    from tillgate.services.admin import Administration
    from tillgate.services.operator import OperatorGate
    from tillgate.services.read import ReadEvents
    from tillgate.services.status import CheckStatus

MAX_BODY_BYTES = 1024 * 1024


class AdminRoutes:
    """Answers the operator, and nobody else. ``providers`` are those built so far."""

    def __init__(
        self,
        *,
        gate: OperatorGate,
        administration: Administration,
        events: ReadEvents,
        check_status: CheckStatus,
        providers: Collection[str],
        stage: str,
        version: str,
    ) -> None:
        self._gate = gate
        self._administration = administration
        self._events = events
        self._check_status = check_status
        self._providers = providers
        self._deployment = {"version": version, "stage": stage}

    def routes(self) -> dict[str, Callable[[Call], LambdaResponse]]:
        """Give every route with its handler, behind the operator's token."""
        tenant = "/admin/api/tenants/{tenant_id}"
        handlers = {
            "GET /admin/api/status": self._status,
            "GET /admin/api/apps": self._list_apps,
            "POST /admin/api/apps": self._register_app,
            "PUT /admin/api/apps/{app_id}/secret": self._set_app_secret,
            "GET /admin/api/tenants": self._list_tenants,
            "POST /admin/api/tenants": self._create_tenant,
            f"POST {tenant}/suspend": self._suspend_tenant,
            f"POST {tenant}/resume": self._resume_tenant,
            f"GET {tenant}/tokens": self._list_tokens,
            f"POST {tenant}/tokens": self._issue_token,
            f"GET {tenant}/sources": self._list_sources,
            f"POST {tenant}/sources": self._add_source,
            f"GET {tenant}/events": self._list_events,
            f"GET {tenant}/events/{{event_id}}": self._read_event,
            "PUT /admin/api/sources/{source_id}/secret": self._set_source_secret,
            "DELETE /admin/api/tokens/{token_id}": self._revoke_token,
        }
        return {route: self._guarded(handler) for route, handler in handlers.items()}

    def _guarded(
        self, handler: Callable[[Call], LambdaResponse]
    ) -> Callable[[Call], LambdaResponse]:
        def guarded(call: Call) -> LambdaResponse:
            self._gate.admit(call.request.headers.get("authorization"))
            call.log.tenant_id = call.parameters.get("tenant_id", "")[:36] or None
            return handler(call)

        return guarded

    def _status(self, call: Call) -> LambdaResponse:
        status = self._check_status.run()
        store, kids = status.store, status.kids
        current = store.migration if store else None
        return _answer(call, 200, {
            **self._deployment,
            "database": {"ok": store is not None, "latency_ms": status.latency_ms},
            "migrations": {
                "ok": current is not None and current >= status.expected_migration,
                "current": current,
                "expected": status.expected_migration,
            },
            "partitions": {"days_ahead": store.days_ahead if store else None},
            "tenants": store.tenants if store else None,
            "key_ring": {
                "ok": kids is not None,
                "kids": list(kids or ()),
                "current": kids[-1] if kids else None,
            },
        })  # fmt: skip

    def _list_tenants(self, call: Call) -> LambdaResponse:
        query = read_query(call.query_string, {"slug": _slug})
        tenants = self._administration.tenants(slug=query.get("slug"))
        return _answer(call, 200, {"tenants": _records(tenants)})

    def _create_tenant(self, call: Call) -> LambdaResponse:
        body = self._body(call, TenantBody)
        tenant = self._administration.create_tenant(slug=body.slug, name=body.name)
        return _answer(call, 201, _record(tenant))

    def _suspend_tenant(self, call: Call) -> LambdaResponse:
        tenant = self._administration.suspend_tenant(call.parameters["tenant_id"])
        return _answer(call, 200, _record(tenant))

    def _resume_tenant(self, call: Call) -> LambdaResponse:
        tenant = self._administration.resume_tenant(call.parameters["tenant_id"])
        return _answer(call, 200, _record(tenant))

    def _list_tokens(self, call: Call) -> LambdaResponse:
        tokens = self._administration.tokens(call.parameters["tenant_id"])
        return _answer(call, 200, {"tokens": _records(tokens)})

    def _issue_token(self, call: Call) -> LambdaResponse:
        body = self._body(call, TokenBody)
        record, token = self._administration.issue_token(
            call.parameters["tenant_id"], name=body.name
        )
        return _answer(call, 201, {**_record(record), "token": token})

    def _revoke_token(self, call: Call) -> LambdaResponse:
        token = self._administration.revoke_token(call.parameters["token_id"])
        return _answer(call, 200, _record(token))

    def _list_apps(self, call: Call) -> LambdaResponse:
        return _answer(call, 200, {"apps": _records(self._administration.apps())})

    def _register_app(self, call: Call) -> LambdaResponse:
        body = self._body(call, AppBody)
        app, made = self._administration.register_app(**body.model_dump())
        return _answer(call, 201, {**_record(app), **_if_made(made)})

    def _set_app_secret(self, call: Call) -> LambdaResponse:
        body = self._body(call, SecretBody)
        app = self._administration.set_app_secret(call.parameters["app_id"], secret=body.secret)
        return _answer(call, 200, _record(app))

    def _list_sources(self, call: Call) -> LambdaResponse:
        sources = self._administration.sources(call.parameters["tenant_id"])
        return _answer(call, 200, {"sources": _records(sources)})

    def _add_source(self, call: Call) -> LambdaResponse:
        body = self._body(call, SourceBody)
        tenant_id = call.parameters["tenant_id"]
        if body.app_id is not None and body.merchant_id is not None:
            source = self._administration.bind_source(
                tenant_id,
                app_id=body.app_id,
                provider=body.provider,
                name=body.name,
                merchant_id=body.merchant_id,
            )
            return _answer(call, 201, _record(source))
        source, made = self._administration.add_source(
            tenant_id, **body.model_dump(exclude={"app_id"})
        )
        return _answer(call, 201, {**_record(source), **_if_made(made)})

    def _set_source_secret(self, call: Call) -> LambdaResponse:
        body = self._body(call, SecretBody)
        source = self._administration.set_source_secret(
            call.parameters["source_id"], secret=body.secret
        )
        call.log.tenant_id = source.tenant_id
        return _answer(call, 200, _record(source))

    def _list_events(self, call: Call) -> LambdaResponse:
        query = event_query(call.query_string)
        tenant = self._administration.tenant(call.parameters["tenant_id"])
        page = self._events.events(tenant.tenant_id, query)
        return response(200, page_text(page), rid=call.request.rid)

    def _read_event(self, call: Call) -> LambdaResponse:
        tenant = self._administration.tenant(call.parameters["tenant_id"])
        event = self._events.event(tenant.tenant_id, call.parameters["event_id"])
        return response(200, event_text(event), rid=call.request.rid)

    def _body(self, call: Call, model: type[BodyT]) -> BodyT:
        body = json_body(call.request, max_body_bytes=MAX_BODY_BYTES)
        return checked(model, parse(body), providers=self._providers)


def _slug(value: str) -> str:
    if re.fullmatch(SLUG_PATTERN, value):
        return value
    raise RefusedError(SLUG_FORM)


def _answer(call: Call, status: int, content: dict[str, Any]) -> LambdaResponse:
    return json_response(status, content, rid=call.request.rid)


def _if_made(secret: str | None) -> dict[str, str]:
    """Tell a secret that Tillgate made; one that the caller sent is not repeated."""
    return {} if secret is None else {"secret": secret}


def _records(
    records: Sequence[TenantRecord | TokenRecord | AppRecord | SourceRecord],
) -> list[dict[str, Any]]:
    return [_record(record) for record in records]


def _record(record: TenantRecord | TokenRecord | AppRecord | SourceRecord) -> dict[str, Any]:
    return {
        name: rfc3339(value) if isinstance(value, datetime) else value
        for name, value in asdict(record).items()
    }
