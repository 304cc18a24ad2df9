"""What ingest counts of each request and of the events that it brought."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.contract.wired_ingest import (
    CrashingEventStore,
    WiredIngest,
    event_body,
    headers,
    notification_url,
    source_id,
)
from tests.fakes import PlainSecretBox
from tests.vendors import square_body, square_headers
from tillgate.domain.tenant import token_digest

HOOK_PATH = "/v1/hooks/{provider}/{endpoint_id}"


@pytest.fixture
def ingest() -> WiredIngest:
    return WiredIngest()


def counted(ingest: WiredIngest, *names: str) -> dict[str, int]:
    """Give the counters as a flush has them, durations and buckets left out."""
    assert ingest.meter.flush()
    return {
        series: number
        for series, number in ingest.metrics.read().series.items()
        if series.startswith(names or ("http_requests_total", "ingest_events_total"))
    }


def square(ingest: WiredIngest, *, merchant_id: str = "M1", forged: bool = False) -> int:
    body = square_body(merchant_id=merchant_id)
    sent = square_headers(body, url=notification_url("square", source_id("square")))
    if forged:
        sent = dict.fromkeys(sent, "AAAA")
    return ingest.hook("square", body, sent).status


def test_an_event_its_repeat_and_another_under_its_key(ingest: WiredIngest) -> None:
    for body in (event_body(), event_body(), event_body({"other": 1})):
        ingest.post(body)

    assert counted(ingest) == {
        "http_requests_total|POST|/v1/events|201": 1,
        "http_requests_total|POST|/v1/events|200": 1,
        "http_requests_total|POST|/v1/events|422": 1,
        "ingest_events_total|api|stored": 1,
        "ingest_events_total|api|duplicate": 1,
        "ingest_events_total|api|conflict": 1,
    }


@pytest.mark.parametrize(
    ("body", "changes", "status"),
    [
        (b"{", {}, 400),
        (event_body(), {"idempotency_key": None}, 400),
        (event_body(), {"idempotency_key": "a b"}, 400),
        (event_body({"a": "x" * 4_096}), {}, 413),
        (event_body(), {"content_type": "text/plain"}, 415),
        (b"{}", {}, 422),
    ],
)
def test_what_is_no_event_is_counted_as_invalid(
    ingest: WiredIngest, body: bytes, changes: dict[str, str | None], status: int
) -> None:
    ingest.post(body, headers(**changes))

    assert counted(ingest) == {
        f"http_requests_total|POST|/v1/events|{status}": 1,
        "ingest_events_total|api|invalid": 1,
    }


def test_who_may_not_send_has_sent_no_event(ingest: WiredIngest) -> None:
    ingest.post(event_body(), headers(authorization="Bearer made-up"))

    assert counted(ingest) == {"http_requests_total|POST|/v1/events|401": 1}


def test_each_item_of_a_batch_counts_by_itself(ingest: WiredIngest) -> None:
    item = {"idempotency_key": "k", "type": "t", "data": {}}
    ingest.post_batch(item, item, {**item, "type": "u"}, "no item")

    assert counted(ingest) == {
        "http_requests_total|POST|/v1/events/batch|200": 1,
        "ingest_events_total|api|stored": 1,
        "ingest_events_total|api|duplicate": 1,
        "ingest_events_total|api|conflict": 1,
        "ingest_events_total|api|invalid": 1,
    }


def test_a_vendor_s_events_are_counted_under_its_name(ingest: WiredIngest) -> None:
    assert square(ingest) == square(ingest) == square(ingest, merchant_id="M9") == 200
    assert square(ingest, forged=True) == 401

    assert counted(ingest) == {
        f"http_requests_total|POST|{HOOK_PATH}|200": 3,
        f"http_requests_total|POST|{HOOK_PATH}|401": 1,
        "ingest_events_total|square|stored": 1,
        "ingest_events_total|square|duplicate": 1,
        "ingest_events_total|square|quarantined": 1,
        "ingest_events_total|square|refused": 1,
    }


def test_what_is_set_aside_is_counted_by_its_reason(ingest: WiredIngest) -> None:
    square(ingest, merchant_id="M9")
    square(ingest, forged=True)
    ingest.hook("made-up", b"{}", {}, endpoint_id="e")

    assert counted(ingest, "quarantined_events_total") == {
        "quarantined_events_total|square|merchant-mismatch": 1,
        "quarantined_events_total|square|signature-refused": 1,
        "quarantined_events_total|other|unknown-endpoint": 1,
    }


@pytest.fixture
def rotating() -> WiredIngest:
    """Give one in which what signs is the previous secret."""
    made = WiredIngest()
    key = "square", source_id("square")
    known = made.registry.endpoints[key]
    newer = PlainSecretBox().seal(b"the next one", context=known.seal_context)
    made.registry.endpoints[key] = replace(
        known,
        sealed_secrets=(newer, *known.sealed_secrets),
        previous_until=datetime.max.replace(tzinfo=UTC),
    )
    return made


def test_a_good_signature_is_counted_by_the_secret_it_was_made_with(
    ingest: WiredIngest, rotating: WiredIngest
) -> None:
    square(ingest)
    square(ingest, forged=True)
    square(rotating)

    assert counted(ingest, "secret_matched") == {"secret_matched_total|square|current": 1}
    assert counted(rotating, "secret_matched") == {"secret_matched_total|square|previous": 1}


def test_a_delivery_by_the_previous_secret_is_noted_for_its_endpoint(
    ingest: WiredIngest, rotating: WiredIngest
) -> None:
    for one in (ingest, rotating):
        square(one)
        assert one.meter.flush()

    [current] = ingest.metrics.activity.values()
    [previous] = rotating.metrics.activity.values()
    assert current.previous == {}
    assert previous.previous == {source_id("square"): next(iter(previous.sources.values()))}


def test_the_tokens_that_were_let_in_are_noted_and_no_other(ingest: WiredIngest) -> None:
    ingest.post(event_body())
    ingest.post(event_body(), headers(authorization="Bearer tg_live_made-up"))
    assert ingest.meter.flush()

    [flush] = ingest.metrics.activity.values()
    assert flush.tokens.keys() == {token_digest("tg_live_one").hex()}


def test_a_vendor_that_somebody_made_up_is_another(ingest: WiredIngest) -> None:
    ingest.hook("made-up", b"{}", {}, endpoint_id="e")

    assert counted(ingest, "ingest_events_total") == {"ingest_events_total|other|refused": 1}


def test_what_is_queued_is_counted_and_kept_until_it_can_be_stored(ingest: WiredIngest) -> None:
    ingest.post(event_body())
    ingest.take_down()
    ingest.metrics.is_down = True
    ingest.clock += 5
    assert ingest.post(event_body(), headers(idempotency_key="k-2")).status == 202
    ingest.metrics.is_down = False

    assert counted(ingest, "ingest_events_total") == {
        "ingest_events_total|api|stored": 1,
        "ingest_events_total|api|queued": 1,
    }


def test_only_what_is_durable_has_a_latency(ingest: WiredIngest) -> None:
    ingest.post(event_body())
    ingest.post(b"{}")
    ingest.post(event_body(), headers(authorization="Bearer made-up"))
    ingest.meter.flush()

    series = ingest.metrics.read().series
    latency = [
        n for one, n in series.items() if one.startswith("ingest_latency") and "sum" not in one
    ]
    duration = [n for one, n in series.items() if one.startswith("http_req") and "0." in one]
    assert sum(latency) == 1
    assert sum(duration) == 3


def test_what_nobody_foresaw_is_counted_too() -> None:
    ingest = WiredIngest(CrashingEventStore())

    assert ingest.post(event_body()).status == 500

    assert counted(ingest) == {"http_requests_total|POST|/v1/events|500": 1}


def test_an_answer_of_503_waits_for_no_flush(ingest: WiredIngest) -> None:
    ingest.post(event_body())
    ingest.clock += 10
    ingest.take_all_down()

    assert ingest.post(event_body(), headers(idempotency_key="k-2")).status == 503

    assert ingest.metrics.flushes == {}
    ingest.bring_up()
    ingest.post(event_body())
    assert len(ingest.metrics.flushes) == 1


def test_a_flush_that_fails_changes_no_answer(
    ingest: WiredIngest, capsys: pytest.CaptureFixture[str]
) -> None:
    ingest.post(event_body())
    ingest.clock += 10
    ingest.metrics.is_down = True

    assert ingest.post(event_body()).status == 200

    assert '"metrics":"kept"' in capsys.readouterr().out
