"""Forged hooks while the database is unreachable: a sandbox queues so many a minute, no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine

from tests.contract.wired_ingest import APP_ID, Answer, WiredIngest, notification_url, source_id
from tests.vendors import square_body, square_headers
from tillgate.domain.queued import QueuedHook

if TYPE_CHECKING:
    from collections.abc import Iterator

A_MINUTE = 20
START = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
FORGED = {"x-square-hmacsha256-signature": "forged"}


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def ingest(clock: time_machine.Traveller) -> WiredIngest:
    """One that knows its endpoints, and whose database is unreachable since."""
    clock.move_to(START)
    wired = WiredIngest()
    for endpoint_id in (source_id("square"), APP_ID):
        wired.hook("square", b"{}", FORGED, endpoint_id=endpoint_id)
    wired.quarantine.items.clear()
    wired.take_down()
    return wired


def forge(ingest: WiredIngest, *, endpoint_id: str | None = None) -> Answer:
    return ingest.hook("square", b"{}", FORGED, endpoint_id=endpoint_id)


def statuses(ingest: WiredIngest, count: int) -> list[int]:
    return [forge(ingest).status for _ in range(count)]


def test_twenty_a_minute_are_queued_and_further_ones_are_503(ingest: WiredIngest) -> None:
    assert statuses(ingest, A_MINUTE + 5) == [401] * A_MINUTE + [503] * 5
    assert len(ingest.queue.messages) == A_MINUTE
    answer = forge(ingest)
    assert answer.problem == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_they_are_counted_whatever_endpoint_they_are_for(ingest: WiredIngest) -> None:
    statuses(ingest, A_MINUTE)

    assert forge(ingest, endpoint_id=APP_ID).status == 503


def test_in_the_next_minute_so_many_are_queued_again(
    ingest: WiredIngest, clock: time_machine.Traveller
) -> None:
    statuses(ingest, A_MINUTE + 1)
    clock.move_to(START + timedelta(seconds=59.9))
    assert forge(ingest).status == 503
    for minute in (1, 2, 60):
        clock.move_to(START + timedelta(minutes=minute))
        assert statuses(ingest, A_MINUTE + 1) == [401] * A_MINUTE + [503]
    assert len(ingest.queue.messages) == 4 * A_MINUTE


def test_a_signed_hook_is_queued_all_the_same(ingest: WiredIngest) -> None:
    statuses(ingest, A_MINUTE + 1)
    body = square_body("sq-1")
    sent = square_headers(body, url=notification_url("square", source_id("square")))

    assert ingest.hook("square", body, sent).json["queued"] == 1
    message = ingest.queue.messages[-1]
    assert isinstance(message, QueuedHook)
    assert (message.is_refused, message.group) == (False, source_id("square"))


def test_what_the_queue_did_not_take_is_not_counted(ingest: WiredIngest) -> None:
    ingest.queue.is_down = True
    assert statuses(ingest, A_MINUTE) == [503] * A_MINUTE
    ingest.queue.is_down = False

    assert statuses(ingest, A_MINUTE + 1) == [401] * A_MINUTE + [503]


def test_with_the_database_up_forgeries_are_not_counted(ingest: WiredIngest) -> None:
    ingest.bring_up()
    assert statuses(ingest, 3 * A_MINUTE) == [401] * 3 * A_MINUTE
    ingest.take_down()

    assert statuses(ingest, 1) == [401]
    assert len(ingest.queue.messages) == 1


def test_a_forgery_s_backlog_is_no_endpoint_s(ingest: WiredIngest) -> None:
    forge(ingest)
    forge(ingest, endpoint_id=APP_ID)

    assert [message.group for message in ingest.queue.messages] == ["refused", "refused"]
