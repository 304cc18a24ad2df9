"""Boards as CloudWatch dashboards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.alerts.model import Severity
from stacks.dashboards.model import COLUMNS, LogPanel, Panel, Search
from stacks.log_queries import Lines
from stacks.watched import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import Construct

    from stacks.alerts.model import Alert, Condition
    from stacks.dashboards.model import Board, Section, Series
    from stacks.log_queries import LogQuery
    from stacks.watched import Watched

_COLOURS = {Severity.PAGE: cloudwatch.Color.RED, Severity.TICKET: cloudwatch.Color.ORANGE}
_HEADING_HEIGHT = 3


class Dashboards:
    """Makes dashboards of what is ``watched``; ``runbook_base_url`` is where runbooks are read."""

    def __init__(self, watched: Watched, *, runbook_base_url: str | None) -> None:
        self._watched = watched
        self._runbooks = runbook_base_url

    def add(
        self, scope: Construct, board: Board, *, alarms: Sequence[cloudwatch.IAlarm] = ()
    ) -> cloudwatch.Dashboard:
        """Add one to a stack; ``alarms`` are shown on top, as they stand."""
        rows: list[list[cloudwatch.IWidget]] = []
        if alarms:
            rows.append([_status(alarms)])
        for section in board.sections:
            rows.append([self._heading(section)])
            rows.append([self._widget(panel) for panel in section.panels])
        return cloudwatch.Dashboard(
            scope,
            board.name.capitalize(),
            # Whoever is woken looks for it by its name.
            dashboard_name=f"Tillgate-{self._watched.stage}-{board.name}",
            default_interval=Duration.hours(3),
            variables=[self._tenants()] if board.by_tenant else None,
            widgets=rows,
        )

    def _tenants(self) -> cloudwatch.DashboardVariable:
        """Offer the tenants of this stage that have sent anything; the first stands there."""
        search = (
            f'{{{NAMESPACE},stage,tenantId}} MetricName="requests" stage="{self._watched.stage}"'
        )
        return cloudwatch.DashboardVariable(
            id="tenant",
            label="Tenant",
            type=cloudwatch.VariableType.PROPERTY,
            value="tenantId",
            input_type=cloudwatch.VariableInputType.SELECT,
            values=cloudwatch.Values.from_search(search, "tenantId"),
            default_value=cloudwatch.DefaultValue.FIRST,
            visible=True,
        )

    def _heading(self, section: Section) -> cloudwatch.TextWidget:
        lines = [f"## {section.heading}", section.text]
        if section.alerts:
            lines.append("Runbooks: " + " · ".join(map(self._runbook, section.alerts)))
        return cloudwatch.TextWidget(
            markdown="\n\n".join(lines), width=COLUMNS, height=_HEADING_HEIGHT
        )

    def _runbook(self, alert: str) -> str:
        path = f"runbooks/alerts/{alert}.md"
        return f"[{alert}]({self._runbooks}/alerts/{alert}.md)" if self._runbooks else f"`{path}`"

    def _widget(self, panel: Panel | LogPanel) -> cloudwatch.IWidget:
        if isinstance(panel, LogPanel):
            return cloudwatch.LogQueryWidget(
                title=panel.title,
                width=panel.width,
                height=panel.height,
                view=cloudwatch.LogQueryVisualizationType.TABLE,
                log_group_names=self._log_groups(panel.query),
                query_string=panel.query.text,
            )
        left = [self._drawn(one, f"l{n}") for n, one in enumerate(panel.left)]
        right = [self._drawn(one, f"r{n}") for n, one in enumerate(panel.right)]
        if panel.over_seconds is not None:
            return cloudwatch.SingleValueWidget(
                title=panel.title,
                width=panel.width,
                height=panel.height,
                metrics=left,
                set_period_to_time_range=True,
                start=f"-PT{panel.over_seconds // 3600}H",
                end="P0D",
            )
        return cloudwatch.GraphWidget(
            title=panel.title,
            width=panel.width,
            height=panel.height,
            left=left,
            right=right,
            left_annotations=[
                *(_line(*threshold) for threshold in panel.thresholds),
                *(_bound(*bound) for bound in panel.bounds),
            ],
            left_y_axis=_axis(panel.left_unit),
            right_y_axis=_axis(panel.right_unit) if right else None,
        )

    def _log_groups(self, query: LogQuery) -> list[str]:
        if query.of is Lines.GATEWAY:
            return [self._watched.access_logs.log_group_name]
        return [one.log_group.log_group_name for one in self._watched.functions.values()]

    def _drawn(self, series: Series | Search, place: str) -> cloudwatch.IMetric:
        period = Duration.seconds(series.period_seconds)
        if isinstance(series, Search):
            found = (
                f'{{{NAMESPACE},stage,{series.by}}} MetricName="{series.metric}"'
                f' stage="{self._watched.stage}"'
            )
            return cloudwatch.MathExpression(
                expression=f"SEARCH('{found}', '{series.statistic}', {series.period_seconds})",
                label=f"${{PROP('Dim.{series.by}')}}",
                period=period,
            )
        metrics = {
            name: self._watched.metric(metric, period, label=series.label)
            for name, metric in series.metrics.items()
        }
        if not series.expression:
            (metric,) = metrics.values()
            return metric
        # An id is the whole widget's.
        expression = series.expression
        for name in metrics:
            expression = re.sub(rf"\b{name}\b", f"{name}_{place}", expression)
        return cloudwatch.MathExpression(
            expression=expression,
            using_metrics={f"{name}_{place}": metric for name, metric in metrics.items()},
            label=series.label,
            period=period,
        )


def _status(alarms: Sequence[cloudwatch.IAlarm]) -> cloudwatch.AlarmStatusWidget:
    return cloudwatch.AlarmStatusWidget(
        title="Alarms: none in alarm is good", alarms=list(alarms), width=COLUMNS, height=4
    )


def _line(alert: Alert, condition: Condition) -> cloudwatch.HorizontalAnnotation:
    return cloudwatch.HorizontalAnnotation(
        value=condition.threshold,
        label=" ".join(filter(None, (alert.name, condition.name))),
        color=_COLOURS[alert.severity],
    )


def _bound(label: str, value: float) -> cloudwatch.HorizontalAnnotation:
    return cloudwatch.HorizontalAnnotation(value=value, label=label, color=cloudwatch.Color.GREY)


def _axis(unit: str) -> cloudwatch.YAxisProps:
    return cloudwatch.YAxisProps(min=0, label=unit or None, show_units=False)
