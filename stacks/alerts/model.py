"""What an alert is: CloudWatch's alarms and Prometheus' rules are made of the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Severity(StrEnum):
    """How soon somebody has to look."""

    PAGE = "page"  # now, at night too
    TICKET = "ticket"  # on the next working day


class Missing(StrEnum):
    """What a period without data counts as, in CloudWatch's words."""

    BREACHES = "breaching"
    IS_FINE = "notBreaching"
    CHANGES_NOTHING = "ignore"  # the alarm stays as it was


_MISSING = {
    Missing.BREACHES: "no data is as bad",
    Missing.IS_FINE: "no data is fine",
    Missing.CHANGES_NOTHING: "no data changes nothing",
}


class Comparison(StrEnum):
    """On which side of the threshold it is bad."""

    ABOVE = "GreaterThanThreshold"
    BELOW = "LessThanThreshold"


class Join(StrEnum):
    """How many of an alert's conditions have to hold."""

    ANY = "any"  # each is an alarm by itself
    ALL = "all"  # the alarm is a composite; the conditions themselves tell nobody


class Place(StrEnum):
    """Whose metric it is, and so which dimensions the stack gives it."""

    GATEWAY = "gateway"  # AWS/ApiGateway: ApiId, Stage
    QUEUE = "queue"  # AWS/SQS: QueueName
    FUNCTION = "function"  # AWS/Lambda: FunctionName
    CLUSTER = "cluster"  # AWS/RDS: DBClusterIdentifier, where the database is the stack's own
    OURS = "ours"  # Tillgate: stage, and what the metric names besides


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A CloudWatch metric by what it is of; the stack knows the ids.

    ``of`` names the queue or the function; ``labels`` are dimensions of ours besides the stage.
    """

    place: Place
    name: str
    statistic: str
    of: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """``datapoints`` of the last ``periods`` have to be bad; all of them where it is None.

    A period is a minute or a multiple of it; all of them together are a day at most, or seven
    where one is an hour or longer.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    """

    period_seconds: int
    periods: int
    datapoints: int | None = None

    @property
    def seconds(self) -> int:
        return self.period_seconds * self.periods

    @property
    def needed(self) -> int:
        return self.periods if self.datapoints is None else self.datapoints

    @property
    def text(self) -> str:
        if self.needed == self.periods:
            return f"for {_duration(self.seconds)}"
        return f"in {self.needed} of {self.periods} times {_duration(self.period_seconds)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One alarm of CloudWatch.

    ``name`` tells it from the alert's others, and is empty where there are none. ``what`` is what
    is compared with ``threshold``, which is in ``unit``. ``expression`` is metric math over the
    ids of ``metrics``, empty where the one metric is compared itself. ``minimum_traffic`` says how
    many requests a period must have for the expression to be anything but 0.
    """

    name: str = ""
    what: str
    metrics: Mapping[str, Metric]
    expression: str = ""
    comparison: Comparison = Comparison.ABOVE
    threshold: float
    unit: str = ""
    window: Window
    missing: Missing
    minimum_traffic: int = 0

    @property
    def text(self) -> str:
        """Say when it fires: ``the gateway's P95 latency > 1000 ms for 10 min``."""
        sign = ">" if self.comparison is Comparison.ABOVE else "<"
        threshold = f"{self.threshold:g} {self.unit}".rstrip()
        least = f", from {self.minimum_traffic} requests on" if self.minimum_traffic else ""
        return f"{self.what} {sign} {threshold} {self.window.text}{least}; {_MISSING[self.missing]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of Prometheus: ``expr`` has to give something for ``seconds``."""

    expr: str
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """``summary``: who is hurt. Where ``rule`` is None, ``unseen`` says why Prometheus is blind."""

    name: str
    severity: Severity
    summary: str
    conditions: tuple[Condition, ...]
    join: Join = Join.ANY
    rule: Rule | None
    unseen: str = ""

    @property
    def runbook(self) -> str:
        return f"runbooks/alerts/{self.name}.md"

    def description(self, *conditions: Condition) -> str:
        """Tell whoever is woken: how urgent, who is hurt, when it fires, and where to read on."""
        when = " and ".join(condition.text for condition in conditions)
        return f"{self.severity}: {self.summary} Fires: {when}. Runbook: {self.runbook}"


def _duration(seconds: int) -> str:
    return f"{seconds // 3600} h" if seconds % 3600 == 0 else f"{seconds // 60} min"
