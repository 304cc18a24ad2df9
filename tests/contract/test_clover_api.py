"""The adapter of Clover's REST API against servers on real sockets, well-behaved and not."""

from __future__ import annotations

import json
import socket
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.unit.adapters.aws.scripted_peer import (
    answering,
    dripping,
    hanging_up,
    message,
    scripted_peer,
    sending,
    silence,
)
from tests.unit.services.deliveries import access, outgoing
from tillgate.adapters.outbound_http import OutboundHttp
from tillgate.adapters.pos.clover import MAX_OBJECT_BYTES, CloverApi
from tillgate.adapters.public_address import addresses
from tillgate.domain.delivery import GaveUp, RetryLater
from tillgate.domain.enrichment import Fetched, PosObject
from tillgate.domain.json_value import dump
from tillgate.domain.provider import HookRequest
from tillgate.providers.clover import Clover

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.adapters.aws.scripted_peer import Reply
    from tillgate.adapters.public_address import Address

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
TOKEN = "canary-token"
ORDER = PosObject("M1", "O:ABC")
FOUND = answering(b'{"id":"ABC"}')


@contextmanager
def clover(
    *,
    request_seconds: float = 5,
    allow_private: bool = True,
    resolve: Callable[[str, int], list[Address]] = addresses,
) -> Iterator[CloverApi]:
    http = OutboundHttp(
        connect_seconds=0.5, max_uses=1_000, allow_private=allow_private, resolve=resolve
    )
    try:
        yield CloverApi(
            http, request_seconds=request_seconds, allow_private=allow_private, clock=lambda: NOW
        )
    finally:
        http.close()


def fetch(
    api: CloverApi, url: str, wanted: PosObject = ORDER, *, token: str = TOKEN, within: float = 5
) -> Fetched | RetryLater | GaveUp:
    return api.fetch(replace(access(), api_url=url), token, wanted, within_seconds=within)


def answer_to(reply: Reply, *, within: float = 5) -> Fetched | RetryLater | GaveUp:
    with scripted_peer(reply) as peer, clover() as api:
        return fetch(api, peer.url, within=within)


def named(data: object) -> PosObject | None:
    with clover() as api:
        return api.named_in(outgoing(1, data=data if isinstance(data, str) else json.dumps(data)))


def envelope(object_id: object, *, verb: str = "UPDATE") -> dict[str, object]:
    update = {"objectId": object_id, "type": verb, "ts": 1537970958000}
    return {"appId": "A1", "merchants": {"M1": [update]}}


def test_an_event_of_our_own_provider_names_its_object() -> None:
    body = json.dumps(
        {
            "appId": "A1",
            "merchants": {
                "M1": [
                    {"objectId": "O:ABC", "type": "CREATE", "ts": 1537970958000},
                    {"objectId": "P:DEF", "type": "UPDATE", "ts": 1537970959000},
                ],
                "M2": [{"objectId": "I:GHI", "type": "DELETE", "ts": 1537970959000}],
            },
        }
    )
    request = HookRequest(body=body.encode(), headers={}, notification_url="", received_at=NOW)

    items = Clover().split(request)

    assert [named(dump(item.data)) for item in items] == [
        PosObject("M1", "O:ABC"),
        PosObject("M1", "P:DEF"),
        # What was deleted is not there to be fetched.
        None,
    ]


@pytest.mark.parametrize(
    ("object_id", "path"),
    [
        ("O:ABC", "/orders/ABC?expand=lineItems%2Cpayments%2Cdiscounts"),
        ("P:ABC", "/payments/ABC"),
        ("I:ABC", "/items/ABC?expand=categories"),
        ("IC:ABC", "/categories/ABC"),
        ("IG:ABC", "/modifier_groups/ABC"),
        ("C:ABC", "/customers/ABC"),
        ("E:ABC", "/employees/ABC"),
        ("M:M1", ""),
        ("O:../x y?z#é", "/orders/..%2Fx%20y%3Fz%23%C3%A9?expand=lineItems%2Cpayments%2Cdiscounts"),
    ],
)
def test_an_object_is_asked_for_where_clover_has_it(object_id: str, path: str) -> None:
    wanted = named(envelope(object_id))
    assert wanted is not None

    with scripted_peer(FOUND) as peer, clover() as api:
        assert fetch(api, f"{peer.url}/prefix/", wanted) == Fetched('{"id":"ABC"}')
        [request] = peer.requests

    first, *lines = request.decode().split("\r\n")
    assert first == f"GET /prefix/v3/merchants/M1{path} HTTP/1.1"
    assert sorted(line.lower() for line in lines if line) == [
        "accept-encoding: identity",
        "accept: application/json",
        f"authorization: bearer {TOKEN}",
        f"host: {peer.url.removeprefix('http://')}",
    ]


@pytest.mark.parametrize(
    "object_id", ["IM:A", "CA:A", "A:A", "SH:A", "X:A", "ABC", "O:", "O:.", "O:..", "", 17, None]
)
def test_what_has_no_address_by_its_id_is_not_fetched(object_id: object) -> None:
    assert named(envelope(object_id)) is None


@pytest.mark.parametrize(
    "data",
    [
        "[]",
        "{}",
        '{"merchants":[]}',
        '{"merchants":{}}',
        '{"merchants":{"M1":{}}}',
        '{"merchants":{"M1":[]}}',
        '{"merchants":{"M1":[17]}}',
        '{"merchants":{"M1":[{"objectId":"O:A"},{"objectId":"O:B"}]}}',
        '{"merchants":{"M1":[{"objectId":"O:A"}],"M2":[]}}',
        '{"merchants":{"..":[{"objectId":"O:A"}]}}',
        '{"merchants":{"":[{"objectId":"O:A"}]}}',
        '{"merchants":{"M1":[{"objectId":"O:\\ud800"}]}}',
        "not JSON",
    ],
)
def test_what_is_no_envelope_of_one_update_names_nothing(data: str) -> None:
    assert named(data) is None


def test_an_object_stays_as_it_was_received() -> None:
    text = '{ "big":' + "9" * 400 + ',\n "price":12.10, "word":"é🧾 \\ud83e\\uddfe" }'

    assert answer_to(answering(text.encode())) == Fetched(text)


@pytest.mark.parametrize(
    ("size", "is_taken"), [(MAX_OBJECT_BYTES, True), (MAX_OBJECT_BYTES + 1, False)]
)
def test_an_object_may_have_a_mebibyte(size: int, *, is_taken: bool) -> None:
    text = '{"x":"' + "y" * (size - 8) + '"}'
    assert len(text) == size

    result = answer_to(answering(text.encode()))

    assert result == (Fetched(text) if is_taken else GaveUp("too-large", 200))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<p>One moment</p>",
        b"[]",
        b'"x"',
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b'{"a":"\xff"}',
        b"\x1f\x8b\x08",
        b'{"a":' * 65 + b"1" + b"}" * 65,
    ],
)
def test_a_success_that_is_no_object_is_not_believed(body: bytes) -> None:
    assert answer_to(answering(body)) == RetryLater("unexpected-answer", 200)


@pytest.mark.parametrize(
    "body", [b'{"a":"\\u0000"}', b'{"\\u0000":1}', b'{"a":[{"b":"x\\ud800"}]}', b'{"a":"\\udc00"}']
)
def test_an_object_that_postgres_would_refuse_does_not_cost_its_event(body: bytes) -> None:
    assert answer_to(answering(body)) == GaveUp("unstorable", 200)


def test_an_escaped_backslash_before_a_u_is_no_nul() -> None:
    assert answer_to(answering(b'{"a":"\\\\u0000"}')) == Fetched('{"a":"\\\\u0000"}')


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_gone(status: int) -> None:
    assert answer_to(answering(status=status)) == GaveUp("gone", status)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 405, 422, 431, 301, 308])
def test_what_cannot_heal_is_given_up(status: int) -> None:
    assert answer_to(answering(status=status)) == GaveUp(f"http-{status}", status)


@pytest.mark.parametrize("status", [302, 307, 408, 409, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_for_later(status: int) -> None:
    assert answer_to(answering(status=status)) == RetryLater(f"http-{status}", status)


def test_a_success_without_an_object_is_for_later() -> None:
    assert answer_to(answering(b"", status=204)) == RetryLater("unexpected-answer", 204)


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), ("Mon, 23 Nov 2026 10:01:00 GMT", 60.0), ("soon", None)]
)
def test_retry_after_is_told(value: str, seconds: float | None) -> None:
    head = f"HTTP/1.1 429 Said\r\nretry-after: {value}\r\ncontent-length: 0\r\n\r\n"

    assert answer_to(sending(head.encode())) == RetryLater("http-429", 429, seconds)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (hanging_up, "broken-answer"),
        (sending(b"\x16\x03 not HTTP\r\n\r\n", keeps=False), "broken-answer"),
        (sending(message(b'{"id":"ABC"}')[:-3], keeps=False), "broken-answer"),
    ],
)
def test_a_broken_answer_is_for_later(reply: Reply, reason: str) -> None:
    assert answer_to(reply) == RetryLater(reason)


@pytest.mark.parametrize("reply", [silence, dripping(message(b'{"id":"ABC"}' * 100), after=70)])
def test_no_request_takes_longer_than_it_was_given(reply: Reply) -> None:
    started = time.monotonic()

    assert answer_to(reply, within=0.3) == RetryLater("timeout")
    assert time.monotonic() - started < 1


def test_a_request_s_own_deadline_holds_too() -> None:
    with scripted_peer(silence) as peer, clover(request_seconds=0.3) as api:
        assert fetch(api, peer.url, within=60) == RetryLater("timeout")


def test_a_redirect_is_not_followed_with_the_token() -> None:
    with scripted_peer(FOUND) as elsewhere:
        head = f"HTTP/1.1 302 Said\r\nlocation: {elsewhere.url}\r\ncontent-length: 0\r\n\r\n"
        assert answer_to(sending(head.encode())) == RetryLater("http-302", 302)
        assert elsewhere.requests == []


def test_a_name_that_leads_inside_is_not_connected_to() -> None:
    def inside(_host: str, port: int) -> list[Address]:
        return [(socket.AF_INET, ("169.254.169.254", port))]

    with clover(allow_private=False, resolve=inside) as api:
        assert fetch(api, "https://api.example.com") == RetryLater("not-public")


@pytest.mark.parametrize(
    "url", ["http://api.example.com", "https://127.0.0.1", "https://x/?a", "x"]
)
def test_an_address_that_the_stage_does_not_allow_is_not_called(url: str) -> None:
    def unasked(_host: str, _port: int) -> list[Address]:
        raise AssertionError

    with clover(allow_private=False, resolve=unasked) as api:
        assert fetch(api, url) == GaveUp("bad-address")


@pytest.mark.parametrize("token", ["a\r\nx: y", "clé", "\x00"])
def test_a_token_that_no_header_holds_is_not_sent(token: str) -> None:
    with scripted_peer(FOUND) as peer, clover() as api:
        assert fetch(api, peer.url, token=token) == GaveUp("bad-token")
        assert peer.requests == []


def test_a_source_s_token_is_not_used_for_another_merchant() -> None:
    mine = replace(access(), merchant_id="M1")
    with scripted_peer(FOUND) as peer, clover() as api:
        mine = replace(mine, api_url=peer.url)
        other = api.fetch(mine, TOKEN, PosObject("M2", "O:ABC"), within_seconds=5)
        own = api.fetch(mine, TOKEN, ORDER, within_seconds=5)

    assert (other, own) == (GaveUp("other-merchant"), Fetched('{"id":"ABC"}'))


def test_a_kind_that_nobody_asked_to_be_fetched_is_given_up() -> None:
    with scripted_peer(FOUND) as peer, clover() as api:
        assert fetch(api, peer.url, PosObject("M1", "IM:A")) == GaveUp("no-such-kind")
