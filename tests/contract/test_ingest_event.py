"""``POST /v1/events``: HTTP.md's table of cases, each by itself."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from hypothesis import given

from tests.contract.wired_ingest import (
    IDLE,
    MAX_BODY_BYTES,
    ONE,
    TWO,
    WiredIngest,
    event_body,
    headers,
    now,
)
from tests.strategies import JSON_OBJECTS


@pytest.fixture
def ingest() -> WiredIngest:
    return WiredIngest()


def test_the_first_time_is_201_with_its_location(ingest: WiredIngest) -> None:
    before = now()

    answer = ingest.post(event_body(), headers(x_request_id="rid-7"))

    assert answer.status == 201
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Location"] == f"/v1/events/{answer.json['event_id']}"
    assert answer.json.keys() == {"event_id", "status", "duplicate", "received_at", "rid"}
    assert (answer.json["status"], answer.json["duplicate"]) == ("stored", False)
    assert answer.json["rid"] == answer.headers["X-Request-Id"] == "rid-7"
    received_at = datetime.fromisoformat(answer.json["received_at"])
    assert before - timedelta(seconds=1) <= received_at <= now()


def test_the_same_event_again_is_200_and_says_so(ingest: WiredIngest) -> None:
    first = ingest.post(event_body())

    again = ingest.post(b"\n " + event_body())

    assert again.status == 200
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Location" not in again.headers
    assert again.json == first.json | {"duplicate": True, "rid": again.json["rid"]}
    assert "Idempotent-Replayed" not in first.headers


def test_another_event_under_the_key_is_422_with_the_first_one_s_id(ingest: WiredIngest) -> None:
    first = ingest.post(event_body({"total": 1}))

    answer = ingest.post(event_body({"total": 1.0}))

    assert answer.problem == (422, "idempotency-key-reused")
    assert answer.json["event_id"] == first.json["event_id"]
    [(stored, _)] = ingest.events.events.values()
    assert stored.data == '{"total":1}'


def test_a_bare_and_a_quoted_key_are_the_same(ingest: WiredIngest) -> None:
    ingest.post(event_body(), headers(idempotency_key="k"))

    assert ingest.post(event_body(), headers(idempotency_key='"k"')).status == 200


def test_one_tenant_s_key_is_not_another_s(ingest: WiredIngest) -> None:
    ingest.post(event_body())

    answer = ingest.post(event_body({"b": 1}), headers(authorization="Bearer tg_live_two"))

    assert answer.status == 201


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (None, "idempotency-key-required"),
        ("", "idempotency-key-invalid"),
        ('""', "idempotency-key-invalid"),
        ('"', "idempotency-key-invalid"),
        ("a b", "idempotency-key-invalid"),
        ("a,b", "idempotency-key-invalid"),
        ('a"b', "idempotency-key-invalid"),
        ("a\\b", "idempotency-key-invalid"),
        ("\U0001f600", "idempotency-key-invalid"),
        ("k" * 256, "idempotency-key-invalid"),
    ],
)
def test_a_missing_key_and_a_malformed_one_are_400(
    ingest: WiredIngest, key: str | None, kind: str
) -> None:
    answer = ingest.post(event_body(), headers(idempotency_key=key))

    assert answer.problem == (400, kind)
    assert not ingest.events.events


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer nobody", "Basic dGc6dGc=", "tg_live_one", "Bearer tg_live_one x"],
)
@pytest.mark.parametrize("tenant_id", [None, ONE.tenant_id, "no such tenant"])
def test_no_token_and_a_bad_one_are_the_same_401(
    ingest: WiredIngest, authorization: str | None, tenant_id: str | None
) -> None:
    answer = ingest.post(
        event_body(),
        headers(authorization=authorization, x_tenant_id=tenant_id, x_request_id="r"),
    )

    assert answer.problem == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer == ingest.post(b"", {"x-request-id": "r"})


@pytest.mark.parametrize("tenant_id", [ONE.tenant_id, ONE.tenant_id.upper()])
def test_the_tenant_may_be_named_and_must_match(ingest: WiredIngest, tenant_id: str) -> None:
    assert ingest.post(event_body(), headers(x_tenant_id=tenant_id)).status == 201
    for other in (TWO.tenant_id, "no such tenant", ""):
        answer = ingest.post(event_body(), headers(x_tenant_id=other))
        assert answer.problem == (403, "tenant-mismatch")


def test_a_suspended_tenant_is_403(ingest: WiredIngest) -> None:
    answer = ingest.post(event_body(), headers(authorization="Bearer tg_live_idle"))

    assert answer.problem == (403, "tenant-suspended")
    assert IDLE.tenant_id not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"",
        b"{",
        b"no json",
        b'{"type":"t","data":{"a":"\xff"}}',
        b'{"type":"t","data":{"a":1,"a":1}}',
        b'{"type":"t","type":"t","data":{}}',
        b'{"type":"t","data":{"a":NaN}}',
        b'{"type":"t","data":{"a":-Infinity}}',
        b'{"type":"t","data":{"a":' + b"[" * 63 + b"]" * 63 + b"}}",
        b"[" * 1_024 + b"]" * 1_024,
        b"[" * 2_048,
        b'\xef\xbb\xbf{"type":"t","data":{}}',
    ],
)
def test_what_is_no_json_is_400(ingest: WiredIngest, body: bytes | None) -> None:
    assert ingest.post(body).problem == (400, "invalid-json")
    if body is not None:
        assert ingest.post(body, is_base64=True).problem == (400, "invalid-json")


def test_64_levels_are_allowed(ingest: WiredIngest) -> None:
    body = b'{"type":"t","data":{"a":' + b"[" * 62 + b"]" * 62 + b"}}"

    assert ingest.post(body).status == 201


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        "application/json; charset=UTF-8",
        'application/json ; charset="utf-8" ',
    ],
)
def test_json_in_utf_8_is_the_content_type(ingest: WiredIngest, content_type: str) -> None:
    assert ingest.post(event_body(), headers(content_type=content_type)).status == 201


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/json",
        "application/jsonx",
        "application/problem+json",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/json; boundary=x",
        "application/json, application/json",
        "*/*",
    ],
)
def test_any_other_content_type_is_415(ingest: WiredIngest, content_type: str | None) -> None:
    answer = ingest.post(event_body(), headers(content_type=content_type))

    assert answer.problem == (415, "unsupported-media-type")


@pytest.mark.parametrize("is_base64", [False, True])
def test_the_limit_is_exact(ingest: WiredIngest, *, is_base64: bool) -> None:
    room = MAX_BODY_BYTES - len(event_body({"a": ""}))
    exact, over = event_body({"a": "x" * room}), event_body({"a": "x" * (room + 1)})
    assert len(exact) == MAX_BODY_BYTES

    assert ingest.post(exact, is_base64=is_base64).status == 201
    answer = ingest.post(over, is_base64=is_base64)
    assert answer.problem == (413, "payload-too-large")
    assert str(MAX_BODY_BYTES) in answer.json["detail"]


def test_the_limit_counts_bytes_not_characters(ingest: WiredIngest) -> None:
    body = '{"type":"t","data":{"a":"' + "é" * (MAX_BODY_BYTES // 2) + '"}}'

    assert ingest.post(body).problem == (413, "payload-too-large")


def test_json_that_is_no_event_is_422_with_every_fault(ingest: WiredIngest) -> None:
    document = {"type": "", "occurred_at": None, "entity_version": 1.5, "x/y": 1}

    answer = ingest.post(json.dumps(document).encode())

    assert answer.problem == (422, "invalid-event")
    assert [fault.keys() for fault in answer.json["errors"]] == [{"pointer", "detail"}] * 5
    assert {fault["pointer"] for fault in answer.json["errors"]} == {
        "/data",
        "/type",
        "/occurred_at",
        "/entity_version",
        "/x~1y",
    }


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"x"', b"true"])
def test_json_that_is_no_object_is_422(ingest: WiredIngest, body: bytes) -> None:
    answer = ingest.post(body)

    assert answer.problem == (422, "invalid-event")
    assert answer.json["errors"][0]["pointer"] == ""


def test_a_lone_surrogate_is_422_and_nul_is_stored(ingest: WiredIngest) -> None:
    assert ingest.post(rb'{"type":"t","data":{"a":"\ud800"}}').problem == (422, "invalid-event")
    assert ingest.post(rb'{"type":"t","data":{"a":"\u0000"}}').status == 201


def test_neither_store_reachable_is_503_and_nothing_is_stored(ingest: WiredIngest) -> None:
    ingest.post(event_body(), headers(idempotency_key="warm"))
    ingest.take_all_down()

    answer = ingest.post(event_body())

    assert answer.problem == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert len(ingest.events.events) == 1
    assert not ingest.queue.messages


def test_a_token_that_cannot_be_looked_up_is_503_never_401(ingest: WiredIngest) -> None:
    ingest.take_down()

    assert ingest.post(event_body()).problem == (503, "unavailable")


@given(JSON_OBJECTS)
def test_any_data_is_stored_as_the_value_it_is(data: dict[str, object]) -> None:
    ingest = WiredIngest()
    body = json.dumps({"type": "t", "data": data}).encode()

    assert ingest.post(body).status == (201 if len(body) <= MAX_BODY_BYTES else 413)
    for stored, _ in ingest.events.events.values():
        assert repr(json.loads(stored.data)) == repr(json.loads(json.dumps(data, sort_keys=True)))
