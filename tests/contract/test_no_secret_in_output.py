"""Nothing that a sender controls, and nothing secret, comes out of ingest: canaries are searched.

What may be said is the path, the caller's X-Request-Id where it fits, ids of ours, and in the
answer, to the sender itself, what is wrong with what it sent.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.canaries import Canaries, forms
from tests.contract.wired_ingest import (
    HOOK,
    ONE,
    WiredIngest,
    notification_url,
    source_id,
)
from tests.events import http_event
from tests.fakes import InMemoryEventStore
from tests.vendors import SQUARE_KEY, square_body, square_headers
from tillgate.domain.errors import SealBrokenError, StoreRefusedError, StoreUnavailableError
from tillgate.domain.tenant import token_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tillgate.domain.event import Accepted, NewEvent
    from tillgate.domain.tenant import TenantId

# What is the sender's own, and may be said to it.
TO_THE_SENDER = {"detail", "errors"}


@pytest.fixture
def canaries() -> Canaries:
    made = Canaries()
    made.plant("provider secret", SQUARE_KEY)
    return made


class QuotingEventStore(InMemoryEventStore):
    """Fails in every way that there is, and quotes what it was given each time."""

    def __init__(self, fault: Callable[[str], Exception]) -> None:
        super().__init__()
        self._fault = fault

    def accept(
        self, tenant_id: TenantId, events: Sequence[NewEvent], *, received_at: datetime
    ) -> list[Accepted]:
        told = f"{tenant_id} {events} {received_at}"
        raise self._fault(told) from ValueError(f"Failing row contains ({told})")


def noted(text: str) -> Exception:
    error = RuntimeError("unexpected")
    error.add_note(text)
    return error


class CodedError(Exception):
    """Has a code that is no word out of a list."""

    def __init__(self, text: str) -> None:
        super().__init__("coded")
        self.code = self.sqlstate = text


def coded(text: str) -> Exception:
    return CodedError(text)


FAULTS: dict[str, Callable[[str], Exception]] = {
    "unavailable": StoreUnavailableError,
    "refused": StoreRefusedError,
    "sealed": SealBrokenError,
    "unexpected": RuntimeError,
    "a key": KeyError,
    "a note": noted,
    "a code": coded,
}


def good_headers(canaries: Canaries, **more: str) -> dict[str, str]:
    return {
        "authorization": f"Bearer {canaries['token']}",
        "content-type": "application/json",
        "idempotency-key": canaries["key"],
        "cookie": f"session={canaries['cookie']}",
        "x-api-key": canaries["header"],
        "user-agent": canaries["agent"],
        "traceparent": canaries["traceparent"],
        "tracestate": canaries["tracestate"],
        "x-amzn-trace-id": f"Root={canaries['xray']}",
        "x-request-id": f"{canaries['rid']} is no rid",
    } | {name.replace("_", "-"): value for name, value in more.items()}


def body(canaries: Canaries, **more: object) -> bytes:
    document = {
        "type": "order.created",
        "data": {canaries["member"]: canaries["payload"]},
        "entity_id": canaries["entity"],
        **more,
    }
    return json.dumps(document).encode()


def requests(canaries: Canaries) -> dict[str, dict[str, Any]]:
    """Give events of the gateway: good ones, and what is wrong in every way."""
    payload = canaries["payload"]
    good = body(canaries)
    batch = {
        "events": [
            {"idempotency_key": canaries["key"], "type": "t", "data": {"a": payload}},
            {"idempotency_key": f"{canaries['key']} ", "type": payload, "data": payload},
            payload,
        ]
    }

    def post(
        sent: bytes | str, path: str = "/v1/events", *, is_base64: bool = False, **changes: str
    ) -> dict[str, Any]:
        return http_event(
            "POST",
            path,
            headers=good_headers(canaries, **changes),
            body=sent,
            query=f"q={canaries['query']}",
            is_base64=is_base64,
        )

    return {
        "an event": post(good),
        "again": post(good),
        "another under its key": post(body(canaries, data={"x": payload})),
        "a batch": post(json.dumps(batch).encode(), "/v1/events/batch"),
        "a batch of nothing": post(json.dumps({"events": payload}), "/v1/events/batch"),
        "broken JSON": post(f'{{"{payload}'),
        "a member twice": post(f'{{"{payload}":1,"{payload}":2}}'),
        "not UTF-8": post(payload.encode() + b"\xff", is_base64=True),
        "broken base64": {**post("*" + payload), "isBase64Encoded": True},
        "another schema": post(f'{{"{payload}":1,"type":"{payload} {payload}"}}'),
        "too large": post(body(canaries, data=[payload] * 400)),
        "another type of content": post(good, content_type=payload),
        "an odd key": post(good, idempotency_key=f"{canaries['key']} \x7f"),
        "an unknown token": post(good, authorization=f"Bearer {canaries['other token']}"),
        "no token": post(good, authorization=canaries["other token"]),
        "another tenant": post(good, x_tenant_id=canaries["tenant"]),
        "no such path": post(good, "/v1/nothing"),
    }


def hooks(canaries: Canaries) -> dict[str, dict[str, Any]]:
    def hook(
        sent: bytes, headers: dict[str, str], *, provider: str = "square", at: str | None = None
    ) -> dict[str, Any]:
        endpoint_id = at or source_id("square")
        return http_event(
            "POST",
            f"/v1/hooks/{provider}/{endpoint_id}",
            route=HOOK,
            path_parameters={"provider": provider, "endpoint_id": endpoint_id},
            headers={**good_headers(canaries), **headers},
            body=sent,
            query=f"q={canaries['query']}",
        )

    good = square_body(canaries["key"], note=canaries["payload"])
    other = square_body(canaries["key"], merchant_id=canaries["merchant"])
    url = notification_url("square", source_id("square"))
    unreadable = canaries["payload"].encode()
    forged = {"x-square-hmacsha256-signature": canaries["signature"]}
    signature = canaries.plant("good signature", next(iter(square_headers(good, url=url).values())))
    return {
        "a hook": hook(good, {"x-square-hmacsha256-signature": signature}),
        "of another merchant": hook(other, square_headers(other, url=url)),
        "that cannot be read": hook(unreadable, square_headers(unreadable, url=url)),
        "forged": hook(good, forged),
        "without a signature": hook(good, {}),
        "to nobody": hook(good, forged, at="00000000-0000-4000-8000-00000000dead"),
        "of no vendor": hook(good, forged, provider="nobody"),
        "a handshake": hook(
            json.dumps({"verificationCode": canaries["code"]}).encode(), {}, provider="clover"
        ),
    }


def wired(canaries: Canaries, events: InMemoryEventStore | None = None) -> WiredIngest:
    made = WiredIngest(events)
    made.registry.tokens[token_digest(canaries["token"])] = ONE
    return made


def said_to_others(body: str) -> str:
    """Give an answer's text without what is said to its sender about what it sent."""
    document = json.loads(body)
    problems = [document, *(one.get("problem", {}) for one in document.get("results", []))]
    for problem in problems:
        for name in TO_THE_SENDER:
            problem.pop(name, None)
    return json.dumps(document)


def check(ingest: WiredIngest, canaries: Canaries, capfd: pytest.CaptureFixture[str]) -> set[int]:
    """Send everything; give the statuses."""
    statuses = set()
    for name, event in {**requests(canaries), **hooks(canaries)}.items():
        answer = ingest.invoke(event)
        statuses.add(answer.status)
        out, err = capfd.readouterr()
        assert err == "", name
        lines = [line for line in out.splitlines() if not line.startswith('{"_aws":')]
        assert len(lines) == 1, name
        assert canaries.found_in(out) == set(), name
        # The sender's own key is answered, so that it finds the event again.
        said = canaries.found_in(said_to_others(answer.text)) - {"key"}
        assert said == set(), name
        assert not {"token", "other token", "provider secret"} & canaries.found_in(answer.text)
    assert ingest.meter.flush() or ingest.metrics.is_down
    assert canaries.found_in(json.dumps(list(ingest.metrics.flushes.values()))) == set()
    return statuses


def test_what_is_sent_does_not_come_out(
    canaries: Canaries, capfd: pytest.CaptureFixture[str]
) -> None:
    statuses = check(wired(canaries), canaries, capfd)

    assert statuses == {200, 201, 400, 401, 403, 404, 413, 415, 422}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_store_that_quotes_what_it_was_given_is_not_quoted(
    canaries: Canaries, capfd: pytest.CaptureFixture[str], fault: Callable[[str], Exception]
) -> None:
    statuses = check(wired(canaries, QuotingEventStore(fault)), canaries, capfd)

    assert statuses & {202, 500, 503}


def test_with_the_database_down_nothing_comes_out(
    canaries: Canaries, capfd: pytest.CaptureFixture[str]
) -> None:
    ingest = wired(canaries)
    check(ingest, canaries, capfd)
    ingest.take_down()
    ingest.metrics.is_down = True

    assert 202 in check(ingest, canaries, capfd)


def test_with_both_stores_down_nothing_comes_out(
    canaries: Canaries, capfd: pytest.CaptureFixture[str]
) -> None:
    ingest = wired(canaries)
    check(ingest, canaries, capfd)
    ingest.take_all_down()
    ingest.metrics.is_down = True

    assert 503 in check(ingest, canaries, capfd)


def test_without_the_key_ring_nothing_comes_out(
    canaries: Canaries, capfd: pytest.CaptureFixture[str]
) -> None:
    ingest = wired(canaries)
    ingest.registry.endpoints = {
        key: type(one)(
            one.endpoint_id,
            one.provider,
            one.notification_url,
            (f"sealed {canaries['sealed']}".encode(),),
            one.source,
        )
        for key, one in ingest.registry.endpoints.items()
    }

    assert 503 in check(ingest, canaries, capfd)


LEAKS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "in base64 with more around it": lambda text: base64.b64encode(
        f"user:{text}!".encode()
    ).decode(),
    "in URL-safe base64": lambda text: base64.urlsafe_b64encode(f"é{text}".encode()).decode(),
    "in hexadecimal": lambda text: text.encode().hex(),
    "as its digest": lambda text: token_digest(text).hex(),
    "in JSON in JSON": lambda text: json.dumps(json.dumps({"a": text})),
}


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_the_search_finds_what_leaks(
    canaries: Canaries,
    capfd: pytest.CaptureFixture[str],
    leak: Callable[[str], str],
    stream: str,
) -> None:
    ingest = wired(canaries)

    class Leaking(InMemoryEventStore):
        def accept(
            self, tenant_id: TenantId, events: Sequence[NewEvent], *, received_at: datetime
        ) -> list[Accepted]:
            print(leak(canaries["payload"]), file=getattr(sys, stream))
            return super().accept(tenant_id, events, received_at=received_at)

    with pytest.raises(AssertionError):
        check(wired(canaries, Leaking()), canaries, capfd)
    out = leak(canaries["payload"])
    assert canaries.found_in(f"x{out}y") == {"payload"}
    assert check(ingest, canaries, capfd)


def test_a_canary_is_no_other_s() -> None:
    canaries = Canaries()
    one, other = canaries["one"], canaries["other"]

    assert canaries.found_in(one) == {"one"}
    assert not set(forms(one)) & set(forms(other))
