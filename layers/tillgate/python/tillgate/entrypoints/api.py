"""Everything but taking events in: a tenant's events, the documents, the operator's API.

Powertools' resolver finds the handler. What may be answered at all is decided before it,
by the table of routes, so that a 405 names the methods and nothing else comes first.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as UnroutedError
from aws_lambda_powertools.utilities.typing import LambdaContext

from tillgate.domain.errors import NotFoundError
from tillgate.domain.event_query import event_query
from tillgate.entrypoints.acting import tenant_acting
from tillgate.entrypoints.event_json import event_text, page_text
from tillgate.entrypoints.http import json_response, response, source_address
from tillgate.entrypoints.observability import serve
from tillgate.entrypoints.routes import Call, check_route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from tillgate.domain.audit import Acting
    from tillgate.domain.tenant import Tenant
    from tillgate.entrypoints.admin_answers import AdminPart
    from tillgate.entrypoints.emf import RequestMetrics
    from tillgate.entrypoints.http import HttpRequest, LambdaEvent, LambdaResponse
    from tillgate.entrypoints.observability import RequestLog, Sandbox
    from tillgate.services.authenticate import Authenticator
    from tillgate.services.limits import TenantLimits
    from tillgate.services.metering import Meter
    from tillgate.services.read import ReadEvents
    from tillgate.services.replay_own import ReplayOwnEvents

# Lambda takes 6 MB of answer, as JSON text in which every quote and backslash of the body
# is escaped once more. Base64 grows by a third, whatever it holds.
_PLAIN_BODY_CHARACTERS = 1024 * 1024


class ApiRoutes:
    """Answers ``$default``: each request that no other function has a route for.

    ``parts`` answer what is no tenant's. ``begin`` is told for which tenant, and by which token,
    what follows is done.
    """

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        events: ReadEvents,
        replay: ReplayOwnEvents,
        limits: TenantLimits,
        parts: Sequence[AdminPart],
        sandbox: Sandbox,
        begin: Callable[[Acting], None] = lambda _acting: None,
        meter: Meter | None = None,
        metrics: RequestMetrics | None = None,
    ) -> None:
        self._authenticator = authenticator
        self._events = events
        self._replay = replay
        self._limits = limits
        self._sandbox = sandbox
        self._begin = begin
        self._meter = meter
        self._metrics = metrics
        self._failure: Exception | None = None
        self._cookies: list[str] = []
        self._resolver = APIGatewayHttpResolver(debug=False)
        self._resolver.exception_handler(Exception)(self._hold)
        routes = {
            "GET /v1/events": self._list_events,
            "GET /v1/events/{event_id}": self._read_event,
            "POST /v1/events/{event_id}/replay": self._replay_event,
        }
        for part in parts:
            routes |= part.routes()
        for route, handler in routes.items():
            self._add_route(route, handler)

    def __call__(self, event: LambdaEvent) -> LambdaResponse:
        """Answer one request; never raises."""
        event = _without_stage(event)
        answer = serve(
            event,
            lambda request, log: self._handle(event, request, log),
            sandbox=self._sandbox,
            meter=self._meter,
            metrics=self._metrics,
        )
        if event["requestContext"]["http"]["method"] == "HEAD":
            # RFC 9110, section 9.3.2: the answer, here a 404 or 405, has no content.
            return {**answer, "body": ""}
        if len(answer["body"]) > _PLAIN_BODY_CHARACTERS:
            encoded = base64.b64encode(answer["body"].encode()).decode()
            return {**answer, "body": encoded, "isBase64Encoded": True}
        return answer

    def _handle(self, event: LambdaEvent, request: HttpRequest, log: RequestLog) -> LambdaResponse:
        log.route = check_route(request.method, request.path)
        self._failure, self._cookies = None, []
        self._resolver.context.update(
            request=request, log=log, source_address=source_address(event)
        )
        answer = self._resolver.resolve(event, LambdaContext())
        if self._failure is not None:
            raise self._failure
        log.outcome = log.outcome or "ok"
        # The resolver has a form of its own for them.
        return {**answer, "cookies": self._cookies} if self._cookies else answer

    def _hold(self, error: Exception) -> Response[str]:
        # Raised again outside the resolver: it would write the trace into the log, where
        # ``serve`` writes one line, and answer in words of its own.
        self._failure = (
            NotFoundError("There is no such path.") if isinstance(error, UnroutedError) else error
        )
        return Response(status_code=500)

    def _add_route(self, route: str, handler: Callable[[Call], LambdaResponse]) -> None:
        method, _, path = route.partition(" ")

        def answer(**parameters: str) -> Response[str]:
            context = self._resolver.context
            event = self._resolver.current_event
            call = Call(
                request=context["request"],
                log=context["log"],
                query_string=event.get("rawQueryString") or "",
                parameters=parameters,
                source_address=context["source_address"],
                cookies=_cookies(event),
            )
            given = handler(call)
            self._cookies = given.get("cookies", [])
            return Response(given["statusCode"], headers=given["headers"], body=given["body"])

        self._resolver.route(path.replace("{", "<").replace("}", ">"), method)(answer)

    def _list_events(self, call: Call) -> LambdaResponse:
        tenant = self._tenant(call)
        page = self._events.events(tenant.tenant_id, event_query(call.query_string))
        return response(200, page_text(page), rid=call.request.rid)

    def _read_event(self, call: Call) -> LambdaResponse:
        tenant = self._tenant(call)
        event = self._events.event(tenant.tenant_id, call.parameters["event_id"])
        return response(200, event_text(event), rid=call.request.rid)

    def _replay_event(self, call: Call) -> LambdaResponse:
        tenant = self._tenant(call)
        event_id = self._replay.one(tenant.tenant_id, call.parameters["event_id"])
        content = {"event_id": event_id, "rid": call.request.rid}
        return json_response(202, content, rid=call.request.rid)

    def _tenant(self, call: Call) -> Tenant:
        headers = call.request.headers
        caller = self._authenticator.caller_of(
            headers.get("authorization"), headers.get("x-tenant-id")
        )
        tenant = caller.tenant
        call.log.tenant_id = tenant.tenant_id
        call.log.token_digest = caller.token_digest
        self._begin(tenant_acting(call.request, call.source_address))
        self._limits.admit(tenant)
        return tenant


def _cookies(event: Mapping[str, Any]) -> Sequence[str]:
    """Give what API Gateway has taken out of the headers, or what an emulator left in them."""
    given: Sequence[str] | None = event.get("cookies")
    return given or [(event.get("headers") or {}).get("cookie") or ""]


def _without_stage(event: LambdaEvent) -> LambdaEvent:
    """Give the event with the path as in the contract, whether or not a stage stands before it."""
    context = event["requestContext"]
    path = event.get("rawPath") or "/"
    prefix = f"/{context.get('stage', '$default')}"
    if path == prefix or path.startswith(f"{prefix}/"):
        path = path.removeprefix(prefix) or "/"
    # The resolver would cut a named stage's length off, whatever stands there.
    return {**event, "rawPath": path, "requestContext": {**context, "stage": "$default"}}
