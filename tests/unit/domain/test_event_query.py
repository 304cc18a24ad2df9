from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tillgate.domain.errors import InvalidQueryError
from tillgate.domain.event_query import event_query
from tillgate.domain.stored_event import DeliveryState, EventQuery, cursor_after, event_before
from tillgate.domain.tenant import EventId

EVENT_ID = EventId("01a207d9-2607-7716-9e0b-6a4f1d2c8b35")


def faults(query: str) -> list[str]:
    with pytest.raises(InvalidQueryError) as caught:
        event_query(query)
    return [fault.pointer for fault in caught.value.faults]


def test_nothing_asked_is_the_first_fifty() -> None:
    assert event_query("") == EventQuery(limit=50)


def test_every_parameter_is_read() -> None:
    query = event_query(
        "type=orders%2Fcreate&status=gave_up&since=2026-11-23T10:00:00Z"
        "&until=2026-11-23T12:30:00%2B02:00&idempotency_key=a%26b&limit=200"
        f"&cursor={cursor_after(EVENT_ID)}"
    )

    assert query == EventQuery(
        limit=200,
        type="orders/create",
        status=DeliveryState.GAVE_UP,
        since=datetime(2026, 11, 23, 10, tzinfo=UTC),
        until=datetime(2026, 11, 23, 10, 30, tzinfo=UTC),
        idempotency_key="a&b",
        before=EVENT_ID,
    )


@pytest.mark.parametrize("offset", ["+02:00", "%2B02:00", "%20" + "02:00"])
def test_plus_of_an_offset_survives_whatever_decoded_it(offset: str) -> None:
    query = event_query(f"since=2026-11-23T12:00:00{offset}")

    assert query.since == datetime(2026, 11, 23, 10, tzinfo=UTC)


def test_plus_in_a_key_is_a_plus() -> None:
    assert event_query("idempotency_key=a+b").idempotency_key == "a+b"


@pytest.mark.parametrize("limit", ["0", "201", "-1", "+5", "1.0", "05", "", " 5", "٣", "1e1", "x"])
def test_limit_that_does_not_fit_is_refused_not_clamped(limit: str) -> None:
    assert faults(f"limit={quote(limit)}") == ["/limit"]


@pytest.mark.parametrize(
    "query",
    [
        "type=",
        "type=%20",
        "type=%C3%A9",
        "type=" + "x" * 129,
        "status=stored",
        "status=",
        "since=yesterday",
        "since=2026-11-23",
        "since=2026-11-23T10:00:00",
        "until=2026-02-30T10:00:00Z",
        "until=",
        "idempotency_key=",
        "idempotency_key=a%20b",
        "idempotency_key=" + "x" * 256,
        "cursor=",
        "cursor=e1_x",
        "cursor=%00",
        "limit=%FF",
        "colour=red",
        "Limit=5",
    ],
)
def test_what_does_not_fit_is_named(query: str) -> None:
    assert faults(query) == ["/" + query.partition("=")[0]]


def test_every_fault_is_listed_once() -> None:
    assert faults("limit=0&limit=0&colour=red&since=x") == ["/limit", "/limit", "/colour", "/since"]


def test_repeated_parameter_is_refused_even_when_equal() -> None:
    assert faults("limit=5&limit=5") == ["/limit"]


def test_name_without_value_is_empty() -> None:
    assert faults("limit") == ["/limit"]


@given(st.uuids())
def test_cursor_comes_back_as_the_event_it_was_made_of(event_id: object) -> None:
    cursor = cursor_after(EventId(str(event_id)))

    assert event_before(cursor) == str(event_id)
    assert quote(cursor, safe="") == cursor


@given(st.text(max_size=40))
def test_any_other_text_is_no_cursor(text: str) -> None:
    position = event_before(text)

    assert position is None or cursor_after(position) == text


@pytest.mark.parametrize("change", ["x", "=", "%00", "\n"])
def test_cursor_with_something_added_is_not_ours(change: str) -> None:
    assert event_before(cursor_after(EVENT_ID) + change) is None


@given(st.text(max_size=200))
def test_any_query_is_read_or_refused_with_a_reason(query: str) -> None:
    refused: InvalidQueryError | None = None
    try:
        event_query(query)
    except InvalidQueryError as error:
        refused = error

    assert refused is None or refused.faults
