"""Nothing secret comes out of the api and health functions, whoever asks and whatever breaks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.canaries import Canaries
from tests.events import http_event
from tests.fakes import InMemoryMetrics
from tests.unit.entrypoints.api_function import MINE, OPERATOR, TENANT_ID, ApiFunction
from tillgate.domain.errors import SecretUnavailableError, StoreRefusedError, StoreUnavailableError
from tillgate.entrypoints.exposition import MetricsPage
from tillgate.entrypoints.observability import RequestLog, Sandbox, serve
from tillgate.providers import PROVIDERS
from tillgate.services.operator import TokenGate

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.entrypoints.http import HttpRequest, LambdaResponse

FAULTS = [StoreUnavailableError, StoreRefusedError, SecretUnavailableError, RuntimeError, KeyError]


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


def requests(canaries: Canaries) -> list[tuple[str, str, dict[str, Any]]]:
    """Give calls: what anyone may send, what a tenant reads, what the operator sends in."""
    stranger = {"authorization": f"Bearer {canaries['token']}", "cookie": canaries["cookie"]}
    tenant = f"/admin/api/tenants/{TENANT_ID}"
    source = {
        "provider": "square",
        "notification_url": f"https://example.com/{canaries['url']}",
        "secret": canaries["provider secret"],
    }
    destination = {
        "kind": "supabase",
        "url": "https://abc.supabase.co",
        "secret": canaries["destination secret"],
    }
    secret = {"secret": canaries["new secret"]}
    credential = {"api_url": "https://api.clover.com", "token": canaries["vendor token"]}
    broken = f'{{"{canaries["broken"]}'.encode()

    def theirs(query: str = "") -> dict[str, Any]:
        return {"headers": MINE, "query": query}

    def ours(query: str = "", **sent: object) -> dict[str, Any]:
        headers = {**OPERATOR, "content-type": "application/json"}
        return {"headers": headers, "query": query, **sent}

    word = canaries["query"]
    elsewhere = {**destination, "url": f"http://{canaries['url']}"}
    return [
        ("GET", "/v1/events", {"headers": stranger}),
        ("GET", "/v1/events", theirs(f"cursor={canaries['cursor']}")),
        ("GET", "/v1/events", theirs(f"type={word}&limit=x")),
        ("GET", "/v1/events", theirs(f"idempotency_key={canaries['key']}")),
        ("GET", f"/v1/events/{TENANT_ID}", theirs()),
        ("POST", f"/v1/events/{TENANT_ID}/replay", theirs()),
        ("GET", "/admin/api/status", {"headers": stranger}),
        ("GET", "/admin/api/status", ours()),
        ("GET", "/admin/api/tenants", ours(f"slug={word}")),
        ("POST", "/admin/api/tenants", ours(raw_body=broken)),
        ("POST", "/admin/api/tenants", ours(body={canaries["broken"]: 1})),
        ("POST", "/admin/api/tenants", ours(body={"slug": "a", "name": canaries["name"]})),
        ("POST", f"{tenant}/tokens", ours(body={"name": "till"})),
        ("POST", f"{tenant}/sources", ours(body=source)),
        ("POST", f"{tenant}/sources", ours(body={**source, "provider": 7})),
        ("POST", "/admin/api/apps", ours(body={**source, "name": "app"})),
        ("PUT", f"{tenant}/destination", ours(body=destination)),
        ("PUT", f"{tenant}/destination", ours(body=elsewhere)),
        ("PUT", f"/admin/api/sources/{TENANT_ID}/secret", ours(body=secret)),
        ("PUT", f"/admin/api/sources/{TENANT_ID}/credential", ours(body=credential)),
        ("GET", "/admin/api/dead-letters", ours(f"reason={word}")),
        ("GET", "/admin/api/quarantine", ours(f"reason={word}")),
        ("GET", "/admin/api/quarantine", ours(f"tenant_id={TENANT_ID}")),
        ("GET", f"/admin/api/quarantine/{TENANT_ID}", ours("content=true")),
        ("POST", "/admin/api/quarantine/retry", ours(body={"ids": [TENANT_ID]})),
        ("POST", "/admin/api/quarantine/retry", ours(body={"provider": word})),
        ("POST", "/v1/nothing", {"headers": stranger, "raw_body": canaries["body"].encode()}),
    ]


SECRETS = {"provider secret", "destination secret", "new secret", "vendor token", "token"}


def check(function: ApiFunction, canaries: Canaries, capfd: pytest.CaptureFixture[str]) -> set[int]:
    statuses = set()
    for method, path, call in requests(canaries):
        answer = function.call(method, path, **call)
        out, err = capfd.readouterr()
        assert err == "", path
        assert len(out.splitlines()) == 1, path
        assert canaries.found_in(out) == set(), (method, path)
        assert not SECRETS & canaries.found_in(answer.text), (method, path)
        if path.endswith("/tokens") and answer.status == 201:
            issued = canaries.plant("issued token", answer.json["token"])
            assert canaries.found_in(f"{issued} {out}") == {"issued token"}
            assert issued not in out
        statuses.add(answer.status)
    return statuses


def test_what_is_sent_to_the_api_does_not_come_out(
    canaries: Canaries, capfd: pytest.CaptureFixture[str]
) -> None:
    statuses = check(ApiFunction(), canaries, capfd)

    assert {200, 201, 400, 401, 404, 422} <= statuses


@pytest.mark.parametrize("fault", FAULTS)
def test_stores_that_quote_what_they_were_given_are_not_quoted(
    canaries: Canaries,
    capfd: pytest.CaptureFixture[str],
    fault: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    function = ApiFunction()

    def breaking(name: str) -> Callable[..., object]:
        def call(*args: object, **more: object) -> object:
            told = f"{name} {args} {more} {canaries['row']} {canaries['url password']}"
            raise fault(told) from ValueError(told)

        return call

    for store in (
        function.store, function.reader, function.registry, function.destinations,
        function.dead_letters, function.quarantine,
    ):  # fmt: skip
        for name in dir(type(store)):
            if not name.startswith("_") and callable(getattr(store, name)):
                monkeypatch.setattr(store, name, breaking(name))

    assert check(function, canaries, capfd) & {500, 503}


def metrics_call(canaries: Canaries, *, token: str, store: InMemoryMetrics) -> LambdaResponse:
    secret = json.dumps({"token": canaries["metrics token"]})
    page = MetricsPage(
        TokenGate(lambda: secret, name="metrics", clock=lambda: 0.0),
        store,
        providers=PROVIDERS,
        version="0.2.0",
    )

    def handle(request: HttpRequest, _log: RequestLog) -> LambdaResponse:
        return page.answer(request)

    event = http_event("GET", "/metrics", headers={"authorization": f"Bearer {token}"})
    return serve(event, handle, sandbox=Sandbox("0.2.0", stage="test", function="health"))


class QuotingMetrics(InMemoryMetrics):
    def read(self) -> Any:  # noqa: ANN401  It never returns.
        raise RuntimeError(self.connections)


def test_neither_page_nor_log_holds_the_metrics_token(
    canaries: Canaries, capfd: pytest.CaptureFixture[str]
) -> None:
    down, quoting = InMemoryMetrics(), QuotingMetrics()
    down.is_down = True
    quoting.connections = {canaries["row"]: 1}
    right = canaries["metrics token"]
    statuses = []
    for token, store in (
        (right, InMemoryMetrics()),
        (canaries["wrong token"], InMemoryMetrics()),
        (right, down),
        (right, quoting),
    ):
        answer = metrics_call(canaries, token=token, store=store)
        statuses.append(answer["statusCode"])
        out, err = capfd.readouterr()
        assert canaries.found_in(out + err + json.dumps(answer)) == set()

    assert statuses == [200, 401, 503, 500]
