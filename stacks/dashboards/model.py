"""What stands on a dashboard: rendered by ``rendering``, pure data here.

A title is ``Subject: what is good``; runbooks name a panel by its subject. A threshold is never
written here: a panel names its alerts, whose own are drawn, or a bound of ``alerts.thresholds``
that no alert has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stacks.alerts import BY_NAME
from stacks.alerts.metrics import ours

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stacks.alerts.model import Alert, Condition, Metric
    from stacks.log_queries import LogQuery

# The columns of a dashboard.
COLUMNS = 24
MINUTE = 60
THIRTY_DAYS = 30 * 24 * 3600
# Those whose lines say what a request took.
REQUESTED = ("ingest", "api", "health")
PERCENTILES = ("p50", "p95", "p99")


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line: a metric, or ``expression`` over the ids of ``metrics``."""

    label: str
    metrics: Mapping[str, Metric]
    expression: str = ""
    period_seconds: int = MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A line for each value that ``by``, a dimension of ours besides the stage, has."""

    metric: str
    by: str
    statistic: str
    period_seconds: int = MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A graph. ``alerts`` are those whose thresholds are drawn, all their conditions'.

    ``bounds`` are drawn beside them: each a name and a value of ``left``.

    ``right`` has an axis of its own. ``is_number``: one number over ``over_seconds``.
    """

    title: str
    left: tuple[Series | Search, ...]
    right: tuple[Series | Search, ...] = ()
    left_unit: str = ""
    right_unit: str = ""
    alerts: tuple[str, ...] = ()
    bounds: tuple[tuple[str, float], ...] = ()
    width: int = 8
    height: int = 6
    over_seconds: int | None = None

    @property
    def subject(self) -> str:
        return self.title.partition(":")[0]

    @property
    def thresholds(self) -> tuple[tuple[Alert, Condition], ...]:
        """Give what is drawn: each condition of each alert, with the alert."""
        return tuple(
            (alert, condition)
            for alert in (BY_NAME[name] for name in self.alerts)
            for condition in alert.conditions
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPanel:
    """A saved query's answer over the time that is shown: each look reads those logs."""

    title: str
    query: LogQuery
    width: int = COLUMNS
    height: int = 8

    @property
    def subject(self) -> str:
        return self.title.partition(":")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Panels that belong together, under a heading; ``text`` is Markdown of a line or two.

    ``alerts`` are those whose runbooks it links.
    """

    heading: str
    text: str
    panels: tuple[Panel | LogPanel, ...] = ()
    alerts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """``by_tenant``: its tenants are chosen from, and stand in for the dimension's value."""

    name: str
    sections: tuple[Section, ...]
    by_tenant: bool = False

    @property
    def panels(self) -> tuple[Panel | LogPanel, ...]:
        return tuple(panel for section in self.sections for panel in section.panels)


def one(label: str, metric: Metric) -> Series:
    return Series(label=label, metrics={"metric": metric})


def percentiles(metric: str, labels: Mapping[str, str]) -> tuple[Series, ...]:
    """Draw a metric of ours by its percentiles."""
    return tuple(one(p.upper(), ours(metric, p, **labels)) for p in PERCENTILES)


def by_function(metric: str, statistic: str) -> tuple[Series, ...]:
    """Draw a metric of the request's line, of each function that has it."""
    return tuple(one(name, ours(metric, statistic, function=name)) for name in REQUESTED)


def share(label: str, part: Metric, whole: Metric, period_seconds: int = MINUTE) -> Series:
    """Draw ``part`` of ``whole``; a period with no part has no data point, and is 0."""
    return Series(
        label=label,
        metrics={"part": part, "whole": whole},
        expression="FILL(part, 0) / whole",
        period_seconds=period_seconds,
    )
