"""CloudWatch's evaluation of alarms, over made-up samples, from the template that is deployed.

What it goes by is AWS' own text; test_cloudwatch_rules.py holds it against AWS' own tables.

- Period, evaluation periods, datapoints to alarm; the window slides, and is looked at each
  minute: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
  and .../alarm-evaluation-window.html
- Missing data: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
  "CloudWatch attempts to retrieve a higher number of data points than the number specified as
  Evaluation Periods." How many more it does not say; its example has two. ``older_periods`` is
  that number, and no verdict of ours may hang on it.
- Statistics: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
- Limits: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
- Composites: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-combining.html

Not simulated: that an alarm which was just made has no data yet.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final

from tests.infra import metric_math

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tests.infra.metric_math import Series

MINUTE: Final = 60
HOUR: Final = 3_600
DAY: Final = 86_400
MOST_METRICS: Final = 10
# As in AWS' own example.
OLDER_PERIODS: Final = 2

_KNOWN = {
    "AlarmActions", "AlarmDescription", "AlarmName", "ComparisonOperator", "DatapointsToAlarm",
    "Dimensions", "EvaluationPeriods", "ExtendedStatistic", "MetricName", "Metrics", "Namespace",
    "OKActions", "Period", "Statistic", "Tags", "Threshold", "TreatMissingData",
}  # fmt: skip

_STATISTICS: Final[dict[str, Callable[[list[float]], float]]] = {
    "Sum": math.fsum,
    "Average": fmean,
    "Minimum": min,
    "Maximum": max,
    "SampleCount": len,
}


class AlarmError(ValueError):
    """The alarm has something that is not understood here, or that AWS would refuse."""


class State(StrEnum):
    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True, slots=True)
class Metric:
    """``dimensions`` as text, names and values."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


@dataclass(slots=True)
class World:
    """What was measured: for each metric, minute by minute, the samples. No entry, no data."""

    samples: dict[Metric, dict[int, list[float]]] = field(default_factory=dict)

    def put(self, metric: Metric, minutes: Iterable[int], values: list[float]) -> None:
        for minute in minutes:
            self.samples.setdefault(metric, {}).setdefault(minute, []).extend(values)

    def between(self, metric: Metric, start: int, end: int) -> list[float]:
        """Give the samples of the minutes from ``start`` to just before ``end``."""
        by_minute = self.samples.get(metric, {})
        return [value for minute in range(start, end) for value in by_minute.get(minute, ())]


@dataclass(frozen=True, slots=True)
class Query:
    """A metric's statistic over the alarm's period."""

    metric: Metric
    statistic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An ``AWS::CloudWatch::Alarm``; ``expression`` is empty for that of one metric."""

    queries: Mapping[str, Query]
    expression: str
    period_seconds: int
    evaluation_periods: int
    datapoints_to_alarm: int
    comparison: str
    threshold: float
    missing: str

    def __post_init__(self) -> None:
        """Refuse what PutMetricAlarm refuses."""
        most = 7 * DAY if self.period_seconds >= HOUR else DAY
        if self.period_seconds % MINUTE:
            raise AlarmError("A period is a multiple of a minute.")
        if self.period_seconds * self.evaluation_periods > most:
            raise AlarmError(f"The periods together are longer than {most} s.")
        if not 1 <= self.datapoints_to_alarm <= self.evaluation_periods:
            raise AlarmError("More datapoints are needed than there are.")
        if len(self.queries) > MOST_METRICS:
            raise AlarmError(f"More than {MOST_METRICS} metrics.")

    def states(
        self,
        world: World,
        minutes: int,
        *,
        older_periods: int = OLDER_PERIODS,
        late_minutes: int = 0,
    ) -> list[State]:
        """Give the state after each of the minutes, from the beginning of the world.

        What the last ``late_minutes`` have brought has not come yet, whenever it is looked at.
        """
        state, states = State.INSUFFICIENT_DATA, []
        for now in range(1, minutes + 1):
            periods = self.evaluation_periods + older_periods
            points = self._points(world, now, periods, come=now - late_minutes)
            state = judge(
                [None if point is None else self._is_bad(point) for point in points],
                evaluation_periods=self.evaluation_periods,
                datapoints_to_alarm=self.datapoints_to_alarm,
                missing=self.missing,
                before=state,
            )
            states.append(state)
        return states

    def _points(self, world: World, now: int, periods: int, *, come: int) -> Series:
        length = self.period_seconds // MINUTE
        starts = [now - length * back for back in range(periods, 0, -1)]
        series = {
            key: [
                statistic(
                    query.statistic, world.between(query.metric, start, min(start + length, come))
                )
                for start in starts
            ]
            for key, query in self.queries.items()
        }
        if self.expression:
            return metric_math.evaluate(self.expression, series)
        [only] = series.values()
        return only

    def _is_bad(self, point: float) -> bool:
        match self.comparison:
            case "GreaterThanThreshold":
                return point > self.threshold
            case "LessThanThreshold":
                return point < self.threshold
            case other:
                raise AlarmError(f"{other} is not known here.")


def statistic(name: str, samples: list[float]) -> float | None:
    """Give a statistic of a period's samples; None, missing, when there is none.

    A percentile is the lowest sample that as many are at or below: AWS says no more than that
    "95 percent of the data within the period is lower than this value".
    """
    if not samples:
        return None
    if match := re.fullmatch(r"p(\d{1,2}(?:\.\d+)?)", name):
        rank = math.ceil(round(len(samples) * float(match[1]) / 100, 9))
        return sorted(samples)[max(rank, 1) - 1]
    if name not in _STATISTICS:
        raise AlarmError(f"The statistic {name} is not known here.")
    return float(_STATISTICS[name](samples))


def judge(
    points: list[bool | None],
    *,
    evaluation_periods: int,
    datapoints_to_alarm: int,
    missing: str,
    before: State,
) -> State:
    """Tell the state from the points that were retrieved, oldest first; None is missing.

    Enough real points: the most recent of them decide. Too few: each real one counts, "no matter
    when they were reported", and the rest are filled in. ``ignore`` keeps the state where the real
    ones alone decide nothing.
    """
    real = [point for point in points if point is not None][-evaluation_periods:]
    lacking = evaluation_periods - len(real)
    bad = sum(real)
    if bad >= datapoints_to_alarm:
        return State.ALARM
    match missing:
        case "breaching":
            return State.ALARM if bad + lacking >= datapoints_to_alarm else State.OK
        case "notBreaching":
            return State.OK
        case "ignore":
            is_decided = not lacking or bad < len(real)
            return State.OK if is_decided else before
        case _:
            raise AlarmError(f"Missing data as {missing} is not known here.")


def alarm_of(properties: Mapping[str, Any], resolve: Mapping[str, str]) -> Alarm:
    """Read a template's alarm; ``resolve`` gives what an imported value is of.

    Raises AlarmError for a property that it does not know.
    """
    unknown = set(properties) - _KNOWN
    if unknown:
        raise AlarmError(f"{', '.join(sorted(unknown))}: not known here.")
    expression, queries, periods = "", {}, set()
    for entry in properties.get("Metrics") or [_single(properties)]:
        if "Expression" in entry:
            if not entry["ReturnData"] or expression:
                raise AlarmError("One expression is compared, and there is no other.")
            expression = entry["Expression"]
            continue
        if "Metrics" in properties and entry["ReturnData"]:
            raise AlarmError("More than one series is compared.")
        stat = entry["MetricStat"]
        queries[entry["Id"]] = Query(metric_of(stat["Metric"], resolve), stat["Stat"])
        periods.add(stat["Period"])
    if len(periods) != 1:
        raise AlarmError("Each metric must have the same period.")
    return Alarm(
        queries=queries,
        expression=expression,
        period_seconds=periods.pop(),
        evaluation_periods=properties["EvaluationPeriods"],
        datapoints_to_alarm=properties.get("DatapointsToAlarm", properties["EvaluationPeriods"]),
        comparison=properties["ComparisonOperator"],
        threshold=properties["Threshold"],
        missing=properties.get("TreatMissingData", "missing"),
    )


def _single(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Give the alarm of one metric the shape that those of more have."""
    names = ("Namespace", "MetricName", "Dimensions")
    return {
        "Id": "only",
        "MetricStat": {
            "Metric": {name: properties[name] for name in names},
            "Period": properties["Period"],
            "Stat": properties.get("ExtendedStatistic") or properties["Statistic"],
        },
    }


def metric_of(stated: Mapping[str, Any], resolve: Mapping[str, str]) -> Metric:
    dimensions = frozenset(
        (entry["Name"], _text(entry["Value"], resolve)) for entry in stated["Dimensions"]
    )
    return Metric(stated["Namespace"], stated["MetricName"], dimensions)


def _text(value: str | Mapping[str, str], resolve: Mapping[str, str]) -> str:
    return value if isinstance(value, str) else resolve[value["Fn::ImportValue"]]
