from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given

from tests.admin_fakes import stored_event
from tests.strategies import JSON_OBJECTS, TEXT
from tillgate.domain.delivery import AttemptOutcome
from tillgate.domain.json_value import dump, parse
from tillgate.domain.stored_event import DeliveryState, EventPage, PastAttempt
from tillgate.domain.tenant import SourceId
from tillgate.entrypoints.event_json import event_text, page_text

SOURCE = SourceId("4c1d6f0e-8a57-4b1e-9d3c-2f6b7a905e18")


@pytest.mark.parametrize(
    "data",
    [
        '{"total":12.10}',
        '{"n":' + "9" * 400 + "}",
        '{"n":-0.0,"m":1e308,"l":1.7976931348623157e308}',
        '{"s":"\\u0000 \\" \\\\ é 🧾 \u2028"}',
        "{}",
    ],
)
def test_data_is_answered_to_the_letter(data: str) -> None:
    text = event_text(stored_event(data=data))

    assert f'"data":{data},' in text
    assert isinstance(json.loads(text)["data"], dict)


@given(sent=JSON_OBJECTS, text=TEXT)
def test_any_event_is_one_json_value(sent: dict[str, object], text: str) -> None:
    data = dump(parse(json.dumps(sent).encode()))

    read = json.loads(event_text(stored_event(data=data, entity_id=text)))

    assert (read["data"], read["entity_id"]) == (sent, text)


def test_version_is_answered_digit_by_digit() -> None:
    digits = "9" * 100

    assert f'"entity_version":{digits},' in event_text(stored_event(entity_version=digits))


def test_what_was_not_sent_is_absent() -> None:
    event = json.loads(event_text(stored_event()))

    assert list(event) == [
        "event_id",
        "type",
        "data",
        "idempotency_key",
        "source",
        "provider",
        "received_at",
        "stored_at",
        "delivery",
    ]
    assert (event["source"], event["provider"]) == ("api", "api")
    assert event["stored_at"] == "2026-11-23T10:00:01.287443Z"
    assert event["delivery"] == {"state": "none", "attempts": []}


def test_what_was_sent_is_there_whatever_is_in_it() -> None:
    event = stored_event(
        occurred_at="2026-11-23T10:00:00+02:00",
        entity_id='"</script>\\',
        entity_version="0",
        source_id=SOURCE,
        provider="shopify",
        type="orders/create",
        delivery_state=DeliveryState.PENDING,
    )

    read = json.loads(event_text(event))

    assert (read["occurred_at"], read["entity_id"], read["entity_version"]) == (
        "2026-11-23T10:00:00+02:00",
        '"</script>\\',
        0,
    )
    assert (read["source"], read["provider"]) == (SOURCE, "shopify")
    assert read["delivery"]["state"] == "pending"


def test_listed_events_carry_neither_data_nor_attempts() -> None:
    page = EventPage((stored_event(2).head, stored_event(1).head), "e1_next")

    read = json.loads(page_text(page))

    assert [event["idempotency_key"] for event in read["events"]] == ["key-2", "key-1"]
    assert all("data" not in event for event in read["events"])
    assert read["events"][0]["delivery"] == {"state": "none"}
    assert read["next_cursor"] == "e1_next"


def test_no_events_is_an_empty_list_without_a_next_page() -> None:
    assert page_text(EventPage((), None)) == '{"events":[],"next_cursor":null}'


def test_attempts_are_answered_with_what_is_known_of_them() -> None:
    at = datetime(2026, 11, 23, 10, 0, 2, 5, tzinfo=UTC)
    event = replace(
        stored_event(delivery_state=DeliveryState.DELIVERED),
        attempts=(
            PastAttempt(at=at, outcome=None, status=None, duration_ms=None, reason=None),
            PastAttempt(
                at=at,
                outcome=AttemptOutcome.RETRY_LATER,
                status=503,
                duration_ms=41.25,
                reason="http-503",
            ),
        ),
    )

    assert json.loads(event_text(event))["delivery"] == {
        "state": "delivered",
        "attempts": [
            {"at": "2026-11-23T10:00:02.000005Z", "outcome": "unknown"},
            {
                "at": "2026-11-23T10:00:02.000005Z",
                "outcome": "retry_later",
                "status": 503,
                "duration_ms": 41.25,
                "reason": "http-503",
            },
        ],
    }
