"""What holds for every answer at every path, errors included: headers, and no other site's page.

The gateway sends what no function has a route for to ``api``, every OPTIONS among it.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

import pytest

from tests.contract.wired_ingest import WiredIngest, event_body, headers
from tests.events import http_event
from tests.fakes import InMemoryMetrics
from tests.unit.entrypoints.api_function import MINE, OPERATOR, ApiFunction
from tests.unit.entrypoints.test_health import routes as health_routes
from tillgate.domain.metrics import Recorder
from tillgate.entrypoints.http import SECURITY_HEADERS
from tillgate.entrypoints.observability import Sandbox, serve
from tillgate.entrypoints.routes import PROBE_PATH, ROUTES, SYNTHETIC_PATH
from tillgate.services.metering import Meter

IDS = {"provider": "square", "event_id": "01a207d9-2607-7716-9e0b-6a4f1d2c8b35"}
NOBODY_S = "11111111-1111-4111-8111-11111111abcd"
HEALTH = ("/livez", "/startupz", "/metrics")
INGEST = {("POST", "/v1/events"), ("POST", "/v1/events/batch")} | {
    ("POST", "/v1/hooks/{provider}/{endpoint_id}")
}
PROBE = {("POST", PROBE_PATH), ("DELETE", SYNTHETIC_PATH)}
CALLERS: dict[str, dict[str, str]] = {"nobody": {}, "operator": OPERATOR, "tenant": MINE}
# As a browser asks on behalf of a page of another site.
ELSEWHERE = {"origin": "https://elsewhere.example", "access-control-request-method": "POST"}
EVERY = [(method, path) for path, methods in ROUTES.items() for method in (*methods, "OPTIONS")]
NOWHERE = [("GET", "/"), ("POST", "/nowhere"), ("OPTIONS", "/nowhere"), ("GET", "/v1/events/a/b")]


def parameters(path: str) -> dict[str, str]:
    return {name: IDS.get(name, NOBODY_S) for name in re.findall(r"{(\w+)}", path)}


def filled(path: str) -> str:
    return path.format(**parameters(path))


def by_api(method: str, path: str, sent: dict[str, str]) -> dict[str, Any]:
    return ApiFunction().call(method, filled(path), headers=sent, raw_body=b"{}").response


def by_ingest(method: str, path: str, sent: dict[str, str]) -> dict[str, Any]:
    event = http_event(
        method, filled(path), route=f"{method} {path}", headers=headers() | sent,
        path_parameters=parameters(path), body=event_body(),
    )  # fmt: skip
    answer = WiredIngest().invoke(event)
    return {"statusCode": answer.status, "headers": answer.headers}


def served(handle: Any, method: str, path: str, sent: dict[str, str]) -> dict[str, Any]:  # noqa: ANN401  Of either function.
    meter = Meter(Recorder(), InMemoryMetrics(), clock=lambda: 0.0)
    event = http_event(method, filled(path), route=f"{method} {path}", headers=sent,
                       path_parameters=parameters(path), body=b"{}")  # fmt: skip
    return serve(event, handle, sandbox=Sandbox("9.8.7"), meter=meter)


def crashing(_request: object, _log: object) -> NoReturn:
    """Stand for probe, whose answers are made as the others', and for what nobody foresaw."""
    raise RuntimeError("made up")


def answered(method: str, path: str, sent: dict[str, str]) -> dict[str, Any]:
    if (method, path) in INGEST:
        return by_ingest(method, path, sent)
    if method == "GET" and path in HEALTH:
        return served(health_routes(4).handle, method, path, sent)
    if (method, path) in PROBE:
        return served(crashing, method, path, sent)
    return by_api(method, path, sent)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(("method", "path"), [*EVERY, *NOWHERE])
def test_every_answer_has_the_headers_and_lets_no_other_site_in(
    method: str, path: str, caller: str
) -> None:
    answer = answered(method, path, CALLERS[caller] | ELSEWHERE)
    sent = answer["headers"]

    assert {name: sent[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert sent["X-Request-Id"]
    assert not [name for name in sent if name.lower().startswith("access-control-")]
    if method == "OPTIONS":
        assert answer["statusCode"] in {404, 405}
    if sent["Content-Type"].startswith("text/html"):
        policy = sent["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe-inline" not in policy
        assert "upgrade-insecure-requests" in policy


def test_pages_are_among_them() -> None:
    kinds = {answered("GET", path, {})["headers"]["Content-Type"] for path in ("/docs", "/livez")}
    assert kinds == {"text/html; charset=utf-8", "application/json"}
