from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tillgate.domain.stored_event import cursor_after, event_before
from tillgate.domain.tenant import EventId


@given(st.uuids())
def test_a_cursor_names_the_event_it_stands_after(event_id: uuid.UUID) -> None:
    cursor = cursor_after(EventId(str(event_id)))

    assert event_before(cursor) == str(event_id)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", cursor)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "e1_",
        "e2_AAAAAAAAAAAAAAAAAAAAAA",
        "e1_AAAAAAAAAAAAAAAAAAAAAB",
        "e1_AAAAAAAAAAAAAAAAAAAAA",
        "e1_AAAAAAAAAAAAAAAAAAAAAA=",
        "e1_AAAAAAAAAAAAAAAAAAAAAA\n",
        "e1_AAAAAAAAAA+AAAAAAAAAAA",
        "' OR 1=1 --",
        "../../etc/passwd",
        str(uuid.UUID(int=7)),
    ],
)
def test_what_is_no_cursor_of_ours_is_none(cursor: str) -> None:
    assert event_before(cursor) is None


@given(st.text(max_size=40))
def test_any_text_is_a_cursor_or_none(cursor: str) -> None:
    event_id = event_before(cursor)

    assert event_id is None or cursor_after(event_id) == cursor
