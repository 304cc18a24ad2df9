from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.events import http_event
from tillgate.domain.errors import InvalidJsonError
from tillgate.entrypoints.http import SECURITY_HEADERS, HttpRequest, json_response, response


def request(**parts: object) -> HttpRequest:
    return HttpRequest.from_lambda({**http_event("POST", "/v1/events"), **parts})


def test_header_names_are_in_lower_case_whatever_was_sent() -> None:
    made = request(headers={"Idempotency-KEY": "K", "content-TYPE": "Application/JSON"})

    assert made.headers == {"idempotency-key": "K", "content-type": "Application/JSON"}


@pytest.mark.parametrize("rid", ["r", "A-z_0.9", "x" * 128, "..."])
def test_a_caller_s_request_id_is_kept(rid: str) -> None:
    assert request(headers={"X-Request-Id": rid}).rid == rid


@pytest.mark.parametrize(
    "rid", ["", "x" * 129, "a b", "a,b", "é", "a\n", "a\r\nSet-Cookie: x=1", "<script>", "\ud800"]
)
def test_a_request_id_that_does_not_fit_is_replaced(rid: str) -> None:
    made = request(headers={"x-request-id": rid})

    assert re.fullmatch(r"[0-9a-f]{32}", made.rid)


def test_each_request_without_an_id_gets_one_of_its_own() -> None:
    assert request().rid != request().rid


def test_what_the_gateway_leaves_out_is_empty() -> None:
    event = http_event("GET", "/livez")
    del event["headers"], event["rawPath"], event["routeKey"]

    made = HttpRequest.from_lambda(event)

    assert (made.headers, made.path_parameters) == ({}, {})
    assert (made.path, made.route, made.body()) == ("/", "$default", b"")


@given(st.binary())
def test_an_encoded_body_is_the_bytes_that_were_sent(body: bytes) -> None:
    event = http_event("POST", "/v1/events", body=body, is_base64=True)

    assert HttpRequest.from_lambda(event).body() == body


@given(st.binary())
def test_a_plain_body_is_the_bytes_that_were_sent(body: bytes) -> None:
    assert HttpRequest.from_lambda(http_event("POST", "/v1/events", body=body)).body() == body


@pytest.mark.parametrize("text", ["a", "!", "YQ", "YQ==\n", "é", "YQ==YQ=="])
def test_an_encoding_that_is_broken_is_told(text: str) -> None:
    with pytest.raises(InvalidJsonError, match="transfer encoding"):
        request(body=text, isBase64Encoded=True).body()


def test_half_a_surrogate_pair_was_never_sent() -> None:
    with pytest.raises(InvalidJsonError, match="transfer encoding"):
        request(body="\ud800").body()


def test_a_body_that_looks_encoded_but_is_not_flagged_stays_text() -> None:
    text = base64.b64encode(b"{}").decode()

    assert request(body=text).body() == text.encode()


def test_every_response_carries_what_it_must() -> None:
    made = response(418, "x", rid="r", content_type="text/plain", headers={"Allow": "GET"})

    assert made["headers"] == {
        "Content-Type": "text/plain",
        "X-Request-Id": "r",
        "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        "Allow": "GET",
    }
    assert (made["statusCode"], made["body"], made["isBase64Encoded"]) == (418, "x", False)
    assert SECURITY_HEADERS.items() <= made["headers"].items()


def test_json_is_written_in_ascii_so_that_no_encoding_can_spoil_it() -> None:
    made = json_response(200, {"a": "é\ud800"}, rid="r")

    assert made["body"] == '{"a":"\\u00e9\\ud800"}'
    assert made["headers"]["Content-Type"] == "application/json"
