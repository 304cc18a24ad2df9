"""503 is for when neither store is there: a database that was spared the asking is asked."""

from __future__ import annotations

import pytest

from tests.contract.wired_ingest import WiredIngest, notification_url, source_id
from tests.vendors import square_body, square_headers
from tillgate.domain.errors import StoreUnavailableError


class SparedIngest(WiredIngest):
    """One whose breaker is open: the database is spared the asking until it is reconsidered."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_after_all = 0
        self.is_spared = False
        self.recovers = True

    def reconsider(self) -> bool:
        self.asked_after_all += 1
        if not self.is_spared:
            return False
        self.is_spared = False
        if self.recovers:
            self.bring_up()
        return True

    def spare(self) -> None:
        self.take_all_down()
        self.is_spared = True


@pytest.fixture
def ingest() -> SparedIngest:
    """One that knows its sender and its endpoint."""
    wired = SparedIngest()
    wired.post_batch({"idempotency_key": "warm", "type": "t", "data": {}})
    hook(wired, "warm")
    wired.asked_after_all = 0
    return wired


def hook(ingest: WiredIngest, key: str) -> int:
    body = square_body(key)
    sent = square_headers(body, url=notification_url("square", source_id("square")))
    return ingest.hook("square", body, sent).status


def event(ingest: WiredIngest) -> int:
    return ingest.post(b'{"type":"t","data":{}}').status


def test_with_the_queue_down_the_database_is_asked_after_all(ingest: SparedIngest) -> None:
    ingest.spare()

    assert event(ingest) == 201
    assert ingest.asked_after_all == 1
    assert len(ingest.events.events) == 3
    assert ingest.queue.messages == []


def test_a_hook_is_stored_after_all(ingest: SparedIngest) -> None:
    ingest.spare()

    assert hook(ingest, "sq-1") == 200
    assert len(ingest.events.events) == 3


def test_a_database_that_is_still_down_is_503_and_not_asked_a_third_time(
    ingest: SparedIngest,
) -> None:
    ingest.spare()
    ingest.recovers = False

    assert event(ingest) == 503
    assert ingest.asked_after_all == 1


def test_what_was_asked_in_this_request_is_not_asked_again(ingest: SparedIngest) -> None:
    ingest.take_all_down()

    assert (event(ingest), hook(ingest, "sq-1")) == (503, 503)
    assert ingest.asked_after_all == 2
    assert len(ingest.events.events) == 2


def test_with_the_queue_up_nothing_is_reconsidered(ingest: SparedIngest) -> None:
    ingest.spare()
    ingest.queue.is_down = False

    assert (event(ingest), hook(ingest, "sq-1")) == (202, 200)
    assert ingest.asked_after_all == 0


def test_a_sender_s_fault_is_told_at_once(ingest: SparedIngest) -> None:
    ingest.spare()

    assert ingest.post(b"{").status == 400
    assert ingest.asked_after_all == 0


def test_a_crash_is_not_reconsidered(ingest: SparedIngest, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_args: object, **_options: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(ingest.events, "accept", crash)
    ingest.spare()

    assert event(ingest) == 500
    assert ingest.asked_after_all == 0


def test_who_is_asking_is_looked_up_after_all(ingest: SparedIngest) -> None:
    ingest.spare()
    with pytest.raises(StoreUnavailableError):
        ingest.registry.find_token(b"another")
    answer = ingest.post(
        b'{"type":"t","data":{}}',
        {
            "authorization": "Bearer tg_live_two",
            "content-type": "application/json",
            "idempotency-key": "k",
        },
    )

    assert answer.status == 201
    assert ingest.asked_after_all == 1
