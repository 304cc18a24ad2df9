"""AWS' specification of the embedded metric format, as a reader that refuses what breaks it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

MAX_METRICS, MAX_DIMENSIONS, MAX_VALUES, MAX_LINE_BYTES = 100, 30, 100, 1024 * 1024
# What CloudWatch takes: two weeks back, two hours ahead.
EARLIEST, LATEST = timedelta(days=14), timedelta(hours=2)
UNITS = {"Milliseconds", "Seconds", "Microseconds", "Count", "Percent", "Bytes", "None"}


class NotEmfError(ValueError):
    """CloudWatch would pass the line over, or make other metrics of it than were meant."""


@dataclass(frozen=True, slots=True, order=True)
class Datum:
    """One metric of a line, under one set of dimensions."""

    namespace: str
    name: str
    unit: str
    dimensions: tuple[tuple[str, str], ...]
    values: tuple[float, ...]


def read(text: str, *, now: datetime | None = None) -> list[Datum]:
    """Give what CloudWatch makes of a line, in order of its names; raises NotEmfError."""
    check(len(text.encode()) <= MAX_LINE_BYTES, "a log event is too large")
    root = json.loads(text)
    aws = root.get("_aws")
    check(isinstance(aws, dict), "_aws is an object of the root")
    check(aws.keys() <= {"Timestamp", "CloudWatchMetrics", "LogGroupName"}, "it has no others")
    stamp = aws["Timestamp"]
    check(type(stamp) is int, "the time is whole milliseconds since 1970")
    at, now = datetime.fromtimestamp(stamp / 1000, UTC), now or datetime.now(UTC)
    check(now - EARLIEST < at < now + LATEST, "the time is not so far from now")
    directives = aws["CloudWatchMetrics"]
    check(isinstance(directives, list) and bool(directives), "there is a directive")
    data: list[Datum] = []
    for one in directives:
        data += _directive(root, one)
    check(len(set(data)) == len(data), "no metric is told twice")
    return sorted(data)


def check(is_right: bool, what: str) -> None:  # noqa: FBT001  It reads as an assertion does.
    if not is_right:
        raise NotEmfError(what)


def _directive(root: dict[str, Any], directive: dict[str, Any]) -> list[Datum]:
    check(directive.keys() == {"Namespace", "Dimensions", "Metrics"}, "a directive has these")
    namespace, metrics = directive["Namespace"], directive["Metrics"]
    check(1 <= len(namespace) <= 255, "a namespace is so long")
    check(1 <= len(metrics) <= MAX_METRICS, "so many metrics")
    names = [metric["Name"] for metric in metrics]
    check(len(set(names)) == len(names), "each of a directive's metrics has its own name")
    return [
        Datum(namespace, metric["Name"], metric["Unit"], dimensions, _values(root, metric))
        for dimensions in (_dimensions(root, chosen) for chosen in directive["Dimensions"])
        for metric in metrics
    ]


def _dimensions(root: dict[str, Any], names: list[str]) -> tuple[tuple[str, str], ...]:
    check(len(names) <= MAX_DIMENSIONS, "so many dimensions")
    check(len(set(names)) == len(names), "each dimension once")
    for name in names:
        check(name in root, f"the dimension {name} is a member of the root")
        value = root[name]
        check(isinstance(value, str) and 1 <= len(value) <= 1024, f"{name} is text")
        check(re.fullmatch(r"[ -~]+", value) is not None, f"{name} is ASCII")
    return tuple(sorted((name, root[name]) for name in names))


def _values(root: dict[str, Any], metric: dict[str, Any]) -> tuple[float, ...]:
    check(metric.keys() <= {"Name", "Unit", "StorageResolution"}, "a metric has these")
    name = metric["Name"]
    check(1 <= len(name) <= 255 and metric["Unit"] in UNITS, "a name and a unit")
    check(name in root, f"the metric {name} is a member of the root")
    values = root[name] if isinstance(root[name], list) else [root[name]]
    check(1 <= len(values) <= MAX_VALUES, f"{name} has so many values")
    check(all(type(one) in {int, float} for one in values), f"{name} is numbers")
    return tuple(float(one) for one in values)
