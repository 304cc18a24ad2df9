"""Bad input over the wire: a clear answer every time, in the contract's order."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

MEBIBYTE = 1024 * 1024
GOOD = b'{"type":"a","data":{}}'


@pytest.fixture
def http(stack: dict[str, Any]) -> Iterator[httpx.Client]:
    token = stack["tenants"][0]["api_token"]
    with httpx.Client(
        base_url=stack["api_url"], headers={"Authorization": f"Bearer {token}"}, timeout=30
    ) as client:
        yield client


def padded(size: int) -> bytes:
    head, tail = b'{"type":"a","data":{"pad":"', b'"}}'
    return head + b"x" * (size - len(head) - len(tail)) + tail


BODIES = [
    pytest.param(b"", 400, "invalid-json", id="empty"),
    pytest.param(b"\xff\xfe{}", 400, "invalid-json", id="not UTF-8"),
    pytest.param(b'{"type":"a","data":{"n":NaN}}', 400, "invalid-json", id="NaN"),
    pytest.param(b'{"type":"a","type":"a","data":{}}', 400, "invalid-json", id="twice"),
    pytest.param(b"[" * 10_000, 400, "invalid-json", id="10,000 deep"),
    pytest.param(
        b'{"type":"a","data":' + b'{"a":' * 64 + b"1" + b"}" * 65, 400, "invalid-json", id="65 deep"
    ),
    pytest.param(b'{"type":"a","data":{"s":"\\ud800"}}', 422, "invalid-event", id="surrogate"),
    pytest.param(b"[]", 422, "invalid-event", id="not an object"),
    pytest.param(b'{"type":"a","data":[]}', 422, "invalid-event", id="data not an object"),
    pytest.param(
        b'{"type":"a","data":{},"entity_id":null}', 422, "invalid-event", id="null is refused"
    ),
    pytest.param(b'{"type":"a","data":{},"x":1}', 422, "invalid-event", id="another field"),
    pytest.param(padded(MEBIBYTE + 1), 413, "payload-too-large", id="a byte too many"),
]


@pytest.mark.parametrize(("body", "status", "kind"), BODIES)
def test_a_body_that_is_wrong_is_refused_and_nothing_is_stored(
    http: httpx.Client, body: bytes, status: int, kind: str
) -> None:
    key = f"bad-{uuid.uuid4()}"

    answer = http.post(
        "/v1/events",
        content=body,
        headers={"Content-Type": "application/json", "Idempotency-Key": key},
    )

    assert (answer.status_code, answer.json()["type"]) == (status, kind)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["rid"] == answer.headers["X-Request-Id"]
    assert http.get("/v1/events", params={"idempotency_key": key}).json()["events"] == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(padded(MEBIBYTE), id="a body of exactly the limit"),
        pytest.param(b'{"type":"a","data":' + b'{"a":' * 62 + b"{}" + b"}" * 63, id="64 deep"),
        pytest.param(b'{"type":"a","data":{"n":1e308,"m":-0.0,"z":"\\u0000"}}', id="odd values"),
        pytest.param(
            json.dumps(
                {"type": "a", "data": {"'; DROP TABLE event; --": "../../etc/passwd"}}
            ).encode(),
            id="SQL and paths",
        ),
    ],
)
def test_what_is_only_unusual_is_stored_as_it_is(http: httpx.Client, body: bytes) -> None:
    stored = http.post(
        "/v1/events",
        content=body,
        headers={
            "content-TYPE": "Application/JSON; Charset=UTF-8",
            "IDEMPOTENCY-key": f"odd-{uuid.uuid4()}",
        },
    )

    assert stored.status_code == 201
    assert http.get(stored.headers["Location"]).json()["data"] == json.loads(body)["data"]


@pytest.mark.parametrize(
    "key", ['"', '""', "a b", "a,b", 'a"b', "a\\b", "k" * 256, '"open', "schlüssel"]
)
def test_a_key_that_is_malformed_is_refused(http: httpx.Client, key: str) -> None:
    answer = http.post(
        "/v1/events",
        content=GOOD,
        headers={b"Content-Type": b"application/json", b"Idempotency-Key": key.encode()},
    )

    assert (answer.status_code, answer.json()["type"]) == (400, "idempotency-key-invalid")


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("PUT", "/v1/events", 405, {"GET", "POST"}),
        ("DELETE", "/v1/events/batch", 405, {"POST"}),
        ("GET", "/v1/hooks/square/x", 405, {"POST"}),
        ("POST", "/livez", 405, {"GET"}),
        ("GET", "/nowhere", 404, set()),
        ("GET", "/v1/events/../../nowhere", 404, set()),
    ],
)
def test_an_unknown_path_is_404_and_a_wrong_method_405(
    http: httpx.Client, method: str, path: str, status: int, allow: set[str]
) -> None:
    answer = http.request(method, path)

    assert answer.status_code == status
    assert set(filter(None, answer.headers.get("Allow", "").split(", "))) == allow
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/v1/hooks/square/nobody", f"/v1/hooks/acme/{uuid.UUID(int=1)}"])
def test_unknown_endpoints_and_providers_answer_like_a_bad_signature(
    stack: dict[str, Any], path: str
) -> None:
    real = next(made for made in stack["tenants"][0]["sources"] if made["provider"] == "square")[
        "notification_url"
    ]
    same_rid = {"X-Request-Id": "same"}

    unknown = httpx.post(f"{stack['api_url']}{path}", content=b"{}", headers=same_rid, timeout=30)
    unsigned = httpx.post(real, content=b"{}", headers=same_rid, timeout=30)

    assert unknown.status_code == unsigned.status_code == 401
    assert unknown.text == unsigned.text


def test_every_answer_carries_the_security_headers(http: httpx.Client) -> None:
    for path in ("/livez", "/startupz", "/v1/events", "/openapi.json", "/docs", "/nowhere"):
        headers = http.get(path).headers

        assert headers["X-Request-Id"]
        assert headers["Strict-Transport-Security"].startswith("max-age=")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
