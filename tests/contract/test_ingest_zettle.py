"""Zettle in HTTP's words: its test message before there is a key, and its resends days later."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.contract.wired_ingest import ONE, WiredIngest, now, source_id
from tests.vendors import zettle_body, zettle_headers, zettle_test
from tillgate.domain.timestamps import rfc3339

NOBODY_ID = "aaaaaaaa-0000-4000-8000-00000000eeee"
NOTHING = {"accepted": 0, "duplicates": 0, "queued": 0, "quarantined": 0}
RID = {"x-request-id": "r"}
NOBODY_S_SIGNATURE = {"x-izettle-signature": "0" * 64}


@pytest.fixture
def ingest() -> WiredIngest:
    return WiredIngest()


@pytest.mark.parametrize("age", [timedelta(hours=5), timedelta(hours=70), -timedelta(hours=1)])
def test_a_delivery_is_taken_whatever_its_timestamp(ingest: WiredIngest, age: timedelta) -> None:
    body = zettle_body(timestamp=rfc3339(now() - age))
    sent = {**zettle_headers(body), **RID}

    first, again = ingest.hook("zettle", body, sent), ingest.hook("zettle", body, sent)

    assert (first.status, first.json) == (200, {**NOTHING, "accepted": 1, "rid": "r"})
    assert (again.status, again.json) == (200, {**NOTHING, "duplicates": 1, "rid": "r"})
    assert set(ingest.events.events) == {(ONE.tenant_id, "zettle:ze-1")}


@pytest.mark.parametrize("sent", [{}, NOBODY_S_SIGNATURE])
def test_a_test_message_is_200_and_the_same_whatever_the_endpoint(
    ingest: WiredIngest, sent: dict[str, str]
) -> None:
    pending, ready = NOBODY_ID.replace("e", "d"), source_id("zettle")
    ingest.handshakes.awaiting = {("zettle", pending)}

    answers = [
        ingest.hook("zettle", zettle_test(), {**sent, **RID}, endpoint_id=endpoint_id)
        for endpoint_id in (pending, ready, NOBODY_ID, "no-uuid")
    ]

    assert {(made.status, str(made.headers), made.text) for made in answers} == {
        (200, str(answers[0].headers), answers[0].text)
    }
    assert answers[0].json == {**NOTHING, "rid": "r"}
    assert ingest.handshakes.noted == {("zettle", pending)}
    assert (ingest.quarantine.items, ingest.events.events) == ([], {})


def test_a_test_message_that_cannot_be_noted_is_200_all_the_same(ingest: WiredIngest) -> None:
    ingest.take_down()

    assert ingest.hook("zettle", zettle_test(), {}).status == 200
    assert ingest.queue.messages == []


def test_what_only_says_that_it_is_a_test_message_is_401(ingest: WiredIngest) -> None:
    forged = zettle_test(payload='{"purchaseUuid":"forged"}')

    assert ingest.hook("zettle", forged, {}).problem == (401, "unauthenticated")
    assert ingest.events.events == {}
    assert [item.reason.value for item in ingest.quarantine.items] == ["signature-refused"]


def test_a_signature_moved_to_another_merchant_is_200_and_kept_from_both(
    ingest: WiredIngest,
) -> None:
    swapped, sent = zettle_body(merchant="org-2"), zettle_headers(zettle_body())

    answer = ingest.hook("zettle", swapped, {**sent, **RID})

    assert (answer.status, answer.json) == (200, {**NOTHING, "quarantined": 1, "rid": "r"})
    assert [item.reason.value for item in ingest.quarantine.items] == ["merchant-mismatch"]
    assert ingest.events.events == {}


def test_another_payload_under_the_signature_is_401(ingest: WiredIngest) -> None:
    sent = zettle_headers(zettle_body())

    answer = ingest.hook("zettle", zettle_body(payload='{"amount":1}'), sent)

    assert answer.problem == (401, "unauthenticated")


def test_without_the_database_it_is_queued(ingest: WiredIngest) -> None:
    body = zettle_body()
    ingest.hook("zettle", body, zettle_headers(body))
    ingest.take_down()

    answer = ingest.hook("zettle", body, {**zettle_headers(body), **RID})

    assert (answer.status, answer.json) == (200, {**NOTHING, "queued": 1, "rid": "r"})
