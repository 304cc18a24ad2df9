"""What holds for every answer of ingest, whatever was sent: headers, rid, problem fields."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.wired_ingest import (
    MAX_BODY_BYTES,
    Answer,
    CrashingEventStore,
    WiredIngest,
    event_body,
    headers,
    notification_url,
    source_id,
)
from tests.events import http_event
from tests.strategies import ANY_BODY, ANY_TEXT
from tests.vendors import square_body, square_headers

if TYPE_CHECKING:
    from collections.abc import Callable

    Send = Callable[[WiredIngest, dict[str, str]], Answer]


def signed_square(ingest: WiredIngest, more: dict[str, str]) -> Answer:
    url = notification_url("square", source_id("square"))
    sent = square_headers(square_body(), url=url)
    return ingest.hook("square", square_body(), sent | more)


def crashed(_ingest: WiredIngest, more: dict[str, str]) -> Answer:
    return WiredIngest(CrashingEventStore()).post(event_body(), headers() | more)


def down(ingest: WiredIngest, more: dict[str, str]) -> Answer:
    ingest.take_down()
    return ingest.post(event_body(), headers() | more)


def nowhere(ingest: WiredIngest, more: dict[str, str]) -> Answer:
    return ingest.invoke(http_event("POST", "/v2", route="$default", headers=more))


SENDS: dict[int, Send] = {
    201: lambda ingest, more: ingest.post(event_body(), headers() | more),
    200: signed_square,
    400: lambda ingest, more: ingest.post(b"{", headers() | more),
    401: lambda ingest, more: ingest.post(event_body(), more),
    403: lambda ingest, more: ingest.post(event_body(), headers(x_tenant_id="x") | more),
    404: nowhere,
    413: lambda ingest, more: ingest.post(b" " * (MAX_BODY_BYTES + 1), headers() | more),
    415: lambda ingest, more: ingest.post(b"{}", headers(content_type="x/y") | more),
    422: lambda ingest, more: ingest.post(b"{}", headers() | more),
    500: crashed,
    503: down,
}
every_status = pytest.mark.parametrize("status", SENDS)
PROBLEMS = [status for status in SENDS if status >= 400]


def send(status: int, **more: str) -> Answer:
    answer = SENDS[status](WiredIngest(), more)
    assert answer.status == status
    return answer


@every_status
def test_every_answer_carries_the_security_headers(status: int) -> None:
    sent = send(status).headers

    assert re.fullmatch(r"max-age=\d{8,}.*", sent["Strict-Transport-Security"])
    assert sent["X-Content-Type-Options"] == "nosniff"
    assert sent["Cache-Control"] == "no-store"
    assert sent["Content-Type"] in {"application/json", "application/problem+json"}


@every_status
def test_a_request_id_that_fits_is_kept(status: int) -> None:
    answer = send(status, **{"X-REQUEST-ID": "till-4.7_a"})

    assert answer.headers["X-Request-Id"] == answer.json["rid"] == "till-4.7_a"


@every_status
@pytest.mark.parametrize("rid", ["", "a b", "x" * 129, "é", "a\r\nb", "<b>", "a,b"])
def test_a_request_id_that_does_not_fit_is_replaced(status: int, rid: str) -> None:
    answer = send(status, **{"x-request-id": rid})

    assert answer.headers["X-Request-Id"] == answer.json["rid"]
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", answer.json["rid"])


@pytest.mark.parametrize("status", PROBLEMS)
def test_every_error_is_a_problem_with_all_its_fields(status: int) -> None:
    answer = send(status)

    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "rid"} <= answer.json.keys()
    assert answer.json["status"] == status
    assert all(isinstance(answer.json[name], str) for name in ("type", "title", "detail"))


@pytest.mark.parametrize("status", PROBLEMS)
def test_no_error_shows_what_is_inside(status: int) -> None:
    text = send(status).text

    assert not re.search(r"Traceback|\.py|SELECT|psycopg|NoneType|tillgate\.", text)


@pytest.mark.parametrize(
    "name", ["Authorization", "AUTHORIZATION", "Content-Type", "IDEMPOTENCY-KEY", "X-Tenant-ID"]
)
def test_header_names_may_be_written_in_any_case(name: str) -> None:
    given_headers = headers(x_tenant_id="11111111-1111-4111-8111-11111111aaaa")
    renamed = {
        name if other == name.lower() else other: value for other, value in given_headers.items()
    }
    assert name in renamed

    assert WiredIngest().post(event_body(), renamed).status == 201


TRICKS = [
    "' OR 1=1 --",
    "'; DROP TABLE tillgate.event; --",
    "../../../etc/passwd",
    "%00",
    "\0",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "\r\nSet-Cookie: a=b",
    "\u202e",
    "x" * 4_000,
]


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize(
    "name", ["authorization", "x-tenant-id", "content-type", "idempotency-key", "x-request-id"]
)
def test_a_trick_in_any_header_is_no_5xx_and_comes_back_in_none(name: str, trick: str) -> None:
    answer = WiredIngest().post(event_body(), headers() | {name: trick})

    assert answer.status in {201, 400, 401, 403, 415}
    assert trick not in answer.headers.values()


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("name", ["type", "occurred_at", "entity_id", "entity_version", "data"])
def test_a_trick_in_any_field_is_stored_as_it_is_or_refused(name: str, trick: str) -> None:
    document = {"type": "t", "data": {}, name: trick}

    answer = WiredIngest().post(json.dumps(document).encode())

    assert answer.status in {201, 413, 422}


@given(
    path=st.sampled_from(["/v1/events", "/v1/events/batch"]),
    sent=st.dictionaries(
        st.sampled_from(["x-tenant-id", "content-type", "idempotency-key", "x-request-id"]),
        ANY_TEXT,
    ),
    body=ANY_BODY,
    is_base64=st.booleans(),
)
def test_whatever_a_tenant_sends_the_fault_is_never_ours(
    path: str, sent: dict[str, str], body: bytes, *, is_base64: bool
) -> None:
    answer = WiredIngest().post(body, headers() | sent, path=path, is_base64=is_base64)

    assert answer.status in {201, 400, 403, 413, 415, 422}
    assert answer.json["rid"] == answer.headers["X-Request-Id"]
