"""The whole way, over plain HTTP, on a stack that ``cdk deploy`` made."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from square.utils.webhooks_helper import verify_signature
from standardwebhooks import Webhook

from tests.vendors import mac_base64

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Api:
    """One tenant's sender."""

    def __init__(self, url: str, token: str) -> None:
        self.http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )

    def send(self, body: bytes, *, key: str, **headers: str) -> httpx.Response:
        return self.http.post(
            "/v1/events",
            content=body,
            headers={"Content-Type": "application/json", "Idempotency-Key": key, **headers},
        )


@pytest.fixture
def api(stack: dict[str, Any]) -> Iterator[Api]:
    sender = Api(stack["api_url"], stack["tenants"][0]["api_token"])
    yield sender
    sender.http.close()


def source(stack: dict[str, Any], provider: str) -> dict[str, str]:
    found: dict[str, str] = next(
        made for made in stack["tenants"][0]["sources"] if made["provider"] == provider
    )
    return found


def new_key() -> str:
    return f"e2e-{uuid.uuid4()}"


def test_an_event_is_stored_read_back_as_sent_and_known_when_repeated(api: Api) -> None:
    key = new_key()
    data = '{"total":12.10,"big":' + "7" * 400 + ',"zero":-0.0,"text":"a\\u0000\\ud83d\\ude00"}'
    body = (
        '{"type":"order.created","data":' + data + ',"occurred_at":"2026-11-23T10:00:00+02:00",'
        '"entity_id":"order-17","entity_version":3}'
    ).encode()

    first = api.send(body, key=key)
    again = api.send(b" " + body, key=f'"{key}"')
    other = api.send(body.replace(b"12.10", b"12.1"), key=key)
    event_id = first.json()["event_id"]
    read = api.http.get(first.headers["Location"])

    assert first.status_code == 201
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert again.json()["event_id"] == event_id
    assert again.json()["received_at"] == first.json()["received_at"]
    assert (other.status_code, other.json()["event_id"]) == (422, event_id)
    assert '"total":12.10' in read.text
    assert "7" * 400 in read.text
    assert read.json()["data"] == json.loads(data)
    assert read.json()["occurred_at"] == "2026-11-23T10:00:00+02:00"
    assert read.json()["idempotency_key"] == key
    assert read.json()["source"] == "api"


def test_a_list_finds_the_event_by_its_key_and_pages_through_the_rest(api: Api) -> None:
    keys = [new_key() for _ in range(3)]
    kind = f"page.{uuid.uuid4().hex[:8]}"
    for key in keys:
        assert api.send(json.dumps({"type": kind, "data": {}}).encode(), key=key).is_success

    by_key = api.http.get("/v1/events", params={"idempotency_key": keys[1]}).json()
    first = api.http.get("/v1/events", params={"type": kind, "limit": 2}).json()
    second = api.http.get(
        "/v1/events", params={"type": kind, "limit": 2, "cursor": first["next_cursor"]}
    ).json()

    assert [event["idempotency_key"] for event in by_key["events"]] == [keys[1]]
    assert [event["idempotency_key"] for event in first["events"]] == [keys[2], keys[1]]
    assert [event["idempotency_key"] for event in second["events"]] == [keys[0]]
    assert second["next_cursor"] is None
    assert "data" not in first["events"][0]


def test_one_bad_item_of_a_batch_fails_alone(api: Api) -> None:
    key = new_key()
    items = [
        {"idempotency_key": key, "type": "a", "data": {}},
        {"idempotency_key": key, "type": "a", "data": {}},
        {"idempotency_key": key, "type": "b", "data": {}},
        {"type": "a", "data": {}},
        {"idempotency_key": new_key(), "type": "no spaces", "data": []},
    ]

    answer = api.http.post("/v1/events/batch", json={"events": items})

    assert answer.status_code == 200
    assert [result["status"] for result in answer.json()["results"]] == [
        "stored",
        "duplicate",
        "conflict",
        "invalid",
        "invalid",
    ]


def test_sixteen_senders_with_one_key_store_one_event(stack: dict[str, Any]) -> None:
    url, token = stack["api_url"], stack["tenants"][0]["api_token"]
    senders = [Api(url, token) for _ in range(16)]
    together = Barrier(len(senders))
    key = new_key()

    def send(sender: Api) -> httpx.Response:
        together.wait()
        return sender.send(b'{"type":"race","data":{"n":1}}', key=key)

    with ThreadPoolExecutor(len(senders)) as pool:
        answers = list(pool.map(send, senders))
    for sender in senders:
        sender.http.close()

    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
    assert len({answer.json()["event_id"] for answer in answers}) == 1


def test_sixteen_senders_with_one_key_and_other_payloads_store_the_201s(
    stack: dict[str, Any],
) -> None:
    url, token = stack["api_url"], stack["tenants"][0]["api_token"]
    senders = [Api(url, token) for _ in range(16)]
    together = Barrier(len(senders))
    key = new_key()

    def send(numbered: tuple[int, Api]) -> tuple[int, httpx.Response]:
        number, sender = numbered
        together.wait()
        body = json.dumps({"type": "race", "data": {"n": number}}).encode()
        return number, sender.send(body, key=key)

    with ThreadPoolExecutor(len(senders)) as pool:
        answers = list(pool.map(send, enumerate(senders)))
    [(winner, stored)] = [pair for pair in answers if pair[1].status_code == 201]
    read = senders[0].http.get(stored.headers["Location"])
    for sender in senders:
        sender.http.close()

    assert sorted(answer.status_code for _, answer in answers) == [201] + [422] * 15
    assert read.json()["data"] == {"n": winner}


def square_delivery(endpoint: dict[str, str], key: str) -> tuple[str, dict[str, str]]:
    secret, url = endpoint["secret"], endpoint["notification_url"]
    body = json.dumps(
        {"event_id": key, "type": "payment.created", "merchant_id": endpoint["merchant_id"]}
    )
    signature = mac_base64(secret.encode(), (url + body).encode())
    assert verify_signature(
        request_body=body, signature_header=signature, signature_key=secret, notification_url=url
    )
    return body, {"X-Square-HmacSha256-Signature": signature}


def shopify_delivery(endpoint: dict[str, str], key: str) -> tuple[str, dict[str, str]]:
    return '{"id":1}', {
        "X-Shopify-Hmac-Sha256": mac_base64(endpoint["secret"].encode(), b'{"id":1}'),
        "X-Shopify-Webhook-Id": key,
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Shop-Domain": endpoint["merchant_id"],
    }


def toast_delivery(endpoint: dict[str, str], key: str) -> tuple[str, dict[str, str]]:
    at = "2018-08-31T20:27:47.000Z"
    details = {"restaurantGuid": endpoint["merchant_id"]}
    body = json.dumps({"timestamp": at, "guid": key, "details": details})
    return body, {
        "Toast-Signature": mac_base64(endpoint["secret"].encode(), f"{body}{at}".encode())
    }


def clover_delivery(endpoint: dict[str, str], key: str) -> tuple[str, dict[str, str]]:
    update = {"objectId": f"O:{key}", "type": "CREATE", "ts": 1537970958000}
    merchants = {endpoint["merchant_id"]: [update]}
    return json.dumps({"appId": "APP", "merchants": merchants}), {
        "X-Clover-Auth": endpoint["secret"]
    }


def standard_delivery(endpoint: dict[str, str], key: str) -> tuple[str, dict[str, str]]:
    now = datetime.now(UTC)
    body = '{"type":"sale.closed","data":{"id":"s-1"}}'
    return body, {
        "webhook-id": key,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(endpoint["secret"]).sign(key, now, body),
    }


DELIVERIES: dict[str, Callable[[dict[str, str], str], tuple[str, dict[str, str]]]] = {
    "square": square_delivery,
    "shopify": shopify_delivery,
    "toast": toast_delivery,
    "clover": clover_delivery,
    "standard": standard_delivery,
}


def forged_of(headers: dict[str, str]) -> dict[str, str]:
    """Give the headers for a changed body; what is no signature but a code changes, too."""
    return {
        name: f"{value}x" if name == "X-Clover-Auth" else value for name, value in headers.items()
    }


def stored_key(endpoint: dict[str, str], key: str) -> str:
    """Name the event as its tenant finds it."""
    if endpoint["provider"] == "clover":
        return f"APP:{endpoint['merchant_id']}:O:{key}:CREATE:1537970958000"
    return key


def test_deliveries_signed_by_the_vendors_own_code_are_stored_once(stack: dict[str, Any]) -> None:
    key = new_key()
    endpoints = [source(stack, provider) for provider in DELIVERIES]
    assert len(endpoints) == len(stack["tenants"][0]["sources"])
    for endpoint, signed in zip(endpoints, DELIVERIES.values(), strict=True):
        body, headers = signed(endpoint, key)
        url = endpoint["notification_url"]
        first = httpx.post(url, content=body, headers=headers, timeout=30)
        again = httpx.post(url, content=body, headers=headers, timeout=30)
        forged = httpx.post(url, content=body + " ", headers=forged_of(headers), timeout=30)

        assert (first.status_code, first.json()["accepted"]) == (200, 1)
        assert (again.status_code, again.json()["duplicates"]) == (200, 1)
        assert forged.status_code == 401

    keys = {stored_key(made, key) for made in endpoints}
    listed = [
        event
        for stored in keys
        for event in httpx.get(
            f"{stack['api_url']}/v1/events",
            params={"idempotency_key": stored},
            headers={"Authorization": f"Bearer {stack['tenants'][0]['api_token']}"},
            timeout=30,
        ).json()["events"]
    ]
    assert {event["source"] for event in listed} == {made["source_id"] for made in endpoints}


def test_another_tenants_event_is_as_absent_as_none(stack: dict[str, Any], api: Api) -> None:
    event_id = api.send(b'{"type":"a","data":{}}', key=new_key()).json()["event_id"]
    other = Api(stack["api_url"], stack["tenants"][1]["api_token"])

    theirs = other.http.get(f"/v1/events/{event_id}", headers={"X-Request-Id": "same"})
    nobodys = other.http.get(f"/v1/events/{uuid.uuid4()}", headers={"X-Request-Id": "same"})
    their_tenant = {"X-Tenant-Id": stack["tenants"][0]["tenant_id"]}
    crossed = other.http.get("/v1/events", headers=their_tenant)
    other.http.close()

    assert (theirs.status_code, theirs.text) == (404, nobodys.text)
    assert crossed.status_code == 403


def test_a_revoked_token_and_a_suspended_tenant_are_refused(
    stack: dict[str, Any],
) -> None:
    operator = httpx.Client(
        base_url=f"{stack['api_url']}/admin/api",
        headers={"Authorization": f"Bearer {stack['admin_token']}"},
        timeout=30,
    )
    slug = f"e2e-{uuid.uuid4().hex[:8]}"
    tenant = operator.post("/tenants", json={"slug": slug, "name": slug}).json()["tenant_id"]
    made = operator.post(f"/tenants/{tenant}/tokens", json={"name": "till"}).json()
    kept = operator.post(f"/tenants/{tenant}/tokens", json={"name": "kept"}).json()

    operator.delete(f"/tokens/{made['token_id']}")
    operator.post(f"/tenants/{tenant}/suspend")
    # Neither token was used before, so no sandbox remembers it.
    senders = [Api(stack["api_url"], token["token"]) for token in (made, kept)]
    revoked, suspended = (sender.send(b"{}", key=new_key()) for sender in senders)
    for client in (operator, *(sender.http for sender in senders)):
        client.close()

    assert revoked.status_code == 401
    assert (suspended.status_code, suspended.json()["type"]) == (403, "tenant-suspended")
