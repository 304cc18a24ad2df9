from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.delivery_fakes import FixedUpstream, InMemoryDestinations
from tests.events import http_event
from tests.fakes import PlainSecretBox
from tillgate.domain.delivery import Delivered, DestinationKind, destination_seal_context
from tillgate.domain.errors import NotFoundError, UnauthenticatedError
from tillgate.domain.tenant import TenantId
from tillgate.entrypoints.http import HttpRequest
from tillgate.entrypoints.observability import RequestLog
from tillgate.entrypoints.probe import ProbeRoutes
from tillgate.entrypoints.routes import PROBE_PATH
from tillgate.services.operator import OperatorGate
from tillgate.services.probe import ProbeDestination

if TYPE_CHECKING:
    from collections.abc import Mapping

TENANT = TenantId("11111111-1111-4111-8111-11111111abcd")
OPERATOR = {"authorization": "Bearer operator"}


@pytest.fixture
def upstream() -> FixedUpstream:
    return FixedUpstream(Delivered(201))


@pytest.fixture
def routes(upstream: FixedUpstream) -> ProbeRoutes:
    destinations = InMemoryDestinations([TENANT])
    destinations.set_destination(
        TENANT,
        kind=DestinationKind.SUPABASE,
        url="https://abc.supabase.co",
        sealed_secret=PlainSecretBox().seal(b"sb_key", context=destination_seal_context(TENANT)),
    )
    probe = ProbeDestination(
        destinations,
        box=PlainSecretBox(),
        upstreams={DestinationKind.SUPABASE: upstream},
        clock=lambda: 0.0,
    )
    gate = OperatorGate(lambda: '{"token": "operator"}', clock=lambda: 0.0)
    return ProbeRoutes(probe, gate=gate)


def ask(
    routes: ProbeRoutes,
    headers: Mapping[str, str],
    *,
    route: str = f"POST {PROBE_PATH}",
    tenant_id: str = TENANT,
) -> tuple[int, Any, RequestLog]:
    path = PROBE_PATH.replace("{tenant_id}", tenant_id)
    event = http_event("POST", path, route=route, headers=dict(headers))
    event = {**event, "pathParameters": {"tenant_id": tenant_id}}
    log = RequestLog()
    answer = routes.handle(HttpRequest.from_lambda(event), log)
    return answer["statusCode"], json.loads(answer["body"]), log


def test_operator_is_told_what_the_destination_did(routes: ProbeRoutes) -> None:
    status, body, log = ask(routes, OPERATOR)

    assert status == 200
    assert body == {"outcome": "delivered", "status": 201, "duration_ms": 0.0, "reason": None}
    assert (log.tenant_id, log.outcome) == (TENANT, "delivered")


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer tg_live_mine"}])
def test_nobody_else_makes_it_call_anything(
    routes: ProbeRoutes, upstream: FixedUpstream, headers: dict[str, str]
) -> None:
    with pytest.raises(UnauthenticatedError):
        ask(routes, headers)

    assert upstream.sent == []


def test_there_is_no_second_route(routes: ProbeRoutes) -> None:
    with pytest.raises(NotFoundError):
        ask(routes, OPERATOR, route="$default")


def test_what_is_no_tenant_is_not_found(routes: ProbeRoutes) -> None:
    with pytest.raises(NotFoundError):
        ask(routes, OPERATOR, tenant_id="cafe")
