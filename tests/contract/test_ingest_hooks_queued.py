"""Provider hooks while the database is unreachable: 200 and queued; 503 is the last resort."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.contract.wired_ingest import APP_ID, Answer, WiredIngest, notification_url, source_id
from tests.vendors import square_body, square_headers
from tillgate.domain.queued import QueuedHook

if TYPE_CHECKING:
    from collections.abc import Mapping

NOBODY_ID = "aaaaaaaa-0000-4000-8000-00000000ffff"
# Of a refused hook the queue, which has no quota, takes so much.
MAX_REFUSED_BYTES = 64 * 1024


def signed(body: bytes, *, endpoint_id: str | None = None) -> dict[str, str]:
    return square_headers(body, url=notification_url("square", endpoint_id or source_id("square")))


def send(ingest: WiredIngest, body: bytes, *, endpoint_id: str | None = None) -> Answer:
    sent = {**signed(body, endpoint_id=endpoint_id), "x-request-id": "r"}
    return ingest.hook("square", body, sent, endpoint_id=endpoint_id)


@pytest.fixture
def ingest() -> WiredIngest:
    """One that knows its endpoints and merchants, and whose database is unreachable since."""
    wired = WiredIngest()
    send(wired, square_body("warm"))
    for merchant_id in ("M1", "M2", "M3", "M9"):
        send(wired, square_body(f"w-{merchant_id}", merchant_id=merchant_id), endpoint_id=APP_ID)
    wired.hook("square", b"{}", {}, endpoint_id=NOBODY_ID)
    wired.quarantine.items.clear()
    wired.take_down()
    return wired


def queued(ingest: WiredIngest) -> QueuedHook:
    """Give the one hook on the queue."""
    [message] = ingest.queue.messages
    assert isinstance(message, QueuedHook)
    return message


def assert_is_queued(answer: Answer) -> None:
    assert answer.status == 200
    assert answer.json == {
        "accepted": 0, "duplicates": 0, "queued": 1, "quarantined": 0, "rid": "r",
    }  # fmt: skip


def test_a_signed_delivery_is_200_and_kept_whole(ingest: WiredIngest) -> None:
    body = square_body("sq-1")

    assert_is_queued(send(ingest, body))

    message = queued(ingest)
    hook = message.hook
    assert not message.is_refused
    assert (hook.provider, hook.endpoint_id, hook.body) == ("square", source_id("square"), body)
    assert (hook.rid, message.message_id) == ("r", hook.hook_id)
    assert hook.headers.items() >= signed(body).items()
    assert len(ingest.events.events) == 3


def test_a_resend_of_a_queued_delivery_is_queued_as_one_of_its_own(ingest: WiredIngest) -> None:
    for _ in range(2):
        assert send(ingest, square_body("sq-1")).json["queued"] == 1

    assert len({message.message_id for message in ingest.queue.messages}) == 2


@pytest.mark.parametrize(
    ("body", "endpoint_id"),
    [
        pytest.param(b"no json", None, id="unreadable"),
        pytest.param(square_body("x", merchant_id="M2"), None, id="mismatch"),
        pytest.param(square_body("x", merchant_id="M3"), APP_ID, id="suspended"),
        pytest.param(square_body("x", merchant_id="M9"), APP_ID, id="unknown merchant"),
        pytest.param(b'{"event_id":"x"}', APP_ID, id="no merchant"),
    ],
)
def test_what_belongs_in_the_quarantine_is_queued_when_that_is_down(
    ingest: WiredIngest, body: bytes, endpoint_id: str | None
) -> None:
    assert_is_queued(send(ingest, body, endpoint_id=endpoint_id))
    assert not queued(ingest).is_refused

    ingest.queue.is_down = True
    answer = send(ingest, body, endpoint_id=endpoint_id)
    assert answer.problem == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_key_conflict_that_cannot_be_set_aside_is_queued(ingest: WiredIngest) -> None:
    ingest.events.is_down = False

    assert_is_queued(send(ingest, square_body("warm", more=1)))
    assert not ingest.quarantine.items


def forge(ingest: WiredIngest, body: bytes) -> Answer:
    return ingest.hook("square", body, {"x-square-hmacsha256-signature": "forged"})


@pytest.mark.parametrize("size", [0, 1, MAX_REFUSED_BYTES])
def test_a_forgery_is_401_and_queued_as_refused(ingest: WiredIngest, size: int) -> None:
    answer = forge(ingest, b"x" * size)

    assert answer.problem == (401, "unauthenticated")
    assert queued(ingest).is_refused
    assert len(queued(ingest).hook.body) == size


def test_a_forgery_that_is_larger_is_503_and_not_queued(ingest: WiredIngest) -> None:
    answer = forge(ingest, b"x" * (MAX_REFUSED_BYTES + 1))

    assert answer.problem == (503, "unavailable")
    assert "Retry-After" in answer.headers
    assert not ingest.queue.messages


def test_a_signed_delivery_may_be_larger_than_a_forgery(ingest: WiredIngest) -> None:
    assert_is_queued(send(ingest, square_body().ljust(4 * 1024 * 1024)))


def test_a_forgery_that_neither_store_keeps_is_503(ingest: WiredIngest) -> None:
    ingest.queue.is_down = True

    assert forge(ingest, b"{}").problem == (503, "unavailable")


@pytest.mark.parametrize(
    ("provider", "endpoint_id"),
    [("square", "no-uuid"), ("square", "../../v1/events"), ("nobody", source_id("square"))],
)
@pytest.mark.parametrize("is_queue_down", [False, True])
def test_what_is_no_provider_or_no_uuid_is_401_whatever_is_down(
    ingest: WiredIngest, provider: str, endpoint_id: str, *, is_queue_down: bool
) -> None:
    ingest.queue.is_down = is_queue_down

    answer = ingest.hook(provider, b"{}", {}, endpoint_id=endpoint_id)

    assert answer.problem == (401, "unauthenticated")
    assert not ingest.queue.messages


@pytest.mark.parametrize("sent", [{}, signed(square_body(), endpoint_id=APP_ID)])
def test_an_endpoint_that_nobody_knows_yet_is_503(
    ingest: WiredIngest, sent: Mapping[str, str]
) -> None:
    unknown = APP_ID.replace("a", "b")

    answer = ingest.hook("square", square_body(), sent, endpoint_id=unknown)

    assert answer.problem == (503, "unavailable")
    assert not ingest.queue.messages


def test_an_endpoint_that_was_looked_for_just_now_is_401(ingest: WiredIngest) -> None:
    assert ingest.hook("square", b"{}", {}, endpoint_id=NOBODY_ID).status == 401
    assert not ingest.queue.messages


def test_a_merchant_that_was_never_looked_up_is_queued_and_not_refused(
    ingest: WiredIngest,
) -> None:
    body = square_body("new", merchant_id="M10")

    assert_is_queued(send(ingest, body, endpoint_id=APP_ID))
    assert queued(ingest).hook.body == body


def test_a_line_says_that_it_was_queued_and_quotes_nothing(
    ingest: WiredIngest, capsys: pytest.CaptureFixture[str]
) -> None:
    body = square_body("sq-1", canary="canary-payload")
    capsys.readouterr()
    send(ingest, body)
    forge(ingest, b"canary-payload")

    text = capsys.readouterr().out
    taken, refused = [json.loads(line) for line in text.splitlines()]
    assert (taken["outcome"], taken["queued"], taken["provider"]) == ("hook", 1, "square")
    assert taken["error"][0].startswith("tillgate.domain.errors.StoreUnavailableError at ")
    assert (refused["status"], refused["cause"]) == (401, "signature-refused")
    assert "canary-payload" not in text
    assert signed(body)["x-square-hmacsha256-signature"] not in text
