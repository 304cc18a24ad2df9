"""``GET /metrics``: what all sandboxes counted, in Prometheus' words.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import product
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from tillgate.domain.gauges import GAUGES_AT, MEASURED
from tillgate.domain.metrics import (
    BUILD_INFO,
    DB_CONNECTIONS,
    MICROSECONDS,
    PROVIDER,
    RECORDED,
    SEPARATOR,
    SUM,
    Counter,
    Histogram,
    bound_text,
)
from tillgate.entrypoints.http import response

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from prometheus_client.metrics_core import Metric

    from tillgate.domain.metrics import Family, Label, Sums
    from tillgate.domain.ports import MetricsStore
    from tillgate.entrypoints.http import HttpRequest, LambdaResponse
    from tillgate.services.operator import TokenGate

# Of which there is a line before the first of them connects.
_ROLES = ("ingest", "accept", "api", "admin", "deliver", "sweep", "health", "watch", "rotate")


class MetricsPage:
    """Answers whoever has the metrics token. ``providers`` are the vendors that are built."""

    def __init__(
        self, gate: TokenGate, store: MetricsStore, *, providers: Collection[str], version: str
    ) -> None:
        self._gate = gate
        self._store = store
        self._providers = providers
        self._version = version

    def answer(self, request: HttpRequest) -> LambdaResponse:
        """Raises UnauthenticatedError; UpstreamError while the database gives no answer."""
        self._gate.admit(request.headers.get("authorization"))
        registry = CollectorRegistry(auto_describe=False)
        sums = self._store.read()
        registry.register(SumsCollector(sums, providers=self._providers, version=self._version))
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return response(200, encode(registry).decode(), rid=request.rid, content_type=content_type)


class SumsCollector(Collector):
    """Every family that is declared, whether or not anything was counted yet.

    What another version counted under a name or labels that this one does not have is left out.
    """

    def __init__(self, sums: Sums, *, providers: Collection[str], version: str) -> None:
        self._connections = sums.connections
        self._gauges = sums.gauges
        self._gauges_at = sums.gauges_at
        self._providers = providers
        self._version = version
        self._by_family: dict[str, list[tuple[list[str], int]]] = {}
        for series, total in sums.series.items():
            name, *parts = series.split(SEPARATOR)
            self._by_family.setdefault(name, []).append((parts, total))

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily(BUILD_INFO.name, BUILD_INFO.text, labels=_names(BUILD_INFO))
        build.add_metric([self._version], 1)
        yield build
        connections = GaugeMetricFamily(
            DB_CONNECTIONS.name, DB_CONNECTIONS.text, labels=_names(DB_CONNECTIONS)
        )
        for role in _ROLES:
            connections.add_metric([role], self._connections.get(role, 0))
        yield connections
        yield from self._measured()
        for family in RECORDED:
            counted = self._by_family.get(family.name, [])
            if isinstance(family, Counter):
                yield self._counter(family, counted)
            else:
                yield _histogram(family, counted)

    def _counter(self, counter: Counter, counted: list[tuple[list[str], int]]) -> Metric:
        metric = CounterMetricFamily(counter.name, counter.text, labels=_names(counter))
        # Those that can be told beforehand are there from the start: else the first of a kind would
        # be no increase. https://prometheus.io/docs/practices/instrumentation/#avoid-missing-metrics
        lists = [self._values(label) for label in counter.labels]
        known = product(*lists) if all(lists) else ()
        totals: dict[tuple[str, ...], int] = dict.fromkeys(known, 0)
        for labels, total in counted:
            if len(labels) == len(counter.labels):
                totals[tuple(labels)] = total
        for values, total in totals.items():
            metric.add_metric(values, total)
        return metric

    def _values(self, label: Label) -> list[str]:
        """Give what a label can be, none where that is not known beforehand."""
        built = self._providers if label is PROVIDER else ()
        return sorted({*(label.values or ()), *built})

    def _measured(self) -> Iterator[Metric]:
        """Give what is measured each minute; what was not lately has no value, nor a last one."""
        by_family: dict[str, list[tuple[list[str], float]]] = {}
        for series, value in self._gauges.items():
            name, *labels = series.split(SEPARATOR)
            by_family.setdefault(name, []).append((labels, value))
        for gauge in MEASURED:
            metric = GaugeMetricFamily(gauge.name, gauge.text, labels=_names(gauge))
            for labels, value in by_family.get(gauge.name, []):
                if len(labels) == len(gauge.labels):
                    metric.add_metric(labels, value)
            yield metric
        at = GaugeMetricFamily(GAUGES_AT.name, GAUGES_AT.text)
        if self._gauges_at is not None:
            at.add_metric([], self._gauges_at)
        yield at


def _names(family: Family) -> list[str]:
    return [label.name for label in family.labels]


def _histogram(histogram: Histogram, counted: list[tuple[list[str], int]]) -> Metric:
    metric = HistogramMetricFamily(histogram.name, histogram.text, labels=_names(histogram))
    cells: dict[tuple[str, ...], list[int]] = {}
    if not histogram.labels:
        cells[()] = _empty(histogram)
    for (*labels, end), total in counted:
        if len(labels) != len(histogram.labels):
            continue
        cell = cells.setdefault(tuple(labels), _empty(histogram))
        if end == SUM:
            cell[-1] += total
        else:
            # Another version's bucket goes into the one here that holds all of it.
            cell[bisect_left(histogram.bounds, float(end))] += total
    for key, (*numbers, microseconds) in sorted(cells.items()):
        buckets, running = [], 0
        for bound, number in zip((*histogram.bounds, float("inf")), numbers, strict=True):
            running += number
            buckets.append((bound_text(bound), running))
        metric.add_metric(list(key), buckets, microseconds / MICROSECONDS)
    return metric


def _empty(histogram: Histogram) -> list[int]:
    return [0] * (len(histogram.bounds) + 2)
