"""``/admin/api/...`` in HTTP's words: JSON for the operator, and for the CLI."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tillgate.domain.event_query import RefusedError, read_query
from tillgate.entrypoints.acting import operator_acting
from tillgate.entrypoints.admin_answers import admin_body, answer, if_made, record, records
from tillgate.entrypoints.admin_bodies import (
    SLUG_FORM,
    SLUG_PATTERN,
    AppBody,
    SecretBody,
    SourceBody,
    TenantBody,
    TokenBody,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tillgate.domain.audit import Acting
    from tillgate.domain.provider import Provider
    from tillgate.entrypoints.admin_answers import AdminPart
    from tillgate.entrypoints.admin_bodies import BodyT
    from tillgate.entrypoints.http import LambdaResponse
    from tillgate.entrypoints.routes import Call
    from tillgate.services.admin import Administration
    from tillgate.services.operator import OperatorGate
    from tillgate.services.status import CheckStatus


class AdminRoutes:
    """Answers the operator, and nobody else. ``providers`` are those built so far.

    ``parts`` are the subjects that have modules of their own. ``begin`` is told who asks for
    what follows.
    """

    def __init__(
        self,
        *,
        gate: OperatorGate,
        administration: Administration,
        check_status: CheckStatus,
        providers: Mapping[str, Provider],
        parts: Sequence[AdminPart],
        stage: str,
        version: str,
        begin: Callable[[Acting], None] = lambda _acting: None,
    ) -> None:
        self._gate = gate
        self._administration = administration
        self._check_status = check_status
        self._providers = providers
        self._parts = parts
        self._begin = begin
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
            "PUT /admin/api/sources/{source_id}/secret": self._set_source_secret,
            "DELETE /admin/api/tokens/{token_id}": self._revoke_token,
        }
        for part in self._parts:
            handlers |= part.routes()
        return {route: self._guarded(handler) for route, handler in handlers.items()}

    def _guarded(
        self, handler: Callable[[Call], LambdaResponse]
    ) -> Callable[[Call], LambdaResponse]:
        def guarded(call: Call) -> LambdaResponse:
            self._gate.admit(call.request.headers.get("authorization"))
            self._begin(operator_acting(call.request, call.source_address))
            call.log.is_operators = True
            call.log.tenant_id = call.parameters.get("tenant_id", "")[:36] or None
            return handler(call)

        return guarded

    def _status(self, call: Call) -> LambdaResponse:
        status = self._check_status.run()
        store, kids = status.store, status.kids
        current = store.migration if store else None
        return answer(call, 200, {
            **self._deployment,
            "database": {"ok": store is not None, "latency_ms": status.latency_ms},
            "migrations": {
                "ok": current is not None and current >= status.expected_migration,
                "current": current,
                "expected": status.expected_migration,
            },
            "partitions": {"days_ahead": store.days_ahead if store else None},
            "tenants": store.tenants if store else None,
            "dead_letters": store.dead_letters if store else None,
            "open_breakers": store.open_breakers if store else None,
            "old_secrets": store.old_secrets if store else None,
            "previous_secrets_in_use": store.previous_in_use if store else None,
            "key_ring": {
                "ok": kids is not None,
                "kids": list(kids or ()),
                "current": kids[-1] if kids else None,
            },
        })  # fmt: skip

    def _list_tenants(self, call: Call) -> LambdaResponse:
        query = read_query(call.query_string, {"slug": _slug})
        tenants = self._administration.tenants(slug=query.get("slug"))
        return answer(call, 200, {"tenants": records(tenants)})

    def _create_tenant(self, call: Call) -> LambdaResponse:
        body = self._body(call, TenantBody)
        tenant = self._administration.create_tenant(slug=body.slug, name=body.name)
        return answer(call, 201, record(tenant))

    def _suspend_tenant(self, call: Call) -> LambdaResponse:
        tenant = self._administration.suspend_tenant(call.parameters["tenant_id"])
        return answer(call, 200, record(tenant))

    def _resume_tenant(self, call: Call) -> LambdaResponse:
        tenant = self._administration.resume_tenant(call.parameters["tenant_id"])
        return answer(call, 200, record(tenant))

    def _list_tokens(self, call: Call) -> LambdaResponse:
        tokens = self._administration.tokens(call.parameters["tenant_id"])
        return answer(call, 200, {"tokens": records(tokens)})

    def _issue_token(self, call: Call) -> LambdaResponse:
        body = self._body(call, TokenBody)
        issued, token = self._administration.issue_token(
            call.parameters["tenant_id"], name=body.name
        )
        return answer(call, 201, {**record(issued), "token": token})

    def _revoke_token(self, call: Call) -> LambdaResponse:
        token = self._administration.revoke_token(call.parameters["token_id"])
        return answer(call, 200, record(token))

    def _list_apps(self, call: Call) -> LambdaResponse:
        return answer(call, 200, {"apps": records(self._administration.apps())})

    def _register_app(self, call: Call) -> LambdaResponse:
        body = self._body(call, AppBody)
        app, made = self._administration.register_app(**body.model_dump())
        return answer(call, 201, {**record(app), **if_made(made)})

    def _set_app_secret(self, call: Call) -> LambdaResponse:
        body = self._body(call, SecretBody)
        app = self._administration.set_app_secret(call.parameters["app_id"], secret=body.secret)
        return answer(call, 200, record(app))

    def _list_sources(self, call: Call) -> LambdaResponse:
        sources = self._administration.sources(call.parameters["tenant_id"])
        return answer(call, 200, {"sources": records(sources)})

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
            return answer(call, 201, record(source))
        source, made = self._administration.add_source(
            tenant_id, **body.model_dump(exclude={"app_id"})
        )
        return answer(call, 201, {**record(source), **if_made(made)})

    def _set_source_secret(self, call: Call) -> LambdaResponse:
        body = self._body(call, SecretBody)
        source = self._administration.set_source_secret(
            call.parameters["source_id"], secret=body.secret
        )
        call.log.tenant_id = source.tenant_id
        return answer(call, 200, record(source))

    def _body(self, call: Call, model: type[BodyT]) -> BodyT:
        return admin_body(call, model, providers=self._providers)


def _slug(value: str) -> str:
    if re.fullmatch(SLUG_PATTERN, value):
        return value
    raise RefusedError(SLUG_FORM)
