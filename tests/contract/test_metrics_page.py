"""Prometheus' own tool reads the page of ``/metrics`` and has nothing to say about it."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.events import http_event
from tests.fakes import InMemoryMetrics
from tests.prometheus_server import promtool_says
from tillgate.domain.gauges import GAUGES_AT, MEASURED, series
from tillgate.domain.metrics import LOOKED_UP, RECORDED, Counter, Increment, Recorder
from tillgate.entrypoints.exposition import MetricsPage
from tillgate.entrypoints.http import HttpRequest
from tillgate.providers import PROVIDERS
from tillgate.services.operator import TokenGate


def page_of(metrics: InMemoryMetrics) -> str:
    page = MetricsPage(
        TokenGate(lambda: '{"token": "t"}', name="metrics", clock=lambda: 0.0),
        metrics,
        providers=PROVIDERS,
        version="0.2.0+local",
    )
    request = http_event("GET", "/metrics", headers={"Authorization": "Bearer t"})
    answer = page.answer(HttpRequest.from_lambda(request))
    assert answer["statusCode"] == 200
    return str(answer["body"])


def counted() -> InMemoryMetrics:
    """Every family with every value that its labels may take, one of them at a time."""
    recorder = Recorder()
    for family in RECORDED:
        values = [sorted(label.values or {"/v1/events"}) for label in family.labels]
        first = tuple(one[0] for one in values)
        chosen = {first} | {
            (*first[:place], value, *first[place + 1 :])
            for place, one in enumerate(values)
            for value in one
        }
        for labels in chosen:
            if isinstance(family, Counter):
                recorder.count(family, *labels, by=3)
            else:
                for seconds in (0.0001, 0.3, 100.0):
                    recorder.observe(family, seconds, *labels)
    increment = recorder.unflushed()
    assert increment is not None
    metrics = InMemoryMetrics()
    metrics.add("a-sandbox", increment)
    metrics.connections = {"ingest": 4, "health": 1}
    for gauge in MEASURED:
        least = (min(label.values or {"some"}) for label in gauge.labels)
        metrics.gauges[series(gauge, *least)] = 7.0
    return metrics


@pytest.mark.parametrize("metrics", [InMemoryMetrics(), counted()], ids=["empty", "counted"])
def test_promtool_has_nothing_to_say(metrics: InMemoryMetrics) -> None:
    assert promtool_says(page_of(metrics)) == (0, "")


def test_every_family_has_a_sample_once_it_was_counted() -> None:
    page = page_of(counted())
    sampled = {
        family.name.removesuffix("_total")
        for family in text_string_to_metric_families(page)
        if family.samples
    }
    families = {*RECORDED, *LOOKED_UP, *MEASURED, GAUGES_AT}
    assert sampled == {family.name.removesuffix("_total") for family in families}


def test_a_counter_is_there_at_zero_before_anything_was_counted() -> None:
    """Else the first of a kind would be no increase; a route is known when it was asked for."""
    samples = {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(page_of(InMemoryMetrics()))
        for sample in family.samples
    }

    for name, *labels in (
        ("quarantined_events_total", "square", "conflict-after-queued"),
        ("ingest_events_total", "api", "stored"),
        ("retry_attempts_total", "clover", "timeout"),
    ):
        assert samples[name, frozenset(labels)] == 0
    assert not any(name == "http_requests_total" for name, _ in samples)


def test_what_was_counted_stands_in_the_place_of_the_zero() -> None:
    metrics = InMemoryMetrics()
    metrics.add("a-sandbox", Increment(1, {"quarantined_events_total|square|unreadable": 3}))

    page = page_of(metrics)

    name = 'quarantined_events_total{provider="square",reason="unreadable"}'
    assert [line for line in page.splitlines() if line.startswith(name)] == [f"{name} 3.0"]


def test_promtool_would_have_something_to_say() -> None:
    code, said = promtool_says("# TYPE requests counter\nrequests 1\n")
    assert code != 0
    assert "_total" in said
