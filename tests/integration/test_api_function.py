"""The functions ingest and api as they are composed, on one database and its secrets."""

from __future__ import annotations

import base64
import hmac
import json
import time
import uuid
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.events import http_event
from tests.integration.testdatabase import migrate
from tests.vendors import CLOVER_CODE, clover_body, clover_handshake, clover_headers
from tillgate import __version__
from tillgate.bootstrap import api as api_function
from tillgate.bootstrap import ingest as ingest_function

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.testdatabase import TestDatabase
    from tillgate.bootstrap.wired import WiredFunction
    from tillgate.entrypoints.http import LambdaEvent, LambdaResponse

OPERATOR = {"authorization": "Bearer operator-token-of-a-test"}
ENDPOINT = "https://events.example.com"
# The functions of the test that runs, each in the one sandbox it has.
SANDBOXES: dict[str, WiredFunction[LambdaEvent, LambdaResponse]] = {}


@pytest.fixture(autouse=True)
def environment(
    database: TestDatabase,
    secrets_manager: FakeSecretsManager,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[FakeSecretsManager]:
    """Deploy: migrate once more, and tell the functions where everything is."""
    deployed = migrate(database)
    secrets_manager.secrets = {
        **deployed.secrets,
        "ring": json.dumps({"k1": "made-up-key-of-a-test"}),
        "operator": json.dumps({"token": "operator-token-of-a-test"}),
    }
    for name, value in {
        "AWS_ENDPOINT_URL": secrets_manager.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "made-up",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "STAGE": "test",
        "VERSION": __version__,
        "ADMIN_DATABASE_SECRET_ARN": "admin",
        "KEY_RING_SECRET_ARN": "ring",
        "OPERATOR_SECRET_ARN": "operator",
        "CONNECTION_TIMEOUT_MS": "3000",
        "REQUEST_TIMEOUT_MS": "9000",
        "ACCEPT_QUEUE_URL": f"{secrets_manager.url}/000000000000/accept",
        "OBJECTS_BUCKET": "objects",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATABASE_SECRET_ARN", "api")
    SANDBOXES["api"] = api_function.api()
    new_ingest_sandbox(monkeypatch)
    yield secrets_manager
    for sandbox in SANDBOXES.values():
        sandbox.close()


def new_ingest_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    if "ingest" in SANDBOXES:
        SANDBOXES["ingest"].close()
    with monkeypatch.context() as environment:
        environment.setenv("DATABASE_SECRET_ARN", "ingest")
        SANDBOXES["ingest"] = ingest_function.ingest()


def api(
    method: str,
    path: str,
    *,
    query: str = "",
    headers: dict[str, str] | None = None,
    body: str | None = None,
) -> tuple[int, Any]:
    event = http_event(method, path, route="$default", query=query, headers=headers, body=body)
    answer = SANDBOXES["api"](event)
    return answer["statusCode"], json.loads(answer["body"])


def admin(method: str, path: str, body: object = None, query: str = "") -> tuple[int, Any]:
    headers = {**OPERATOR, "content-type": "application/json"}
    text = None if body is None else json.dumps(body)
    return api(method, f"/admin/api/{path}", headers=headers, body=text, query=query)


@pytest.fixture
def token() -> str:
    return tenant_with_token()[1]


def tenant_with_token() -> tuple[str, str]:
    _, tenant = admin("POST", "tenants", {"slug": f"t-{uuid.uuid4()}", "name": "Café"})
    _, issued = admin("POST", f"tenants/{tenant['tenant_id']}/tokens", {"name": "till"})
    return tenant["tenant_id"], issued["token"]


def send(token: str, key: str, data: str) -> dict[str, Any]:
    answer = SANDBOXES["ingest"](
        http_event(
            "POST",
            "/v1/events",
            headers={
                "authorization": f"Bearer {token}",
                "idempotency-key": key,
                "content-type": "application/json",
            },
            body='{"type":"order.created","data":' + data + "}",
        )
    )
    assert answer["statusCode"] == 201
    sent: dict[str, Any] = json.loads(answer["body"])
    return sent


def test_what_was_sent_is_read_back_to_the_letter(token: str) -> None:
    data = '{"big":' + "9" * 400 + ',"price":12.10}'
    sent = send(token, "k-1", data)
    headers = {"authorization": f"Bearer {token}"}

    answer = SANDBOXES["api"](
        http_event("GET", f"/v1/events/{sent['event_id']}", route="$default", headers=headers)
    )
    status, listed = api("GET", "/v1/events", headers=headers, query="idempotency_key=k-1")

    assert f'"data":{data},' in answer["body"]
    assert status == 200
    assert [e["event_id"] for e in listed["events"]] == [sent["event_id"]]
    assert listed["events"][0]["received_at"] == sent["received_at"]


def test_another_tenants_event_is_answered_as_a_missing_one(token: str) -> None:
    theirs = send(tenant_with_token()[1], "k", "{}")["event_id"]
    headers = {"authorization": f"Bearer {token}"}

    answers = []
    for event_id in (theirs, str(uuid.uuid4()), "nonsense"):
        status, body = api("GET", f"/v1/events/{event_id}", headers=headers)
        answers.append((status, {**body, "rid": ""}))

    assert answers[0][0] == 404
    assert answers[0] == answers[1] == answers[2]
    assert api("GET", "/v1/events", headers=headers)[1] == {"events": [], "next_cursor": None}


def test_operator_sees_a_suspended_tenants_events_and_the_tenant_does_not() -> None:
    tenant_id, token = tenant_with_token()
    sent = send(token, "k", "{}")

    admin("POST", f"tenants/{tenant_id}/suspend")

    assert api("GET", "/v1/events", headers={"authorization": f"Bearer {token}"})[0] == 403
    status, listed = admin("GET", f"tenants/{tenant_id}/events", query="limit=1")
    assert (status, listed["events"][0]["event_id"]) == (200, sent["event_id"])
    assert admin("GET", f"tenants/{tenant_id}/events/{sent['event_id']}")[0] == 200


def test_source_made_here_takes_a_signed_delivery_there() -> None:
    tenant_id, token = tenant_with_token()
    made, source = admin(
        "POST", f"tenants/{tenant_id}/sources", {"provider": "shopify", "public_url": ENDPOINT}
    )
    body = '{"id":820982911946154508,"total_price":"403.00"}'

    answer = SANDBOXES["ingest"](
        http_event(
            "POST",
            f"/v1/hooks/shopify/{source['source_id']}",
            route="POST /v1/hooks/{provider}/{endpoint_id}",
            path_parameters={"provider": "shopify", "endpoint_id": source["source_id"]},
            headers={
                "x-shopify-hmac-sha256": _signature(source["secret"], body),
                "x-shopify-webhook-id": "w-1",
                "x-shopify-topic": "orders/create",
            },
            body=body,
        )
    )

    assert (made, answer["statusCode"], json.loads(answer["body"])["accepted"]) == (201, 200, 1)
    _, listed = api(
        "GET",
        "/v1/events",
        headers={"authorization": f"Bearer {token}"},
        query="type=orders/create&idempotency_key=w-1",
    )
    [event] = listed["events"]
    assert (event["source"], event["provider"]) == (source["source_id"], "shopify")


def deliver(endpoint_id: str, secret: str, *, event_id: str) -> int:
    url = f"{ENDPOINT}/v1/hooks/square/{endpoint_id}"
    body = json.dumps({"event_id": event_id, "type": "payment.created", "merchant_id": "M1"})
    answer = SANDBOXES["ingest"](
        http_event(
            "POST",
            f"/v1/hooks/square/{endpoint_id}",
            route="POST /v1/hooks/{provider}/{endpoint_id}",
            path_parameters={"provider": "square", "endpoint_id": endpoint_id},
            headers={"x-square-hmacsha256-signature": _signature(secret, url + body)},
            body=body,
        )
    )
    status: int = answer["statusCode"]
    return status


def test_what_was_refused_for_its_secret_is_let_in_once_that_is_mended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant_id, token = tenant_with_token()
    new = {"provider": "square", "name": "till", "public_url": ENDPOINT}
    _, made = admin("POST", f"tenants/{tenant_id}/sources", new)
    source_id = made["source_id"]
    assert deliver(source_id, "the-vendors-own", event_id="q-1") == 401
    _, page = admin("GET", "quarantine", query=f"endpoint_id={source_id}")
    [refused] = page["deliveries"]
    admin("PUT", f"sources/{source_id}/secret", {"secret": "the-vendors-own"})

    _, first = admin("POST", "quarantine/retry", {"endpoint_id": source_id})
    _, second = admin("POST", "quarantine/retry", {"ids": [refused["quarantine_id"]]})

    assert (refused["reason"], refused["tenant_id"]) == ("signature-refused", tenant_id)
    assert [one["outcome"] for one in first["deliveries"]] == ["stored"]
    assert [one["outcome"] for one in second["deliveries"]] == ["gone"]
    # The sandbox that refused it remembers the secret of then.
    new_ingest_sandbox(monkeypatch)
    assert deliver(source_id, "the-vendors-own", event_id="q-1") == 200
    _, listed = api("GET", "/v1/events", headers={"authorization": f"Bearer {token}"})
    [event] = listed["events"]
    assert (event["idempotency_key"], event["source"]) == ("q-1", source_id)
    assert event["received_at"] == refused["received_at"]


@pytest.mark.parametrize("kind", ["source", "app"])
def test_secret_that_the_vendor_issues_later_is_the_one_that_counts(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    clock = SimpleNamespace(time=lambda: now, monotonic=time.monotonic)
    monkeypatch.setattr(ingest_function, "time", clock)
    new_ingest_sandbox(monkeypatch)
    tenant_id, _ = tenant_with_token()
    collection = f"tenants/{tenant_id}/sources" if kind == "source" else "apps"
    new = {"provider": "square", "name": "till", "public_url": ENDPOINT}
    _, made = admin("POST", collection, new)
    endpoint_id, first = made[f"{kind}_id"], made["secret"]
    assert deliver(endpoint_id, first, event_id="w-1") == 200

    status, record = admin("PUT", f"{kind}s/{endpoint_id}/secret", {"secret": "issued-later"})

    assert (status, "secret" in record, record[f"{kind}_id"]) == (200, False, endpoint_id)
    # This sandbox remembers the first one: it is good for 30 s, unless the new one is seen.
    now += 4.9
    assert deliver(endpoint_id, first, event_id="w-2") == 200
    now += 0.1
    assert deliver(endpoint_id, "issued-later", event_id="w-3") == 200
    assert deliver(endpoint_id, first, event_id="w-4") == 401


def post_hook(endpoint_id: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, int]]:
    answer = SANDBOXES["ingest"](
        http_event(
            "POST",
            f"/v1/hooks/clover/{endpoint_id}",
            route="POST /v1/hooks/{provider}/{endpoint_id}",
            path_parameters={"provider": "clover", "endpoint_id": endpoint_id},
            headers=headers,
            body=body,
        )
    )
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize("kind", ["source", "app"])
def test_clover_is_set_up_by_its_handshake(kind: str) -> None:
    tenant_id, _ = tenant_with_token()
    collection = f"tenants/{tenant_id}/sources" if kind == "source" else "apps"
    new = {"provider": "clover", "name": "till", "public_url": ENDPOINT}
    _, made = admin("POST", collection, new)
    endpoint_id = made[f"{kind}_id"]
    if kind == "app":
        bound = {"provider": "clover", "app_id": endpoint_id, "merchant_id": "M1"}
        admin("POST", f"tenants/{tenant_id}/sources", bound)

    shaken, _ = post_hook(endpoint_id, clover_handshake("the-code"), {})
    _, sources = admin("GET", f"tenants/{tenant_id}/sources")
    _, record = admin("PUT", f"{kind}s/{endpoint_id}/secret", {"secret": CLOVER_CODE})
    again, _ = post_hook(endpoint_id, clover_handshake("another"), {})
    _, ready = admin("GET", f"tenants/{tenant_id}/sources")

    assert (shaken, again) == (200, 200)
    [called_at] = {s["handshake_at"] for s in [*sources["sources"], record, *ready["sources"]]}
    assert called_at.endswith("Z")
    assert [(s["state"], s["verification_code"]) for s in sources["sources"]] == [
        ("pending", "the-code")
    ]
    assert [(s["state"], s["verification_code"]) for s in [record, *ready["sources"]]] == [
        ("ready", None)
    ] * 2
    status, counts = post_hook(endpoint_id, clover_body(), clover_headers())
    assert (status, counts["accepted"]) == (200, 1)
    assert post_hook(endpoint_id, clover_body(), clover_headers(code="the-code"))[0] == 401


def test_status_knows_the_whole_installation() -> None:
    status, told = admin("GET", "status")

    assert status == 200
    assert told["version"] == __version__
    assert told["database"]["ok"] is told["migrations"]["ok"] is told["key_ring"]["ok"] is True
    assert told["key_ring"]["current"] == "k1"
    assert told["partitions"]["days_ahead"] >= 14


def test_without_the_operators_secret_nobody_is_told_anything(
    environment: FakeSecretsManager,
) -> None:
    del environment.secrets["operator"]

    assert admin("GET", "status")[0] == 503
    assert api("GET", "/admin/api/status")[0] == 401


def _signature(secret: str, body: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body.encode(), "sha256")).decode()
