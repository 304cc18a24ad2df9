"""CloudWatch's embedded metric format: a line says what in it is a metric.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
A message's line is its own metrics' line. Of requests there may be hundreds a second, and a line
may hold a hundred values: theirs have lines of their own, every two seconds (decisions 20, 26).
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from tillgate.domain.json_writer import json_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tillgate.entrypoints.observability import RequestLog, Sandbox

    # (name, unit), and (dimension sets, what has them).
    _Named = tuple[str, str]
    _Metrics = list[tuple[Sequence[Sequence[str]], list[_Named]]]

NAMESPACE = "Tillgate"
# More values than these CloudWatch does not take in one metric of a line.
MAX_VALUES = 100
# How long a request waits for others, to be told in one line with them; and for how many.
WRITE_SECONDS = 2.0
KEPT_REQUESTS = 64

_MILLISECONDS, _COUNT = "Milliseconds", "Count"
_LATENCY = ("latency_ms", _MILLISECONDS)
_DATABASE = ("database_ms", _MILLISECONDS)
_COLD_STARTS = ("cold_starts", _COUNT)
_EVENTS = ("events_accepted", _COUNT)
_SERVER_ERRORS = ("server_errors", _COUNT)
_REQUESTS = ("requests", _COUNT)
_LAG = ("delivery_lag_ms", _MILLISECONDS)
_ATTEMPTS = ("attempts", _COUNT)
_RETRIES = ("retries", _COUNT)
# What each tenant adds where the stage asks for it; ops/metric_cost.py has the price.
OF_EACH_TENANT = (_LATENCY, _EVENTS, _SERVER_ERRORS, _REQUESTS, _LAG, _ATTEMPTS, _RETRIES)

_PLATFORM = (("stage",),)
_FUNCTION = (("stage", "function"),)
_TARGET = (("stage", "target"),)
_TENANT = (("stage", "tenantId"),)

_SERVER_ERROR = 500
# Of an event's outcomes, those in which we have it now and had it not before.
_ACCEPTED = ("stored", "queued", "quarantined")
_text = json_writer()


def directive(
    namespace: str,
    metrics: Sequence[tuple[Sequence[Sequence[str]], Sequence[tuple[str, str]]]],
    at_ms: int,
) -> dict[str, Any]:
    """Give the ``_aws`` member of a line in which each dimension and each metric is a member.

    ``metrics`` has (dimension sets, [(name, unit)]); ``at_ms`` is milliseconds since 1970.
    """
    return {
        "Timestamp": at_ms,
        "CloudWatchMetrics": [
            {
                "Namespace": namespace,
                "Dimensions": [list(dimensions) for dimensions in dimension_sets],
                "Metrics": [{"Name": name, "Unit": unit} for name, unit in named],
            }
            for dimension_sets, named in metrics
        ],
    }


class _Directives:
    """Directives as JSON text, but for the time; there are as many as kinds of lines."""

    def __init__(self) -> None:
        self._known: dict[object, str] = {}

    def get(self, kind: object) -> str | None:
        return self._known.get(kind)

    def put(self, kind: object, metrics: _Metrics) -> str:
        named = [(dimension_sets, names) for dimension_sets, names in metrics if names]
        text = ""
        if named:
            told = _text(directive(NAMESPACE, named, 0)["CloudWatchMetrics"])
            text = f',"CloudWatchMetrics":{told}}}'
        self._known[kind] = text
        return text


class RequestMetrics:
    """Lines for CloudWatch, each of what some requests' own lines said.

    ``per_tenant`` adds lines for each tenant, which are billed by the tenant. ``clock`` gives
    seconds, by the wall clock. Not for two threads at once.
    """

    def __init__(
        self, sandbox: Sandbox, *, per_tenant: bool, clock: Callable[[], float] = time.time
    ) -> None:
        self._sandbox = sandbox
        self._per_tenant = per_tenant
        self._clock = clock
        self._written_at = float("-inf")
        self._noted: list[RequestLog] = []

    def note(self, request: RequestLog) -> None:
        """Remember one request, and write when the last lines are two seconds old.

        So a sandbox's first request is told at once, and so is each that comes alone.
        """
        self._noted.append(request)
        age = self._clock() - self._written_at
        # An age below zero means that the clock was set back.
        if not 0 <= age < WRITE_SECONDS or len(self._noted) >= KEPT_REQUESTS:
            self.write()

    def write(self) -> None:
        """Write what was noted: a line for each minute, and for each of its tenants."""
        self._written_at = self._clock()
        noted, self._noted = self._noted, []
        for requests in _grouped(noted, lambda one: int(one.at.timestamp()) // 60).values():
            self._write(_of_requests(requests))
            if self._per_tenant:
                of_tenants = [
                    one for one in requests if is_one_tenant(one.tenant_id) and not one.is_operators
                ]
                for own in _grouped(of_tenants, lambda one: one.tenant_id).values():
                    self._write(_of_tenant(own))

    def _write(self, line: dict[str, Any]) -> None:
        line |= {"stage": self._sandbox.stage, "function": self._sandbox.function}
        # In one piece, as every line.
        sys.stdout.write(_text(line) + "\n")


def _grouped(
    noted: list[RequestLog], key: Callable[[RequestLog], object]
) -> dict[object, list[RequestLog]]:
    groups: dict[object, list[RequestLog]] = {}
    for one in noted:
        groups.setdefault(key(one), []).append(one)
    return groups


def _of_requests(requests: list[RequestLog]) -> dict[str, Any]:
    """Give the platform's metrics of requests of one minute, as a line of them."""
    line: dict[str, Any] = {"latency_ms": [one.latency_ms for one in requests]}
    own: list[_Named] = [_LATENCY]
    if starts := sum(one.is_cold for one in requests):
        line["cold_starts"] = starts
        own.append(_COLD_STARTS)
    if waits := [one.database_ms for one in requests if one.database_ms is not None]:
        line["database_ms"] = waits
        own.append(_DATABASE)
    accepted = _add_accepted(line, requests)
    return _with_directive(line, requests, [(_FUNCTION, own), (_PLATFORM, accepted)])


def _of_tenant(requests: list[RequestLog]) -> dict[str, Any]:
    """Give one tenant's metrics of its requests of one minute, as a line of them."""
    line: dict[str, Any] = {
        "tenantId": requests[0].tenant_id,
        "latency_ms": [one.latency_ms for one in requests],
        "server_errors": sum(one.status >= _SERVER_ERROR for one in requests),
        "requests": len(requests),
    }
    accepted = _add_accepted(line, requests)
    return _with_directive(
        line, requests, [(_TENANT, [_LATENCY, *accepted, _SERVER_ERRORS, _REQUESTS])]
    )


def _add_accepted(line: dict[str, Any], requests: list[RequestLog]) -> list[_Named]:
    """Say how many events were taken, where any were brought; give the metric, if it is one."""
    brought = [one.events for one in requests if one.events]
    if not brought:
        return []
    line["events_accepted"] = sum(each.get(out, 0) for each in brought for out in _ACCEPTED)
    return [_EVENTS]


def _with_directive(
    line: dict[str, Any], requests: list[RequestLog], metrics: _Metrics
) -> dict[str, Any]:
    at = requests[0].at
    told = directive(NAMESPACE, [one for one in metrics if one[1]], int(at.timestamp() * 1000))
    return {"_aws": told, **line}


class MessageMetrics:
    """What CloudWatch reads out of the lines of messages.

    What is the same for all lines of a kind is made once in a process, as text. ``per_tenant``
    adds a set of dimensions for each tenant, which is billed by the tenant.
    """

    def __init__(self, *, per_tenant: bool) -> None:
        self._per_tenant = per_tenant
        self._directives = _Directives()

    def add(self, line: dict[str, Any], *, at_ms: int) -> str:
        """Give the line's ``_aws`` member as JSON text; nothing where it has no metrics.

        The metrics are those of ``delivery_lag_ms``, ``attempts`` and ``retries`` that it has.
        """
        tenant_id = line["tenantId"]
        kind = (
            bool(line.get("delivery_lag_ms")),
            bool(line.get("attempts")) and line.get("target") is not None,
            self._per_tenant and is_one_tenant(tenant_id),
        )
        known = self._directives.get(kind)
        if known is None:
            known = self._directives.put(kind, _of_message(kind))
        return f'{{"Timestamp":{at_ms}{known}' if known else ""


def is_one_tenant(tenant_id: str | None) -> bool:
    """Tell whether a line's ``tenantId`` names one, and not several with commas between them."""
    return tenant_id is not None and "," not in tenant_id


def _of_message(kind: tuple[bool, bool, bool]) -> _Metrics:
    has_lag, was_tried, is_tenants = kind
    lag: list[_Named] = [_LAG] if has_lag else []
    tries: list[_Named] = [_ATTEMPTS, _RETRIES] if was_tried else []
    return [(_PLATFORM, lag), (_TARGET, tries), (_TENANT, [*lag, *tries] if is_tenants else [])]
