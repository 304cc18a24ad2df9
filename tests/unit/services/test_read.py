from __future__ import annotations

import pytest

from tests.admin_fakes import InMemoryEventReader, stored_event
from tillgate.domain.errors import NotFoundError
from tillgate.domain.stored_event import EventQuery, event_before
from tillgate.domain.tenant import TenantId
from tillgate.services.read import ReadEvents

MINE = TenantId("11111111-1111-4111-8111-111111111111")
OTHER = TenantId("22222222-2222-4222-8222-222222222222")


@pytest.fixture
def reader() -> InMemoryEventReader:
    reader = InMemoryEventReader()
    reader.stored = {MINE: [stored_event(n) for n in range(5)], OTHER: [stored_event(9)]}
    return reader


def test_event_is_found_by_its_id_in_any_case(reader: InMemoryEventReader) -> None:
    event = stored_event(3)

    assert ReadEvents(reader).event(MINE, event.head.event_id.upper()) == event


@pytest.mark.parametrize(
    "event_id",
    [
        stored_event(9).head.event_id,
        stored_event(7).head.event_id,
        "x",
        "",
        "batch",
        "01a207d926077716-9e0b-6a4f1d2c8b35",
        "{01a207d9-2607-7716-9e0b-000000000003}",
        "' OR 1=1 --",
    ],
)
def test_what_is_not_mine_is_as_what_is_not_there(
    reader: InMemoryEventReader, event_id: str
) -> None:
    with pytest.raises(NotFoundError) as caught:
        ReadEvents(reader).event(MINE, event_id)

    assert str(caught.value) == "There is no such event."


def test_pages_follow_each_other_to_the_end(reader: InMemoryEventReader) -> None:
    service = ReadEvents(reader)
    first = service.events(MINE, EventQuery(limit=3))
    assert first.next_cursor is not None
    last = service.events(MINE, EventQuery(limit=3, before=event_before(first.next_cursor)))

    assert [h.idempotency_key for h in first.events] == ["key-4", "key-3", "key-2"]
    assert [h.idempotency_key for h in last.events] == ["key-1", "key-0"]
    assert last.next_cursor is None


def test_a_page_that_is_just_full_is_the_last(reader: InMemoryEventReader) -> None:
    page = ReadEvents(reader).events(MINE, EventQuery(limit=5))

    assert (len(page.events), page.next_cursor) == (5, None)
