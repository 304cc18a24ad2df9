"""What was sent, by the series in which it has to be counted, and how a page differs from it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Mapping

EVENTS = "/v1/events"
HOOKS = "/v1/hooks/{provider}/{endpoint_id}"

# What one event comes to, by the status of its answer; on a busy machine the queue takes it.
OUTCOMES = {201: "stored", 200: "duplicate", 422: "conflict", 202: "queued"}

# A series: the name of its sample, and its labels.
Series = tuple[str, frozenset[tuple[str, str]]]


def series(name: str, **labels: str) -> Series:
    return name, frozenset(labels.items())


@dataclass(slots=True)
class Sent:
    """What was sent, by the series in which it has to be counted."""

    counts: Counter[Series] = field(default_factory=Counter)

    def add(
        self,
        method: str,
        route: str,
        status: int,
        events: Mapping[str, int] = MappingProxyType({}),
        *,
        provider: str = "api",
    ) -> None:
        """Add one request; ``events`` are how many that it brought came to what."""
        labels = {"method": method, "route": route}
        self.counts[series("http_requests_total", **labels, status=str(status))] += 1
        self.counts[series("http_request_duration_seconds_count", **labels)] += 1
        self.counts[series("http_request_duration_seconds_bucket", **labels, le="+Inf")] += 1
        for outcome, number in events.items():
            self.counts[series("ingest_events_total", provider=provider, outcome=outcome)] += number
        if events.keys() & {"stored", "duplicate", "queued", "quarantined"}:
            self.counts[series("ingest_latency_seconds_count", provider=provider)] += 1
            self.counts[series("ingest_latency_seconds_bucket", provider=provider, le="+Inf")] += 1

    @property
    def requests(self) -> int:
        return sum(n for (name, _), n in self.counts.items() if name == "http_requests_total")


def samples_of(page: str) -> Counter[Series]:
    """Give every sample of a page; none is below zero."""
    return Counter(
        {
            (sample.name, frozenset(sample.labels.items())): int(sample.value)
            for family in text_string_to_metric_families(page)
            for sample in family.samples
        }
    )


def differences(sent: Sent, before: Counter[Series], now: Counter[Series]) -> dict[str, int]:
    """Name the series in which more or less was counted than sent, and by how much."""
    return {
        f"{name}{sorted(labels)}": now[name, labels] - before[name, labels] - number
        for (name, labels), number in sent.counts.items()
        if now[name, labels] - before[name, labels] != number
    }
