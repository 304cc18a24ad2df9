"""Whose each request to ingest is counted to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.wired_ingest import (
    APP_ID,
    IDLE,
    ONE,
    TWO,
    CrashingEventStore,
    WiredIngest,
    event_body,
    headers,
    notification_url,
    source_id,
)
from tests.vendors import (
    clover_body,
    clover_headers,
    clover_update,
    square_body,
    square_headers,
)
from tillgate.domain.activity import PLATFORM

if TYPE_CHECKING:
    from tillgate.domain.activity import ActivityIncrement

NUMBERS = (
    "requests", "server_errors", "client_errors", "events", "duplicates", "conflicts", "rejected",
    "quarantined",
)  # fmt: skip


@pytest.fixture
def ingest() -> WiredIngest:
    return WiredIngest()


def flushed(ingest: WiredIngest) -> ActivityIncrement:
    """Give what has grown since this was last asked: a sandbox's first hook flushes by itself."""
    assert ingest.meter.flush()
    [activity] = ingest.metrics.activity.values()
    ingest.metrics.activity.clear()
    return activity


def counted(ingest: WiredIngest) -> dict[str, dict[str, object]]:
    """Give what has grown, durations left out."""
    return {
        tenant: {name: deltas[name] for name in NUMBERS if name in deltas}
        for tenant, deltas in flushed(ingest).tenants.items()
    }


def clover(ingest: WiredIngest, **merchants: object) -> int:
    body = clover_body(app_id="APP1", **merchants)
    return ingest.hook("clover", body, clover_headers(), endpoint_id=APP_ID).status


def test_an_event_its_repeat_a_conflict_and_none(ingest: WiredIngest) -> None:
    for body in (event_body(), event_body(), event_body({"other": 1}), b"{"):
        ingest.post(body)
    ingest.post(event_body(), headers(authorization="Bearer tg_live_two"))

    one = {
        "requests": 4, "client_errors": 2, "events": 1, "duplicates": 1, "conflicts": 1,
        "rejected": 1,
    }  # fmt: skip
    assert counted(ingest) == {
        ONE.tenant_id: one,
        TWO.tenant_id: {"requests": 1, "events": 1},
        PLATFORM: {**one, "requests": 5, "events": 2},
    }


def test_who_may_not_send_is_nobody(ingest: WiredIngest) -> None:
    ingest.post(event_body(), headers(authorization="Bearer made-up"))
    ingest.post(event_body(), headers(x_tenant_id=TWO.tenant_id))
    body = square_body()
    ingest.hook("square", body, dict.fromkeys(square_headers(body, url="https://x/"), "AAAA"))
    ingest.hook("square", body, {}, endpoint_id=ONE.tenant_id)

    assert counted(ingest) == {PLATFORM: {"requests": 4, "client_errors": 4, "rejected": 2}}


def test_a_request_that_is_no_tenants_business_is_not_counted(ingest: WiredIngest) -> None:
    ingest.post(event_body(), path="/elsewhere")

    assert ingest.meter.flush()
    assert ingest.metrics.activity == {}


def test_a_hook_of_many_merchants_counts_for_each(ingest: WiredIngest) -> None:
    update, other = clover_update("O:A"), clover_update("O:B")

    assert clover(ingest, M1=[update, other], M2=[update], M3=[update], M9=[update]) == 200

    activity = flushed(ingest)
    assert activity.tenants.keys() == {ONE.tenant_id, TWO.tenant_id, IDLE.tenant_id, PLATFORM}
    one, two, idle, platform = (
        activity.tenants[tenant]
        for tenant in (ONE.tenant_id, TWO.tenant_id, IDLE.tenant_id, PLATFORM)
    )
    assert (one["requests"], one["events"]) == (1, 2)
    assert (two["requests"], two["events"]) == (1, 1)
    assert (idle["requests"], idle["quarantined"]) == (1, 1)
    assert (platform["requests"], platform["events"], platform["quarantined"]) == (1, 3, 2)
    whole = platform["handler_us"]
    assert [one["handler_us"], two["handler_us"]] == [whole * 2 // 5, whole // 5]
    assert activity.sources.keys() == {"source-M1", "source-M2", "source-M3"}


def test_a_hook_that_is_queued_is_its_tenants_event(ingest: WiredIngest) -> None:
    assert clover(ingest, M1=[clover_update()]) == 200
    flushed(ingest)
    ingest.events.is_down = True

    assert clover(ingest, M1=[clover_update("O:B")]) == 200

    assert counted(ingest) == {
        ONE.tenant_id: {"requests": 1, "events": 1},
        PLATFORM: {"requests": 1, "events": 1},
    }


def test_what_fails_is_an_error_to_whom_it_is_known_to_be(ingest: WiredIngest) -> None:
    ingest.post(event_body())
    assert clover(ingest, M1=[clover_update()], M2=[clover_update()]) == 200
    flushed(ingest)
    ingest.events.is_down = ingest.quarantine.is_down = ingest.queue.is_down = True

    assert clover(ingest, M1=[clover_update("O:B")], M2=[clover_update("O:B")]) == 503
    assert ingest.post(event_body(), headers(idempotency_key="k-2")).status == 503

    assert counted(ingest) == {
        ONE.tenant_id: {"requests": 2, "server_errors": 2},
        TWO.tenant_id: {"requests": 1, "server_errors": 1},
        PLATFORM: {"requests": 2, "server_errors": 2},
    }


def test_what_nobody_foresaw_is_an_error_to_the_tenant_too() -> None:
    ingest = WiredIngest(CrashingEventStore())
    body = square_body()
    sent = square_headers(body, url=notification_url("square", source_id("square")))

    assert ingest.hook("square", body, sent).status == 500

    error = {"requests": 1, "server_errors": 1}
    assert counted(ingest) == {ONE.tenant_id: error, PLATFORM: error}
