from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.audit_fakes import InMemoryAuditLog
from tests.delivery_fakes import FixedUpstream, InMemoryDestinations, InMemorySyntheticEvents
from tests.events import http_event
from tests.fakes import PlainSecretBox
from tillgate.domain.delivery import Delivered, DestinationKind, destination_seal_context
from tillgate.domain.errors import NotFoundError, UnauthenticatedError
from tillgate.domain.synthetic import Held
from tillgate.domain.tenant import TenantId
from tillgate.entrypoints.http import HttpRequest
from tillgate.entrypoints.observability import RequestLog
from tillgate.entrypoints.probe import ProbeRoutes
from tillgate.entrypoints.routes import PROBE_PATH, SYNTHETIC_PATH
from tillgate.services.operator import OperatorGate
from tillgate.services.probe import ProbeDestination
from tillgate.services.synthetic import DiscardSynthetic

if TYPE_CHECKING:
    from collections.abc import Mapping

TENANT = TenantId("11111111-1111-4111-8111-11111111abcd")
EVENT = "01a207d9-2607-7716-9e0b-6a4f1d2c8b35"
OPERATOR = {"authorization": "Bearer operator"}


@pytest.fixture
def upstream() -> FixedUpstream:
    return FixedUpstream(Delivered(201))


@pytest.fixture
def events() -> InMemorySyntheticEvents:
    return InMemorySyntheticEvents({(TENANT, EVENT): Held(is_under_way=False, was_tried=True)})


@pytest.fixture
def routes(upstream: FixedUpstream, events: InMemorySyntheticEvents) -> ProbeRoutes:
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
        log=InMemoryAuditLog(),
        clock=lambda: 0.0,
    )
    discard = DiscardSynthetic(
        events,
        destinations=destinations,
        box=PlainSecretBox(),
        upstreams={DestinationKind.SUPABASE: upstream},
        clock=lambda: 0.0,
    )
    gate = OperatorGate(lambda: '{"token": "operator"}', clock=lambda: 0.0)
    return ProbeRoutes(probe, discard=discard, gate=gate)


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


def discard(
    routes: ProbeRoutes, headers: Mapping[str, str], *, event_id: str = EVENT
) -> tuple[int, Any, RequestLog]:
    path = SYNTHETIC_PATH.replace("{tenant_id}", TENANT).replace("{event_id}", event_id)
    event = http_event("DELETE", path, route=f"DELETE {SYNTHETIC_PATH}", headers=dict(headers))
    event = {**event, "pathParameters": {"tenant_id": TENANT, "event_id": event_id}}
    log = RequestLog()
    answer = routes.handle(HttpRequest.from_lambda(event), log)
    return answer["statusCode"], json.loads(answer["body"]), log


def test_operator_is_told_what_became_of_a_synthetic_event(
    routes: ProbeRoutes, events: InMemorySyntheticEvents
) -> None:
    status, body, log = discard(routes, OPERATOR)

    assert status == 200
    assert body["event_id"] == EVENT
    assert body["destination"]["is_removed"] is True
    assert events.events == {}
    assert (log.tenant_id, log.outcome) == (TENANT, "discarded")


def test_what_is_not_synthetic_is_not_found(routes: ProbeRoutes, upstream: FixedUpstream) -> None:
    with pytest.raises(NotFoundError):
        discard(routes, OPERATOR, event_id=EVENT.replace("35", "36"))

    assert upstream.removed == []


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer tg_live_mine"}])
def test_nobody_else_takes_anything_away(
    routes: ProbeRoutes, events: InMemorySyntheticEvents, headers: dict[str, str]
) -> None:
    with pytest.raises(UnauthenticatedError):
        discard(routes, headers)

    assert events.held == []
