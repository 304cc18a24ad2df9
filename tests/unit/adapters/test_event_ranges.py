"""Where a list looks: everywhere it should, once, and from the newest on."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tillgate.adapters.postgres import event_reader
from tillgate.domain.stored_event import EventQuery
from tillgate.domain.tenant import EventId

INSTANTS = st.none() | st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001  Hypothesis adds the zone.
    timezones=st.just(UTC),
)
IDS = st.none() | st.uuids().map(lambda one: EventId(str(one)))


@given(since=INSTANTS, until=INSTANTS, before=IDS, now_ms=st.integers(0, 1 << 48))
def test_looks_follow_on_each_other_and_leave_nothing_out(
    since: datetime | None, until: datetime | None, before: EventId | None, now_ms: int
) -> None:
    query = EventQuery(limit=50, since=since, until=until, before=before)
    low = 0 if since is None else event_reader._first_id(event_reader._milliseconds(since))
    high = event_reader._NO_ID if before is None else uuid.UUID(before).int
    if until is not None:
        high = min(high, event_reader._first_id(event_reader._milliseconds(until) + 1))

    windows = list(event_reader._windows(query, None, now_ms=now_ms))

    if low >= high:
        assert windows == []
        return
    assert (windows[0].high, windows[-1].low) == (high, low)
    for newer, older in pairwise(windows):
        assert older.high == newer.low
    assert all(window.low < window.high for window in windows)
    assert [window.is_rest for window in windows] in ([False], [False, True], [True])
