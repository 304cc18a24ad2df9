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

from ops.simulators import SIMULATORS
from tillgate.providers import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.simulators.simulator import Delivery


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


def signed(source: dict[str, Any], key: str, *, secret: str) -> Delivery:
    """Give what the source's vendor sends for it."""
    return SIMULATORS[source["provider"]].delivery(
        secret=secret,
        notification_url=source["notification_url"],
        merchants=[source["merchant_id"]] if source["merchant_id"] else [],
        key=key,
        at=datetime.now(UTC),
    )


def post(delivery: Delivery, url: str) -> httpx.Response:
    return httpx.post(url, content=delivery.body, headers=dict(delivery.headers), timeout=60)


def counted(answer: httpx.Response) -> dict[str, int] | None:
    """Give what a vendor is told of its items; Adyen is told a text."""
    if answer.text == "[accepted]":
        return None
    told: dict[str, int] = answer.json()
    return {name: told[name] for name in ("accepted", "duplicates") if told.get(name)}


def test_what_each_vendor_sends_is_stored_once_and_what_is_forged_is_not(
    stack: dict[str, Any],
) -> None:
    sources = stack["tenants"][0]["sources"]
    assert [source["provider"] for source in sources] == [n for n in SIMULATORS if n in PROVIDERS]
    keys = []
    for source in sources:
        simulator, url = SIMULATORS[source["provider"]], source["notification_url"]
        genuine = signed(source, new_key(), secret=source["secret"])
        forged = post(signed(source, new_key(), secret=simulator.new_secret()), url)
        first = post(genuine, url)
        again = post(simulator.resend(genuine, attempt=2, at=datetime.now(UTC)), url)

        assert [forged.status_code, first.status_code, again.status_code] == [401, 200, 200]
        assert counted(first) in ({"accepted": 1}, None)
        assert counted(again) in ({"duplicates": 1}, None)
        keys += [event.key for event in genuine.events]

    listed = [
        event
        for key in keys
        for event in httpx.get(
            f"{stack['api_url']}/v1/events",
            params={"idempotency_key": key},
            headers={"Authorization": f"Bearer {stack['tenants'][0]['api_token']}"},
            timeout=30,
        ).json()["events"]
    ]
    assert [event["source"] for event in listed] == [source["source_id"] for source in sources]


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
