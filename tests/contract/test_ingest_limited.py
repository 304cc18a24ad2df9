"""A tenant over its rate: 429 with all its headers, and hooks that are stored later."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.contract.wired_ingest import (
    APP_ID,
    ONE,
    TWO,
    WiredIngest,
    event_body,
    headers,
    notification_url,
    source_id,
)
from tests.vendors import clover_body, clover_headers, clover_update, square_body, square_headers
from tillgate.adapters.queue_message import decode, encode
from tillgate.domain.quarantine import WHOLE, Reason
from tillgate.domain.queued import QueuedHook
from tillgate.domain.tenant import RateLimit
from tillgate.providers import PROVIDERS
from tillgate.services.hooks import HookStore
from tillgate.services.queued_hooks import AcceptQueuedHook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contract.wired_ingest import Answer

LIMIT = RateLimit(2, 5)


@pytest.fixture
def ingest() -> WiredIngest:
    return WiredIngest(limit=LIMIT)


def send(ingest: WiredIngest, n: int, **changes: str | None) -> Answer:
    return ingest.post(event_body({"n": n}), headers(idempotency_key=f"k-{n}", **changes))


def spend(ingest: WiredIngest) -> None:
    assert [send(ingest, n).status for n in range(LIMIT.burst)] == [201] * LIMIT.burst


def series(ingest: WiredIngest, name: str) -> int:
    ingest.meter.flush()
    return ingest.metrics.read().series.get(name, 0)


def test_a_burst_then_the_rate_then_429_with_every_header(ingest: WiredIngest) -> None:
    spend(ingest)

    answer = send(ingest, 99)

    assert answer.problem == (429, "rate-limited")
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["RateLimit"] == '"tenant";r=0;t=1'
    assert answer.headers["RateLimit-Policy"] == '"tenant";q=5;w=3'
    assert answer.json["rid"] == answer.headers["X-Request-Id"]
    assert "2 events a second" in answer.json["detail"]
    ingest.clock += int(answer.headers["Retry-After"])
    assert [send(ingest, n).status for n in (99, 100, 101)] == [201, 201, 429]


def test_headers_say_the_wait_of_a_debt(ingest: WiredIngest) -> None:
    items = [{"idempotency_key": f"b{n}", "type": "t", "data": {}} for n in range(25)]
    assert ingest.post_batch(*items).status == 200

    answer = send(ingest, 1)

    assert answer.headers["Retry-After"] == "11"
    assert re.fullmatch(r'"tenant";r=0;t=11', answer.headers["RateLimit"])
    ingest.clock += 11
    assert send(ingest, 1).status == 201


def test_good_answers_say_nothing_of_rates(ingest: WiredIngest) -> None:
    assert not {name for name in send(ingest, 1).headers if name.startswith("RateLimit")}


def test_429_asks_neither_database_nor_queue(ingest: WiredIngest) -> None:
    spend(ingest)
    stored, looked_up = len(ingest.events.events), ingest.registry.look_ups
    ingest.take_all_down()

    assert send(ingest, 99).problem == (429, "rate-limited")
    assert (len(ingest.events.events), ingest.registry.look_ups) == (stored, looked_up)


def test_duplicates_and_faults_are_counted_too(ingest: WiredIngest) -> None:
    for _ in range(3):
        send(ingest, 1)
    ingest.post(b"{", headers())
    ingest.post(event_body(), headers(content_type="text/plain"))

    assert send(ingest, 2).status == 429


def test_who_is_not_let_in_is_charged_to_nobody(ingest: WiredIngest) -> None:
    for _ in range(20):
        assert send(ingest, 1, authorization="Bearer nobody").status == 401
        assert send(ingest, 1, x_tenant_id=TWO.tenant_id).status == 403

    spend(ingest)


def test_another_tenant_is_let_in_beside_it(ingest: WiredIngest) -> None:
    spend(ingest)

    assert send(ingest, 99).status == 429
    assert send(ingest, 99, authorization="Bearer tg_live_two").status == 201


def test_it_is_counted_as_an_event_and_as_no_failure_of_ours(ingest: WiredIngest) -> None:
    spend(ingest)
    for _ in range(3):
        send(ingest, 99)

    assert series(ingest, "ingest_events_total|api|limited") == 3
    assert series(ingest, "http_requests_total|POST|/v1/events|429") == 3
    told = [one.tenants[ONE.tenant_id] for one in ingest.metrics.activity.values()]
    sums = {name: sum(one.get(name, 0) for one in told) for name in told[0]}
    assert (sums["requests"], sums["events"], sums["client_errors"]) == (8, 5, 3)
    assert "server_errors" not in sums


def test_a_request_that_is_tried_twice_is_charged_once() -> None:
    ingest = Spared(limit=RateLimit(1, 1))
    ingest.take_down()
    ingest.bring_up()
    ingest.queue.is_down = ingest.events.is_down = True

    assert send(ingest, 1).status == 201


class Spared(WiredIngest):
    """Its database gives no answer at first, and may be asked after all."""

    def reconsider(self) -> bool:
        self.events.is_down = False
        return True


def square(ingest: WiredIngest, event_id: str, **more: str) -> Answer:
    body = square_body(event_id, **more)
    url = notification_url("square", source_id("square"))
    return ingest.hook("square", body, {**square_headers(body, url=url), "x-request-id": "r"})


def outcome(answer: Answer) -> Mapping[str, int]:
    assert answer.status == 200, answer.text
    return {name: number for name, number in answer.json.items() if number and name != "rid"}


def drain(ingest: WiredIngest) -> list[tuple[int, int]]:
    """Store what waits, as functions/accept does; give each message's new and known items."""
    worker = AcceptQueuedHook(
        HookStore(
            providers=PROVIDERS,
            registry=ingest.registry,
            events=ingest.events,
            quarantine=ingest.quarantine,
            secret_box=ingest._box,
            conflict=Reason.CONFLICT_AFTER_QUEUED,
        )
    )
    done = []
    while ingest.queue.messages:
        message = decode(encode(ingest.queue.messages.pop(0)))
        assert isinstance(message, QueuedHook)
        tally = worker.accept(message)
        done.append((tally.accepted, tally.duplicates))
    return done


def test_a_hook_over_the_rate_is_200_and_queued_and_stored_exactly_once(
    ingest: WiredIngest,
) -> None:
    for n in range(5):
        assert outcome(square(ingest, f"sq-{n}")) == {"accepted": 1}

    late = square(ingest, "sq-late")
    again = square(ingest, "sq-late")

    assert outcome(late) == outcome(again) == {"queued": 1}
    assert late.logged["limited"] == 1
    assert "error" not in late.logged
    assert [message.group for message in ingest.queue.messages] == [ONE.tenant_id] * 2
    assert drain(ingest) == [(1, 0), (0, 1)]
    assert sum(key == "square:sq-late" for _, key in ingest.events.events) == 1
    assert not ingest.quarantine.items
    assert series(ingest, "ingest_events_total|square|queued") == 2


def test_a_forged_hook_is_charged_to_nobody(ingest: WiredIngest) -> None:
    for n in range(20):
        body = square_body(f"forged-{n}")
        assert ingest.hook("square", body, {"x-square-hmacsha256-signature": "no"}).status == 401

    assert outcome(square(ingest, "sq-1")) == {"accepted": 1}


def test_with_the_queue_down_a_hook_over_the_rate_is_stored_at_once(ingest: WiredIngest) -> None:
    for n in range(5):
        square(ingest, f"sq-{n}")
    ingest.queue.is_down = True

    assert outcome(square(ingest, "sq-late")) == {"accepted": 1}
    # Which is for that request alone.
    ingest.queue.is_down = False
    assert outcome(square(ingest, "sq-later")) == {"queued": 1}


def test_with_both_down_a_hook_over_the_rate_is_503(ingest: WiredIngest) -> None:
    for n in range(5):
        square(ingest, f"sq-{n}")
    ingest.take_all_down()

    assert square(ingest, "sq-late").problem == (503, "unavailable")


def test_with_the_database_down_the_whole_hook_waits(ingest: WiredIngest) -> None:
    square(ingest, "warm")
    ingest.take_down()

    assert outcome(square(ingest, "sq-1")) == {"queued": 1}
    [message] = ingest.queue.messages
    assert isinstance(message, QueuedHook)
    assert (message.part, message.group) == (WHOLE, source_id("square"))


def clover(ingest: WiredIngest, body: bytes) -> Answer:
    sent = {**clover_headers(), "x-request-id": "r"}
    return ingest.hook("clover", body, sent, endpoint_id=APP_ID)


def test_of_an_app_s_hook_only_the_limited_tenant_s_items_wait(ingest: WiredIngest) -> None:
    ingest.limits.take(ONE.tenant_id, 5)
    body = two_merchants()

    answer = clover(ingest, body)

    assert outcome(answer) == {"accepted": 1, "queued": 2}
    assert {tenant for tenant, _ in ingest.events.events} == {TWO.tenant_id}
    [message] = ingest.queue.messages
    assert isinstance(message, QueuedHook)
    assert message.group == ONE.tenant_id
    assert drain(ingest) == [(2, 0)]
    assert len(ingest.events.events) == 3


def test_what_an_older_version_makes_of_a_part_is_a_duplicate(ingest: WiredIngest) -> None:
    ingest.limits.take(ONE.tenant_id, 5)
    clover(ingest, two_merchants())
    [message] = ingest.queue.messages
    assert isinstance(message, QueuedHook)
    ingest.queue.messages = [QueuedHook(hook=message.hook)]

    assert drain(ingest) == [(2, 1)]


def test_two_limited_tenants_of_an_app_wait_in_one_message(ingest: WiredIngest) -> None:
    ingest.limits.take(ONE.tenant_id, 5)
    ingest.limits.take(TWO.tenant_id, 5)

    assert outcome(clover(ingest, two_merchants())) == {"queued": 3}
    [message] = ingest.queue.messages
    assert message.group == APP_ID
    assert drain(ingest) == [(3, 0)]


def two_merchants() -> bytes:
    return clover_body(M1=[clover_update("O:a"), clover_update("O:b")], M2=[clover_update("O:c")])


def test_a_hook_goes_by_the_limit_of_its_own_tenant(ingest: WiredIngest) -> None:
    tenant = replace(ONE, limit=RateLimit(1, 1))
    endpoint = ingest.registry.endpoints["square", source_id("square")]
    assert endpoint.source is not None
    source = replace(endpoint.source, tenant=tenant)
    ingest.registry.endpoints["square", source_id("square")] = replace(endpoint, source=source)

    assert outcome(square(ingest, "sq-1")) == {"accepted": 1}
    assert outcome(square(ingest, "sq-2")) == {"queued": 1}
