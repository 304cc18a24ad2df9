"""Adyen in HTTP's words: it wants to read ``[accepted]``, and sends again what was not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.contract.wired_ingest import APP_ID, ONE, TWO, Answer, WiredIngest
from tests.fakes import InMemoryEventStore
from tests.vendors import adyen_body, adyen_item, adyen_signed
from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.queued import QueuedHook

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tillgate.domain.event import Accepted, NewEvent
    from tillgate.domain.tenant import TenantId

RID = {"x-request-id": "r"}
COUNTED = ("accepted", "duplicates", "queued", "quarantined")


class WithoutTwo(InMemoryEventStore):
    """Gives no answer for tenant TWO while ``is_half_down``."""

    is_half_down = True

    def accept(
        self, tenant_id: TenantId, events: Sequence[NewEvent], *, received_at: datetime
    ) -> list[Accepted]:
        if self.is_half_down and tenant_id == TWO.tenant_id:
            raise StoreUnavailableError("gone half way")
        return super().accept(tenant_id, events, received_at=received_at)


@pytest.fixture
def ingest() -> WiredIngest:
    return WiredIngest()


def signed(psp: str, account: str) -> dict[str, object]:
    return adyen_signed(adyen_item(psp, account=account))


MANY = adyen_body(signed("A", "M1"), signed("B", "M2"), signed("C", "M3"), signed("D", "M9"))


def send(ingest: WiredIngest, body: bytes, *, endpoint_id: str | None = APP_ID) -> Answer:
    return ingest.hook("adyen", body, RID, endpoint_id=endpoint_id)


def assert_accepted(answer: Answer) -> None:
    assert (answer.status, answer.text) == (200, "[accepted]")
    assert answer.headers == {
        "Content-Type": "text/plain",
        "X-Request-Id": "r",
        "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }


def last_counts(capsys: pytest.CaptureFixture[str]) -> tuple[int, ...]:
    """Give what the line says became of it: the answer does not."""
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    return tuple(line[name] for name in COUNTED)


def test_stored_and_sent_again_are_accepted(
    ingest: WiredIngest, capsys: pytest.CaptureFixture[str]
) -> None:
    for expected in ((1, 0, 0, 0), (0, 1, 0, 0)):
        assert_accepted(send(ingest, adyen_body(), endpoint_id=None))
        assert last_counts(capsys) == expected


def test_two_tenants_one_that_is_suspended_and_an_unknown_account_are_accepted_together(
    ingest: WiredIngest, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_accepted(send(ingest, MANY))

    assert last_counts(capsys) == (2, 0, 0, 2)
    assert {tenant_id for tenant_id, _ in ingest.events.events} == {ONE.tenant_id, TWO.tenant_id}
    assert [item.reason.value for item in ingest.quarantine.items] == [
        "merchant-unknown",
        "tenant-suspended",
    ]


def test_with_the_database_gone_half_way_the_rest_is_queued_and_all_is_accepted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    events = WithoutTwo()
    ingest = WiredIngest(events)

    assert_accepted(send(ingest, MANY))

    assert last_counts(capsys) == (1, 0, 1, 2)
    assert [tenant_id for tenant_id, _ in events.events] == [ONE.tenant_id]
    [message] = ingest.queue.messages
    assert isinstance(message, QueuedHook)
    assert message.hook.body == MANY
    events.is_half_down = False
    assert_accepted(send(ingest, MANY))
    assert last_counts(capsys) == (1, 1, 0, 2)


def test_with_the_database_gone_it_is_queued_and_accepted(
    ingest: WiredIngest, capsys: pytest.CaptureFixture[str]
) -> None:
    send(ingest, adyen_body(signed("A", "M1"), signed("B", "M2")))
    ingest.take_down()

    assert_accepted(send(ingest, MANY))
    assert last_counts(capsys) == (0, 0, 4, 0)


def test_a_body_that_cannot_be_read_holds_no_signature(ingest: WiredIngest) -> None:
    for body in (b"", b"{}", b"[accepted]", b'{"notificationItems":[]}', b"\xff"):
        assert send(ingest, body).problem == (401, "unauthenticated")


def test_one_unsigned_notification_is_401_for_them_all(ingest: WiredIngest) -> None:
    body = adyen_body(signed("A", "M1"), adyen_item("B", account="M2"))

    assert send(ingest, body).problem == (401, "unauthenticated")
    assert ingest.events.events == {}
    assert [item.reason.value for item in ingest.quarantine.items] == ["signature-refused"]


def test_an_unknown_endpoint_is_answered_as_a_forgery_is(ingest: WiredIngest) -> None:
    forged = adyen_body(adyen_signed(adyen_item(), key="AB" * 32))

    answers = [send(ingest, forged), send(ingest, adyen_body(), endpoint_id=APP_ID[:-1] + "e")]

    assert answers[0] == answers[1]
    assert answers[0].problem == (401, "unauthenticated")


def test_with_neither_store_it_is_503_and_a_problem(ingest: WiredIngest) -> None:
    ingest.take_all_down()

    answer = send(ingest, adyen_body(), endpoint_id=None)

    assert answer.problem == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
