"""``/v1/events`` while the database is unreachable: 202, kept on the queue; else 503."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.contract.wired_ingest import (
    MAX_BODY_BYTES,
    ONE,
    Answer,
    WiredIngest,
    event_body,
    headers,
    now,
)
from tillgate.domain.errors import (
    ObjectsUnavailableError,
    QueueUnavailableError,
    SecretUnavailableError,
)
from tillgate.domain.queued import QueuedEvents
from tillgate.domain.tenant import token_digest
from tillgate.domain.timestamps import rfc3339
from tillgate.domain.trace import Trace

if TYPE_CHECKING:
    from tillgate.domain.errors import UpstreamError
    from tillgate.domain.queued import QueuedMessage


@pytest.fixture
def ingest() -> WiredIngest:
    """One that knows every token, and whose database is unreachable since."""
    wired = WiredIngest()
    for token in ("tg_live_one", "tg_live_two", "tg_live_idle", "unknown"):
        wired.post(b"", headers(authorization=f"Bearer {token}"))
    wired.post_batch(item("warm"))
    wired.take_down()
    return wired


def item(key: object, total: object = 1, **more: object) -> dict[str, object]:
    return {"idempotency_key": key, "type": "t", "data": {"total": total}, **more}


def put(ingest: WiredIngest) -> QueuedEvents:
    """Give the one message on the queue."""
    [message] = ingest.queue.messages
    assert isinstance(message, QueuedEvents)
    return message


def statuses(answer: Answer) -> list[str]:
    assert answer.status == 200
    return [result["status"] for result in answer.json["results"]]


def test_what_is_queued_carries_its_request_s_trace(ingest: WiredIngest) -> None:
    ingest.post(event_body(), headers(traceparent=f"00-{'ab' * 16}-{'cd' * 8}-01"))

    assert put(ingest).trace == Trace("ab" * 16, "01")


def test_an_event_is_202_in_the_contract_s_words(ingest: WiredIngest) -> None:
    before = now()

    answer = ingest.post(event_body(), headers(idempotency_key='"k-7"', x_request_id="r"))

    assert answer.status == 202
    assert answer.headers["Content-Type"] == "application/json"
    assert not {"Location", "Idempotent-Replayed", "Retry-After"} & answer.headers.keys()
    assert answer.json == {
        "status": "queued",
        "idempotency_key": "k-7",
        "received_at": rfc3339(put(ingest).received_at),
        "rid": "r",
    }
    assert before <= put(ingest).received_at <= now()


def test_what_is_queued_is_all_that_storing_it_takes(ingest: WiredIngest) -> None:
    body = event_body({"total": 1.10}, entity_id="o-1", entity_version=3)

    ingest.post(body, headers(x_request_id="r"))

    message = put(ingest)
    [event] = message.events
    assert (message.tenant_id, message.rid) == (ONE.tenant_id, "r")
    assert message.token_digest == token_digest("tg_live_one")
    assert (event.key, event.source_id, event.type) == ("api:k-1", None, "order.created")
    assert json.loads(event.data) == {"total": 1.10}
    assert (event.entity_id, event.entity_version) == ("o-1", "3")
    assert "tg_live_one" not in repr(message)


def test_nothing_is_stored_of_what_is_queued(ingest: WiredIngest) -> None:
    ingest.post(event_body())

    assert list(ingest.events.events) == [(ONE.tenant_id, "api:warm")]


def test_a_replay_of_a_queued_call_is_queued_again_as_the_same_event(ingest: WiredIngest) -> None:
    first, again = ingest.post(event_body()), ingest.post(b" " + event_body())

    assert (first.status, again.status) == (202, 202)
    one, two = ingest.queue.messages
    assert isinstance(one, QueuedEvents)
    assert isinstance(two, QueuedEvents)
    assert one.events == two.events
    assert one.message_id != two.message_id


def test_a_replay_is_queued_and_not_answered_from_memory(ingest: WiredIngest) -> None:
    body = json.dumps({"type": "t", "data": {"total": 1}}).encode()

    answer = ingest.post(body, headers(idempotency_key="warm"))

    assert answer.status == 202
    assert "event_id" not in answer.json


def test_once_the_database_is_back_a_queued_call_may_be_repeated(ingest: WiredIngest) -> None:
    ingest.post(event_body())
    ingest.events.is_down = False

    assert ingest.post(event_body()).status == 201


def test_of_a_batch_the_events_are_queued_each_in_its_place(ingest: WiredIngest) -> None:
    answer = ingest.post_batch(item("a"), item("bad key"), 7, item("b"), item("c", type=""))

    assert statuses(answer) == ["queued", "invalid", "invalid", "queued", "invalid"]
    queued, *_ = answer.json["results"]
    assert queued == {"idempotency_key": "a", "status": "queued"}
    assert [event.key for event in put(ingest).events] == ["api:a", "api:b"]
    assert put(ingest).token_digest == token_digest("tg_live_one")


def test_a_batch_is_one_message_whatever_its_size() -> None:
    wired = WiredIngest(max_body_bytes=1_000_000)
    wired.post_batch(item("warm"))
    wired.take_down()

    assert statuses(wired.post_batch(*(item(f"k{n}") for n in range(500)))) == ["queued"] * 500
    assert len(put(wired).events) == 500


def test_the_same_key_twice_in_a_batch_is_queued_twice_in_order(ingest: WiredIngest) -> None:
    assert statuses(ingest.post_batch(item("a", 1), item("a", 2))) == ["queued", "queued"]
    assert [event.data for event in put(ingest).events] == ['{"total":1}', '{"total":2}']


def test_a_batch_without_an_event_puts_nothing_on_the_queue(ingest: WiredIngest) -> None:
    ingest.queue.is_down = True

    assert statuses(ingest.post_batch(1, item(None))) == ["invalid", "invalid"]


@pytest.mark.parametrize("path", ["/v1/events", "/v1/events/batch"])
def test_neither_store_reachable_is_503_and_nothing_is_kept(ingest: WiredIngest, path: str) -> None:
    ingest.queue.is_down = True
    known = len(ingest.events.events)
    body = event_body() if path == "/v1/events" else json.dumps({"events": [item("a")]})

    answer = ingest.post(body, path=path)

    assert answer.problem == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert (len(ingest.events.events), ingest.queue.messages) == (known, [])


class RefusingQueue:
    """Refuses with one error of those that AcceptQueue names."""

    def __init__(self, error: UpstreamError) -> None:
        self._error = error

    def put(self, message: QueuedMessage) -> None:  # noqa: ARG002  The port's.
        raise self._error


@pytest.mark.parametrize(
    "error", [QueueUnavailableError, ObjectsUnavailableError, SecretUnavailableError]
)
def test_whatever_the_queue_fails_of_is_503_and_says_nothing(
    ingest: WiredIngest, monkeypatch: pytest.MonkeyPatch, error: type[UpstreamError]
) -> None:
    refusing = RefusingQueue(error("canary"))
    monkeypatch.setattr(ingest._routes._ingest, "_accept_queue", refusing)

    answer = ingest.post(event_body())

    assert answer.problem == (503, "unavailable")
    assert "canary" not in answer.text


def test_a_suspended_tenant_is_still_403(ingest: WiredIngest) -> None:
    answer = ingest.post(event_body(), headers(authorization="Bearer tg_live_idle"))

    assert answer.problem == (403, "tenant-suspended")
    assert not ingest.queue.messages


def test_a_call_without_a_token_is_401_and_one_that_nobody_knows_yet_503(
    ingest: WiredIngest,
) -> None:
    assert ingest.post(event_body(), headers(authorization=None)).status == 401
    assert ingest.post(event_body(), headers(authorization="Bearer new")).status == 503
    assert not ingest.queue.messages


def test_a_body_at_the_limit_is_queued_and_one_byte_more_is_413(ingest: WiredIngest) -> None:
    exact = event_body().ljust(MAX_BODY_BYTES)

    assert ingest.post(exact).status == 202
    assert ingest.post(exact + b" ").problem == (413, "payload-too-large")
    assert len(ingest.queue.messages) == 1


def test_a_line_says_that_it_was_queued_and_why(
    ingest: WiredIngest, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    ingest.post(event_body({"canary": "canary-payload"}))
    ingest.post_batch(item("a", "canary-payload"), 7)

    text = capsys.readouterr().out
    single, batch = [json.loads(line) for line in text.splitlines()]
    assert (single["status"], single["outcome"]) == (202, "queued")
    assert (batch["outcome"], batch["items"], batch["queued"]) == ("batch", 2, 1)
    for line in (single, batch):
        assert line["error"][0].startswith("tillgate.domain.errors.StoreUnavailableError at ")
    assert "canary-payload" not in text
    assert token_digest("tg_live_one").hex() not in text
