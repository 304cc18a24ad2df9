"""CloudWatch's embedded metric format: the canonical line itself says what in it is a metric.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
What is the same for all lines of a kind is made once in a process, as text. Powertools' Metrics
would write a second line, and take longer than a request may: decision 20.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tillgate.domain.json_writer import json_writer

if TYPE_CHECKING:
    from collections.abc import Sequence

    # (name, unit), and (dimension sets, what has them).
    _Named = tuple[str, str]
    _Metrics = list[tuple[Sequence[Sequence[str]], list[_Named]]]

NAMESPACE = "Tillgate"
# More values than these CloudWatch does not take in one metric of a line.
MAX_VALUES = 100

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
    """What CloudWatch reads out of the lines of requests.

    ``per_tenant`` adds a set of dimensions for each tenant, which is billed by the tenant.
    """

    def __init__(self, *, per_tenant: bool) -> None:
        self._per_tenant = per_tenant
        self._directives = _Directives()

    def add(
        self, line: dict[str, Any], *, accepted: int | None, of_tenant: bool, at_ms: int
    ) -> str:
        """Put into the line what it lacks of values; give its ``_aws`` member as JSON text.

        ``accepted`` is None for a request that brought no events; ``of_tenant`` says that
        ``tenantId`` is the one tenant who called.
        """
        is_cold, has_database = line["cold_start"], line["database_ms"] is not None
        is_tenants = self._per_tenant and of_tenant
        if is_cold:
            line["cold_starts"] = 1
        if accepted is not None:
            line["events_accepted"] = accepted
        if is_tenants:
            line["server_errors"] = int(line["status"] >= _SERVER_ERROR)
            line["requests"] = 1
        kind = (is_cold, has_database, accepted is not None, is_tenants)
        known = self._directives.get(kind)
        if known is None:
            known = self._directives.put(kind, _of_request(kind))
        return f'{{"Timestamp":{at_ms}{known}'


class MessageMetrics:
    """What CloudWatch reads out of the lines of messages; ``per_tenant`` is as for requests."""

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


def _of_request(kind: tuple[bool, bool, bool, bool]) -> _Metrics:
    is_cold, has_database, has_events, is_tenants = kind
    events: list[_Named] = [_EVENTS] if has_events else []
    own: list[_Named] = [_LATENCY]
    if is_cold:
        own.append(_COLD_STARTS)
    if has_database:
        own.append(_DATABASE)
    tenants: list[_Named] = [_LATENCY, *events, _SERVER_ERRORS, _REQUESTS] if is_tenants else []
    return [(_FUNCTION, own), (_PLATFORM, events), (_TENANT, tenants)]


def _of_message(kind: tuple[bool, bool, bool]) -> _Metrics:
    has_lag, was_tried, is_tenants = kind
    lag: list[_Named] = [_LAG] if has_lag else []
    tries: list[_Named] = [_ATTEMPTS, _RETRIES] if was_tried else []
    return [(_PLATFORM, lag), (_TARGET, tries), (_TENANT, [*lag, *tries] if is_tenants else [])]
