"""The Supabase adapter against servers on real sockets, well-behaved and not."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from ops.local.processes import free_port
from tests.integration.polling import pause
from tests.unit.adapters.aws.scripted_peer import (
    answering,
    dripping,
    hanging_up,
    message,
    resetting,
    scripted_peer,
    sending,
    silence,
)
from tests.unit.services.deliveries import DESTINATION, TENANT, outgoing
from tillgate.adapters.outbound_http import MAX_ANSWER_BYTES, OutboundHttp
from tillgate.adapters.public_address import addresses
from tillgate.adapters.supabase import SupabaseUpstream
from tillgate.adapters.trace_in_hand import TraceInHand
from tillgate.domain.delivery import Delivered, GaveUp, RetryLater
from tillgate.domain.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.adapters.aws.scripted_peer import Reply, ScriptedPeer
    from tillgate.adapters.public_address import Address
    from tillgate.domain.delivery import SendResult

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
KEY = "sb_secret_canary"
CREATED = answering(b"", status=201)


@contextmanager
def upstream(
    *,
    request_seconds: float = 5,
    budget: float = 60,
    max_uses: int = 1_000,
    allow_private: bool = True,
    resolve: Callable[[str, int], list[Address]] = addresses,
) -> Iterator[SupabaseUpstream]:
    made = SupabaseUpstream(
        OutboundHttp(
            connect_seconds=0.5, max_uses=max_uses, allow_private=allow_private, resolve=resolve
        ),
        request_seconds=request_seconds,
        allow_private=allow_private,
        budget=lambda: budget,
        clock=lambda: NOW,
    )
    try:
        yield made
    finally:
        made.close()


def send(to: SupabaseUpstream, url: str, *numbers: int) -> SendResult:
    events = tuple(outgoing(number) for number in numbers or (1,))
    return to.send(replace(DESTINATION, url=url), KEY, events)


def answer_to(*replies: Reply, request_seconds: float = 5) -> SendResult:
    with scripted_peer(*replies) as peer, upstream(request_seconds=request_seconds) as made:
        return send(made, peer.url)


def with_headers(status: int, **headers: str) -> Reply:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return sending(f"HTTP/1.1 {status} Said\r\n{lines}content-length: 0\r\n\r\n".encode())


def head_of(peer: ScriptedPeer) -> tuple[str, dict[str, str], Any]:
    head, _, body = peer.requests[0].partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return first, {name.lower(): value for name, value in headers.items()}, body.decode()


def test_each_request_is_a_span_of_the_trace_in_hand() -> None:
    trace = TraceInHand()
    http = OutboundHttp(
        connect_seconds=0.5, max_uses=1_000, allow_private=True, trace_headers=trace.headers
    )
    made = SupabaseUpstream(http, request_seconds=5, allow_private=True)
    with scripted_peer(CREATED, CREATED, CREATED) as peer:
        send(made, peer.url)
        trace.begin(Trace("ab" * 16, "01", "rojo=1"))
        send(made, peer.url)
        send(made, peer.url)
        made.close()
        heads = [request.decode().lower() for request in peer.requests]

    assert "traceparent" not in heads[0]
    spans = [
        re.findall(rf"\r\ntraceparent: 00-{'ab' * 16}-([0-9a-f]{{16}})-01\r\n", head)
        for head in heads[1:]
    ]
    assert [len(found) for found in spans] == [1, 1]
    assert spans[0] != spans[1]
    assert all("\r\ntracestate: rojo=1\r\n" in head for head in heads[1:])


def test_rows_are_posted_as_postgrest_takes_them() -> None:
    data = '{"big":' + "9" * 400 + ',"price":12.10,"nul":"\\u0000","word":"é🧾"}'
    event = replace(
        outgoing(1, data=data),
        occurred_at="2026-11-23t12:00:00.123456789+02:00",
        entity_id="order-17",
        entity_version="9" * 40,
    )
    with scripted_peer(CREATED) as peer, upstream() as made:
        destination = replace(DESTINATION, url=f"{peer.url}/prefix/")
        result = made.send(destination, KEY, [event, outgoing(2)])
        first, headers, body = head_of(peer)

    assert result == Delivered(201)
    assert first == "POST /prefix/rest/v1/tillgate_event HTTP/1.1"
    assert headers == {
        "host": peer.url.removeprefix("http://"),
        "apikey": KEY,
        "authorization": f"Bearer {KEY}",
        "content-type": "application/json",
        "prefer": "resolution=ignore-duplicates,return=minimal",
        "accept-encoding": "identity",
        "content-length": str(len(body.encode())),
    }
    assert f'"data":{data},' in body
    one, two = json.loads(body, parse_float=str)
    assert one.keys() == two.keys()
    del one["data"]
    assert one == {
        "event_id": event.event_id,
        "tenant_id": TENANT,
        "type": "order.created",
        "source": "api",
        "idempotency_key": "k1",
        "occurred_at": "2026-11-23T10:00:00.123456Z",
        "entity_id": "order-17",
        "entity_version": int("9" * 40),
        "received_at": "2026-11-23T10:00:00.000000Z",
        "stored_at": "2026-11-23T10:00:00.000000Z",
    }
    assert (two["occurred_at"], two["entity_id"], two["entity_version"]) == (None, None, None)


def test_no_events_are_an_empty_array() -> None:
    with scripted_peer(CREATED) as peer, upstream() as made:
        assert made.send(replace(DESTINATION, url=peer.url), KEY, ()) == Delivered(201)
        assert head_of(peer)[2] == "[]"


@pytest.mark.parametrize("status", [200, 201])
def test_taken_is_delivered(status: int) -> None:
    assert answer_to(answering(b"", status=status)) == Delivered(status)


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 520, 302, 307, 304])
def test_what_may_pass_is_for_later(status: int) -> None:
    assert answer_to(with_headers(status)) == RetryLater(f"http-{status}", status)


@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 405, 406, 410, 413, 415, 418, 422, 301, 308]
)
def test_what_cannot_heal_is_given_up(status: int) -> None:
    assert answer_to(with_headers(status)) == GaveUp(f"http-{status}", status)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), ("Mon, 23 Nov 2026 10:02:00 GMT", 120), ("99999999", 3600), ("soon", None)],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_told(status: int, value: str, seconds: float | None) -> None:
    assert answer_to(with_headers(status, Retry_After=value)) == RetryLater(
        f"http-{status}", status, seconds
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"code":"23502","details":"Failing row contains (canary).","message":"canary"}',
         "http-400-23502"),
        (b'{"code":"PGRST102"}', "http-400-PGRST102"),
        (b'{"code":"canary"}', "http-400"),
        (b'{"code":"23502 canary"}', "http-400"),
        (b'{"code":23502}', "http-400"),
        (b'["23502"]', "http-400"),
        (b"<html>canary</html>", "http-400"),
        (b"[" * 15_000, "http-400"),
        (b"\xff\xfe", "http-400"),
        (b'{"code":"23502","x":"' + b"c" * MAX_ANSWER_BYTES + b'"}', "http-400"),
    ],
)  # fmt: skip
def test_of_an_error_only_the_code_is_told(body: bytes, reason: str) -> None:
    assert answer_to(answering(body, status=400)) == GaveUp(reason, 400)


@pytest.mark.parametrize("status", [200, 201, 202, 206])
def test_a_success_that_is_not_postgrest_s_is_not_believed(status: int) -> None:
    found = answer_to(answering(b"<html>This domain is for sale</html>", status=status))

    assert found == RetryLater("unexpected-answer", status)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (hanging_up, "broken-answer"),
        (resetting, "connection-closed"),
        (sending(b"\x00\xff garbage\r\n\r\n", keeps=False), "broken-answer"),
        (sending(b"HTTP/1.1 2", keeps=False), "broken-answer"),
        (sending(b"HTTP/1.1 500 x\r\ncontent-length: 9\r\n\r\nhalf", keeps=False), "broken-answer"),
        (sending(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", keeps=False),
         "broken-answer"),
        (sending(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, keeps=False), "broken-answer"),
    ],
)  # fmt: skip
def test_a_broken_answer_is_for_later(reply: Reply, reason: str) -> None:
    assert answer_to(reply) == RetryLater(reason)


@pytest.mark.parametrize(
    "reply",
    [
        silence,
        dripping(message(b"x" * 500, status=201)),
        dripping(message(b"x" * 500, status=500), after=60),
        sending(b"HTTP/1.1 201 Created\r\ncontent-length: 9\r\n\r\nhalf"),
    ],
    ids=["silence", "dripped-head", "dripped-body", "half-an-answer"],
)
def test_no_request_takes_longer_than_its_deadline(reply: Reply) -> None:
    started = time.monotonic()

    assert answer_to(reply, request_seconds=0.3) == RetryLater("timeout")
    assert 0.25 <= time.monotonic() - started < 1


def test_a_peer_that_reads_nothing_is_cut_off() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with upstream(request_seconds=0.3) as made:
            large = replace(outgoing(1), data=json.dumps({"x": "y" * 20_000_000}))
            started = time.monotonic()
            result = made.send(replace(DESTINATION, url=url), KEY, [large])

    assert result == RetryLater("timeout")
    assert time.monotonic() - started < 1.5


def test_the_budget_of_the_batch_bounds_a_request() -> None:
    with scripted_peer(silence) as peer, upstream(budget=0.2) as made:
        started = time.monotonic()
        assert send(made, peer.url) == RetryLater("timeout")
        assert time.monotonic() - started < 1


def test_nobody_there_is_said_so() -> None:
    with upstream() as made:
        assert send(made, f"http://127.0.0.1:{free_port()}") == RetryLater("connection-refused")


def test_a_name_that_is_not_found_is_said_so() -> None:
    def nowhere(_host: str, _port: int) -> list[Address]:
        raise socket.gaierror("no such name")

    with upstream(resolve=nowhere) as made:
        assert send(made, "https://project.example.com") == RetryLater("name-not-found")


def test_a_resolver_that_hangs_is_not_waited_for() -> None:
    is_over = threading.Event()

    def slow(_host: str, _port: int) -> list[Address]:
        is_over.wait(30)
        return []

    with upstream(resolve=slow) as made:
        assert send(made, "https://project.example.com") == RetryLater("timeout")
    is_over.set()


def test_a_redirect_is_not_followed() -> None:
    with scripted_peer(CREATED) as other, upstream() as made:
        redirect = with_headers(307, Location=f"{other.url}/rest/v1/tillgate_event")
        with scripted_peer(redirect) as peer:
            assert send(made, peer.url) == RetryLater("http-307", 307)
        assert other.requests == []


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted_peer(CREATED) as proxy, scripted_peer(CREATED) as peer, upstream() as made:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert send(made, peer.url) == Delivered(201)
        assert (len(proxy.requests), len(peer.requests)) == (0, 1)


def test_no_cookie_is_kept() -> None:
    cookie = with_headers(201, Set_Cookie="a=b; Path=/")
    with scripted_peer(cookie) as peer, upstream() as made:
        send(made, peer.url)
        send(made, peer.url)
        assert b"cookie" not in peer.requests[1].lower()


def test_a_connection_is_used_again_and_not_worn_out() -> None:
    with scripted_peer(CREATED) as peer, upstream(max_uses=3) as made:
        assert {send(made, peer.url) for _ in range(7)} == {Delivered(201)}
        assert (len(peer.requests), peer.connections) == (7, 3)
        closing = [b"connection: close" in request.lower() for request in peer.requests]
        assert closing == [False, False, True] * 2 + [False]


def test_a_connection_that_ended_while_idle_is_replaced() -> None:
    with scripted_peer(answering(b"", status=201, keeps=False)) as peer, upstream() as made:
        for number in range(1, 4):
            assert send(made, peer.url) == Delivered(201)
            assert peer.connections == number
            # Its end arrives a moment after the answer.
            pause(0.05)


@pytest.mark.parametrize("found", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"])
@pytest.mark.parametrize("beside", [(), ("8.8.8.8",)])
def test_a_name_that_leads_inside_is_not_connected_to(found: str, beside: tuple[str, ...]) -> None:
    asked: list[str] = []

    def rebound(host: str, port: int) -> list[Address]:
        asked.append(host)
        return [(socket.AF_INET, (address, port)) for address in (*beside, found)]

    with upstream(allow_private=False, resolve=rebound) as made:
        assert send(made, "https://project.example.com") == RetryLater("not-public")
    assert asked == ["project.example.com"]


@pytest.mark.parametrize(
    "url", ["http://project.example.com", "https://127.0.0.1", "https://10.0.0.1:8443", "x"]
)
def test_an_address_that_the_stage_does_not_allow_is_not_called(url: str) -> None:
    def unasked(_host: str, _port: int) -> list[Address]:
        raise AssertionError

    with upstream(allow_private=False, resolve=unasked) as made:
        assert send(made, url) == GaveUp("bad-address")


@pytest.mark.parametrize("secret", ["a\r\nx: y", "clé", "\x00"])
def test_a_secret_that_no_header_holds_is_not_sent(secret: str) -> None:
    with scripted_peer(CREATED) as peer, upstream() as made:
        result = made.send(replace(DESTINATION, url=peer.url), secret, (outgoing(1),))
        assert (result, peer.requests) == (GaveUp("bad-secret"), [])


def test_nothing_of_it_is_logged(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    answer_to(answering(b'{"message":"canary"}', status=400))

    assert capfd.readouterr() == ("", "")
    assert caplog.text == ""
