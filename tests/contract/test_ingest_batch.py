"""``POST /v1/events/batch``: an answer for each item; a bad one never fails its neighbours."""

from __future__ import annotations

import json

import pytest

from tests.contract.wired_ingest import MAX_BODY_BYTES, Answer, WiredIngest, headers


@pytest.fixture
def ingest() -> WiredIngest:
    return WiredIngest()


def item(key: object, total: object = 1, **more: object) -> dict[str, object]:
    return {"idempotency_key": key, "type": "t", "data": {"total": total}, **more}


def statuses(answer: Answer) -> list[str]:
    assert answer.status == 200
    return [result["status"] for result in answer.json["results"]]


def test_items_are_answered_in_their_order(ingest: WiredIngest) -> None:
    answer = ingest.post_batch(item("a"), item("b"), sent=headers(x_request_id="r"))

    first, second = answer.json["results"]
    assert answer.json.keys() == {"results", "rid"}
    assert answer.json["rid"] == "r"
    assert (first["idempotency_key"], second["idempotency_key"]) == ("a", "b")
    assert first.keys() == second.keys() == {"idempotency_key", "status", "event_id"}
    assert first["event_id"] != second["event_id"]
    assert statuses(answer) == ["stored", "stored"]


def test_the_same_batch_again_is_all_duplicates(ingest: WiredIngest) -> None:
    first = ingest.post_batch(item("a"), item("b"))
    again = ingest.post_batch(item("a"), item("b"))

    assert statuses(again) == ["duplicate", "duplicate"]
    assert [result["event_id"] for result in again.json["results"]] == [
        result["event_id"] for result in first.json["results"]
    ]


def test_the_first_item_of_a_key_wins(ingest: WiredIngest) -> None:
    answer = ingest.post_batch(item("a", 1), item("a", 2), item("a", 1))

    first, conflict, duplicate = answer.json["results"]
    assert statuses(answer) == ["stored", "conflict", "duplicate"]
    assert first["event_id"] == conflict["event_id"] == duplicate["event_id"]
    assert conflict["problem"]["type"] == "idempotency-key-reused"
    assert conflict["problem"]["event_id"] == first["event_id"]
    assert "problem" not in duplicate


def test_a_bad_item_never_fails_its_neighbours(ingest: WiredIngest) -> None:
    answer = ingest.post_batch(item("a"), item("b", type=""), 7, None, [], item("c"))

    assert statuses(answer) == ["stored", "invalid", "invalid", "invalid", "invalid", "stored"]
    assert len(ingest.events.events) == 2


def test_an_invalid_item_says_what_is_wrong_with_it(ingest: WiredIngest) -> None:
    answer = ingest.post_batch(item("b", type="", more=1))

    [result] = answer.json["results"]
    assert "event_id" not in result
    assert (result["problem"]["type"], result["problem"]["status"]) == ("invalid-event", 422)
    assert [fault["pointer"] for fault in result["problem"]["errors"]] == ["/type", "/more"]


@pytest.mark.parametrize("key", ["", "a b", "é", "k" * 256, "\n", None, 7, ["k"], {"k": 1}])
def test_an_item_without_a_usable_key_is_invalid_in_its_place(
    ingest: WiredIngest, key: object
) -> None:
    answer = ingest.post_batch(item("a"), item(key), {"type": "t", "data": {}}, item("b"))

    assert statuses(answer) == ["stored", "invalid", "invalid", "stored"]
    _, unusable, missing, _ = answer.json["results"]
    assert unusable["idempotency_key"] == (key if isinstance(key, str) else None)
    assert unusable["problem"]["errors"][0]["pointer"] == "/idempotency_key"
    assert missing["idempotency_key"] is None


@pytest.mark.parametrize("key", ["a,b", 'a"b', "a\\b", "k" * 255])
def test_a_key_in_a_body_needs_no_quoting(ingest: WiredIngest, key: str) -> None:
    assert statuses(ingest.post_batch(item(key))) == ["stored"]


def test_an_item_and_a_single_call_share_their_keys(ingest: WiredIngest) -> None:
    ingest.post(b'{"type":"t","data":{"total":1}}', headers(idempotency_key="a"))

    assert statuses(ingest.post_batch(item("a", 1), item("a", 1.0))) == ["duplicate", "conflict"]


@pytest.mark.parametrize("count", [1, 500])
def test_a_batch_holds_1_to_500_items(ingest: WiredIngest, count: int) -> None:
    body = b'{"events":[' + b",".join([b"1"] * count) + b"]}"

    answer = ingest.post(body, path="/v1/events/batch")

    assert statuses(answer) == ["invalid"] * count


@pytest.mark.parametrize(
    "envelope",
    [
        [],
        {},
        None,
        "events",
        {"events": []},
        {"events": {}},
        {"events": None},
        {"events": [1] * 501},
        {"events": [1], "more": 1},
        [{"idempotency_key": "k", "type": "t", "data": {}}],
    ],
)
def test_a_malformed_envelope_is_422(ingest: WiredIngest, envelope: object) -> None:
    answer = ingest.post(json.dumps(envelope).encode(), path="/v1/events/batch")

    assert answer.problem == (422, "invalid-event")
    assert answer.json["errors"]
    assert not ingest.events.events


@pytest.mark.parametrize("body", [b"", b"{", b'{"events":[1],"events":[1]}', b'{"events":[NaN]}'])
def test_an_envelope_that_is_no_json_is_400(ingest: WiredIngest, body: bytes) -> None:
    assert ingest.post(body, path="/v1/events/batch").problem == (400, "invalid-json")


def test_a_batch_has_the_same_limit_to_the_byte(ingest: WiredIngest) -> None:
    body = b'{"events":[1]}'

    exact = ingest.post(body.ljust(MAX_BODY_BYTES), path="/v1/events/batch")
    over = ingest.post(body.ljust(MAX_BODY_BYTES + 1), path="/v1/events/batch")

    assert statuses(exact) == ["invalid"]
    assert over.problem == (413, "payload-too-large")


def test_a_batch_with_neither_store_reachable_is_503(ingest: WiredIngest) -> None:
    ingest.post_batch(item("warm"))
    ingest.take_all_down()

    answer = ingest.post_batch(item("a"), item("b"))

    assert answer.problem == (503, "unavailable")
    assert "Retry-After" in answer.headers


def test_a_lone_surrogate_makes_its_item_invalid_alone(ingest: WiredIngest) -> None:
    body = (
        rb'{"events":[{"idempotency_key":"\ud800","type":"t","data":{}},'
        rb'{"idempotency_key":"k","type":"t","data":{"a":"\udfff"}},'
        rb'{"idempotency_key":"k","type":"t","data":{}}]}'
    )

    answer = ingest.post(body, path="/v1/events/batch")

    assert statuses(answer) == ["invalid", "invalid", "stored"]
