"""Clover's set-up request, and its deliveries of many merchants, in HTTP's words."""

from __future__ import annotations

import pytest

from tests.contract.wired_ingest import ONE, WiredIngest, source_id
from tests.vendors import clover_body, clover_handshake, clover_headers, clover_update

NOBODY_ID = "aaaaaaaa-0000-4000-8000-00000000eeee"
NOTHING = {"accepted": 0, "duplicates": 0, "queued": 0, "quarantined": 0}
RID = {"x-request-id": "r"}


@pytest.fixture
def ingest() -> WiredIngest:
    return WiredIngest()


def test_a_handshake_is_200_and_the_same_whatever_the_endpoint(ingest: WiredIngest) -> None:
    pending, ready = NOBODY_ID.replace("e", "d"), source_id("clover")
    ingest.handshakes.awaiting = {("clover", pending)}

    answers = [
        ingest.hook("clover", clover_handshake(), RID, endpoint_id=endpoint_id)
        for endpoint_id in (pending, ready, NOBODY_ID, "no-uuid")
    ]

    [(status, _, text)] = {(made.status, str(made.headers), made.text) for made in answers}
    assert (status, answers[0].json) == (200, {**NOTHING, "rid": "r"})
    assert "ce7643c1" not in text
    assert list(ingest.handshakes.codes) == [("clover", pending)]
    assert (ingest.quarantine.items, ingest.events.events) == ([], {})


def test_a_handshake_that_cannot_be_kept_is_503_for_every_endpoint(ingest: WiredIngest) -> None:
    ingest.take_down()

    for endpoint_id in (source_id("clover"), NOBODY_ID):
        answer = ingest.hook("clover", clover_handshake(), {}, endpoint_id=endpoint_id)

        assert answer.problem == (503, "unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    assert ingest.queue.messages == []


def test_a_handshake_says_so_in_the_log_and_its_code_does_not(
    ingest: WiredIngest, capsys: pytest.CaptureFixture[str]
) -> None:
    ingest.hook("clover", clover_handshake(), {})

    line = capsys.readouterr().out
    assert '"handshake"' in line
    assert "ce7643c1" not in line


def test_the_code_of_a_handshake_is_no_key_to_deliver_with(ingest: WiredIngest) -> None:
    code = "ce7643c1-83ea-4218-abe6-da876c9c7a0a"
    ingest.hook("clover", clover_handshake(code), {})

    answer = ingest.hook("clover", clover_body(), clover_headers(code=code))

    assert answer.problem == (401, "unauthenticated")


def test_a_delivery_of_many_is_counted_item_by_item(ingest: WiredIngest) -> None:
    body = clover_body(M1=[clover_update("O:A"), None, clover_update("O:A")], M2=[clover_update()])

    answer = ingest.hook("clover", body, {**clover_headers(), **RID})

    assert answer.json == {**NOTHING, "accepted": 1, "duplicates": 1, "quarantined": 2, "rid": "r"}
    assert {tenant_id for tenant_id, _ in ingest.events.events} == {ONE.tenant_id}
    assert [item.reason.value for item in ingest.quarantine.items] == [
        "merchant-mismatch",
        "unreadable",
    ]
