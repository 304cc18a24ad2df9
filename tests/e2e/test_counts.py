"""What the deployed stack counts is what was sent, exactly, in a real Prometheus' eyes."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest

from ops.evidence import Row, write_evidence
from tests.e2e.counted_traffic import CountedSender, all_sent, send_for
from tests.integration.polling import pause, until
from tests.metric_counts import differences, samples_of
from tests.prometheus_server import SCRAPE_SECONDS, PrometheusServer, promtool_says

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.metric_counts import Series

SENDERS = 8
LEAST_SANDBOXES = 4
LOAD_SECONDS = 60.0
TRICKLE_SECONDS = 10
# HTTP.md: a request is counted within 60 s of its answer.
COUNTED_SECONDS = 60.0
_COUNTED = '{job="tillgate",__name__=~"(http_requests|http_request_duration|ingest)_.+"}'
# No query takes the resets of all of them at once: without their names they would be the same.
_COUNTERS = 'group by (__name__) ({job="tillgate",__name__=~".+_(total|count|sum|bucket)"})'


@pytest.fixture
def senders(stack: dict[str, Any]) -> Iterator[list[CountedSender]]:
    made = [CountedSender(stack, seed) for seed in range(SENDERS)]
    yield made
    for sender in made:
        sender.close()


def page(stack: dict[str, Any]) -> str:
    answer = httpx.get(
        f"{stack['api_url']}/metrics",
        headers={"Authorization": f"Bearer {stack['metrics_token']}"},
        timeout=30,
    )
    answer.raise_for_status()
    return answer.text


def counted(stack: dict[str, Any]) -> Counter[Series]:
    """Give every sample of the page."""
    return samples_of(page(stack))


def scraped(prometheus: PrometheusServer) -> Counter[Series]:
    """Give what our traffic is counted in, as Prometheus had it at its last scrape."""
    return Counter({one: int(value) for one, value in prometheus.samples(_COUNTED).items()})


def seconds_until_equal(difference: Callable[[], object]) -> float | None:
    """Wait until nothing differs; None when that is not so after COUNTED_SECONDS."""
    started = time.monotonic()
    while difference():
        if time.monotonic() - started > COUNTED_SECONDS:
            return None
        pause(0.1)
    return time.monotonic() - started


@contextmanager
def folding(stack: dict[str, Any]) -> Iterator[None]:
    """Fold whatever lies there, twice a second, beside what sweep does each minute."""
    done = Event()

    def fold() -> None:
        with psycopg.connect(stack["database_url"], autocommit=True) as superuser:
            while not done.wait(0.5):
                superuser.execute("SELECT tillgate.metrics_fold('0', 100)")

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(fold)
        try:
            yield
        finally:
            done.set()
        running.result()


def test_after_a_burst_all_is_counted_though_one_sandbox_alone_is_asked_again(
    stack: dict[str, Any], senders: list[CountedSender]
) -> None:
    before = counted(stack)
    # Fewer than in the proof: each takes a cold start, beside all the other suites.
    send_for(2, senders[:LEAST_SANDBOXES])
    senders[0].new()

    until(
        lambda: not differences(all_sent(senders), before, counted(stack)),
        what="counted is what was sent",
        within_seconds=COUNTED_SECONDS,
    )
    assert all_sent(senders).requests > LEAST_SANDBOXES


@pytest.mark.proof
def test_what_prometheus_counts_is_what_was_sent(
    stack: dict[str, Any], senders: list[CountedSender], tmp_path: Path
) -> None:
    metrics = PrometheusServer(
        f"{stack['api_url']}/metrics", token=stack["metrics_token"], folder=tmp_path
    )
    with metrics as prometheus, folding(stack):
        rows = measured(prometheus, senders)
    write_evidence("metrics", rows, keep_others=True)

    assert [row for row in rows if not row.holds] == []
    assert promtool_says(page(stack)) == (0, "")


def measured(prometheus: PrometheusServer, senders: Sequence[CountedSender]) -> list[Row]:
    """Send for a minute, then one request a second, and ask Prometheus what it saw."""
    # What came before is stored by now: nobody sends, and a pause flushes.
    pause(5)
    before = scraped(prometheus)
    send_for(LOAD_SECONDS, senders)
    at_end = differences(all_sent(senders), before, scraped(prometheus))
    for _ in range(TRICKLE_SECONDS):
        senders[0].new()
        pause(1)
    sent = all_sent(senders)
    seconds = seconds_until_equal(lambda: differences(sent, before, scraped(prometheus)))
    # Long enough for something to be counted twice.
    pause(5)
    left = differences(sent, before, scraped(prometheus))
    raw = {
        "requests": sent.requests,
        "series": len(sent.counts),
        "senders": len(senders),
        "load_seconds": LOAD_SECONDS,
        "trickle_seconds": TRICKLE_SECONDS,
        "differed_as_the_load_ended": sum(map(abs, at_end.values())),
        "differ": left,
    }
    return list(rows_of(prometheus, raw, seconds, sum(map(abs, left.values()))))


def rows_of(
    prometheus: PrometheusServer, raw: dict[str, Any], seconds: float | None, difference: int
) -> Iterator[Row]:
    """Judge them; ``seconds``: from the last request until Prometheus had all."""
    sandboxes = prometheus.value('max_over_time(db_connections{role="ingest"}[5m])')
    names = [name for name, _ in prometheus.samples(_COUNTERS)]
    resets = sum(prometheus.value(f"sum(resets({name}[10m]))") for name in names)
    scrapes = prometheus.value('count_over_time(up{job="tillgate"}[10m])')
    answered = prometheus.value('sum_over_time(up{job="tillgate"}[10m])')
    raw |= {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "scrapes": scrapes,
        "scrapes_failed": scrapes - answered,
        "scrape_seconds": SCRAPE_SECONDS,
        "counters": len(names),
    }
    yield Row("metrics.prometheus_difference", difference, "", 0, holds=difference == 0, raw=raw)
    yield Row(
        "metrics.counted_within_s",
        None if seconds is None else round(seconds, 2),
        "s",
        COUNTED_SECONDS,
        holds=seconds is not None,
        raw=raw,
    )
    yield Row("metrics.prometheus_resets", resets, "", 0, holds=resets == 0, raw=raw)
    enough = sandboxes >= LEAST_SANDBOXES
    yield Row("metrics.sandboxes", sandboxes, "", None, holds=enough, raw=raw)
