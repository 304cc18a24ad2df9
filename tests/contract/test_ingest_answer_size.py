"""Whatever a sender sends, Lambda takes the answer: 6 MB, as JSON text within JSON text."""

from __future__ import annotations

import json

import pytest

from tests.contract.wired_ingest import Answer, WiredIngest

LAMBDA_RESPONSE_BYTES = 6_000_000
MAX_BODY_BYTES = 4 * 1024 * 1024
# Written as an escape within an escape, it grows the most.
ASTRAL = "\U0001f600"


@pytest.fixture
def ingest() -> WiredIngest:
    return WiredIngest(max_body_bytes=MAX_BODY_BYTES)


def size(answer: Answer) -> int:
    return len(json.dumps(answer.text))


def test_a_hundred_thousand_faults_are_counted_not_listed(ingest: WiredIngest) -> None:
    names = ",".join(f'"{number:x}":0' for number in range(MAX_BODY_BYTES // 12))

    answer = ingest.post(f"{{{names}}}".encode())

    assert answer.problem == (422, "invalid-event")
    assert len(answer.json["errors"]) == 101
    assert answer.json["errors"][-1]["detail"].endswith("more faults")
    assert size(answer) < LAMBDA_RESPONSE_BYTES


def test_a_batch_of_nothing_but_faults_still_has_an_answer_for_each(ingest: WiredIngest) -> None:
    # As many as fit: four bytes each where they are sent, fourteen where they come back.
    bad = {f"{number}{ASTRAL * 28}": 0 for number in range(11)}
    items = [{"idempotency_key": ASTRAL * 128, **bad}] * 500

    answer = ingest.post_batch(*items)

    results = answer.json["results"]
    assert [result["status"] for result in results] == ["invalid"] * 500
    assert len(results[0]["problem"]["errors"]) == 11
    assert size(answer) < LAMBDA_RESPONSE_BYTES


def test_a_key_too_long_to_be_one_is_not_repeated(ingest: WiredIngest) -> None:
    answer = ingest.post_batch({"idempotency_key": "k" * 513, "type": "t", "data": {}})

    assert answer.json["results"][0]["idempotency_key"] is None
    assert answer.json["results"][0]["status"] == "invalid"


def test_half_a_surrogate_is_not_repeated(ingest: WiredIngest) -> None:
    body = b'{"events":[{"idempotency_key":"\\ud800","type":"t","data":{},"\\udfff":1}]}'

    answer = ingest.post(body, path="/v1/events/batch")

    assert answer.json["results"][0]["idempotency_key"] is None
    assert "\\ud" not in answer.text
