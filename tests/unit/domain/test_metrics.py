from __future__ import annotations

import re

import pytest

from tillgate.domain.metrics import (
    DB_DURATION,
    DELIVERIES,
    HTTP_DURATION,
    HTTP_REQUESTS,
    INGEST_EVENTS,
    INGEST_LATENCY,
    LOOKED_UP,
    QUARANTINED_EVENTS,
    RECORDED,
    RETRY_ATTEMPTS,
    SEPARATOR,
    UPSTREAM_REQUESTS,
    Counter,
    Gauge,
    Histogram,
    Increment,
    Recorder,
)
from tillgate.domain.quarantine import Reason

PROMISED = {
    "build_info": (),
    "http_requests_total": ("method", "route", "status"),
    "http_request_duration_seconds": None,
    "ingest_latency_seconds": ("provider",),
    "ingest_events_total": ("provider", "outcome"),
    "retry_attempts_total": ("target", "reason"),
    "db_connections": None,
    "db_query_duration_seconds": None,
    "deliveries_total": ("destination", "outcome"),
    "delivery_lag_seconds": ("destination",),
    "upstream_requests_total": ("target",),
    "quarantined_events_total": ("provider", "reason"),
    "secret_matched_total": ("provider", "generation"),
}
FAMILIES = {family.name: family for family in (*RECORDED, *LOOKED_UP)}


def taken(recorder: Recorder) -> Increment:
    increment = recorder.unflushed()
    assert increment is not None
    return increment


@pytest.mark.parametrize(("name", "labels"), PROMISED.items())
def test_every_promised_family_is_declared_with_its_labels(
    name: str, labels: tuple[str, ...] | None
) -> None:
    declared = tuple(label.name for label in FAMILIES[name].labels)

    assert labels in {None, declared, ()}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_names_follow_prometheus(family: Counter | Histogram | Gauge) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", family.name)
    assert family.name.endswith("_total") is isinstance(family, Counter)
    assert family.name.endswith("_seconds") is isinstance(family, Histogram)
    assert family.text.endswith(".")
    assert all(SEPARATOR not in value for one in family.labels for value in one.values or ())


@pytest.mark.parametrize("family", [f for f in RECORDED if isinstance(f, Histogram)])
def test_buckets_rise(family: Histogram) -> None:
    assert list(family.bounds) == sorted(set(family.bounds))


def test_a_provider_that_is_known_is_counted_under_its_name_and_any_other_is_not() -> None:
    recorder = Recorder(providers={"square", "eleventh"})
    for provider in ("square", "eleventh", "twelfth", "api"):
        recorder.count(INGEST_EVENTS, provider, "stored")
    recorder.count(INGEST_EVENTS, "square", "square")

    assert taken(recorder).series == {
        "ingest_events_total|square|stored": 1,
        "ingest_events_total|eleventh|stored": 1,
        "ingest_events_total|other|stored": 1,
        "ingest_events_total|api|stored": 1,
        "ingest_events_total|square|other": 1,
    }


def test_every_reason_of_quarantine_is_among_the_labels() -> None:
    [_, reasons] = QUARANTINED_EVENTS.labels

    assert set(reasons.values or ()) == {reason.value for reason in Reason}


def test_every_target_is_retried_and_counted_under_one_name() -> None:
    [target] = UPSTREAM_REQUESTS.labels

    assert target is RETRY_ATTEMPTS.labels[0]


def test_what_was_counted_is_given_once_it_is_known_to_be_stored_no_more() -> None:
    recorder = Recorder(providers={"square"})
    recorder.count(INGEST_EVENTS, "square", "stored", by=3)
    recorder.count(INGEST_EVENTS, "square", "stored")

    increment = taken(recorder)

    assert increment == Increment(1, {"ingest_events_total|square|stored": 4})
    recorder.stored(increment)
    assert recorder.unflushed() is None


def test_what_is_not_known_to_be_stored_is_given_again_and_nothing_is_added_to_it() -> None:
    recorder = Recorder()
    recorder.count(DELIVERIES, "supabase", "delivered")
    first = taken(recorder)
    recorder.count(DELIVERIES, "supabase", "delivered", by=2)

    again = taken(recorder)

    assert again is first
    recorder.stored(again)
    assert taken(recorder) == Increment(2, {"deliveries_total|supabase|delivered": 2})


def test_a_late_word_of_an_earlier_flush_confirms_no_later_one() -> None:
    recorder = Recorder()
    recorder.count(DELIVERIES, "supabase", "delivered")
    first = taken(recorder)
    recorder.stored(first)
    recorder.count(DELIVERIES, "supabase", "gave_up")
    second = taken(recorder)

    recorder.stored(first)

    assert taken(recorder) is second


def test_durations_are_counted_in_the_bucket_that_ends_at_them() -> None:
    recorder = Recorder()
    for seconds in (0.001, 0.0011, 1.0, 31.0):
        recorder.observe(INGEST_LATENCY, seconds, "api")

    assert taken(recorder).series == {
        "ingest_latency_seconds|api|0.001": 1,
        "ingest_latency_seconds|api|0.0025": 1,
        "ingest_latency_seconds|api|1.0": 1,
        "ingest_latency_seconds|api|+Inf": 1,
        "ingest_latency_seconds|api|sum": 32_002_100,
    }


def test_a_clock_that_was_set_back_makes_no_sum_fall() -> None:
    recorder = Recorder()
    recorder.observe(DB_DURATION, -3.0)

    assert taken(recorder).series["db_query_duration_seconds|sum"] == 0


def test_what_a_sender_makes_up_becomes_no_series() -> None:
    recorder = Recorder()
    for number in range(1_000):
        recorder.count(INGEST_EVENTS, f"made-up|{number}", "stored")
        recorder.observe(INGEST_LATENCY, 0.001, f"made-up|{number}")
        recorder.count(HTTP_REQUESTS, f"BREW{number}", "/v1/events", "201")
        recorder.observe(HTTP_DURATION, 0.001, f"BREW{number}", "/v1/events")

    assert taken(recorder).series == {
        "ingest_events_total|other|stored": 1_000,
        "ingest_latency_seconds|other|0.001": 1_000,
        "ingest_latency_seconds|other|sum": 1_000_000,
        "http_requests_total|other|/v1/events|201": 1_000,
        "http_request_duration_seconds|other|/v1/events|0.001": 1_000,
        "http_request_duration_seconds|other|/v1/events|sum": 1_000_000,
    }


def test_a_wrong_number_of_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        Recorder().count(INGEST_EVENTS, "square")


def test_waits_that_nobody_asks_for_fill_no_memory() -> None:
    recorder = Recorder()
    for _ in range(1_000):
        recorder.waited(0.001)

    assert len(recorder._waits) < 256
    assert taken(recorder).series["db_query_duration_seconds|0.001"] == 1_000
