"""One alert as CloudWatch has it: an alarm for each condition, or one over all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.alerts.model import Comparison, Join, Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aws_cdk.aws_cloudwatch import IAlarmAction

    from stacks.alerts.model import Alert, Condition, Metric

    MetricOf = Callable[[Metric, Duration], cloudwatch.Metric]

_OPERATORS = {
    Comparison.ABOVE: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
    Comparison.BELOW: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
}
_MISSING = {
    Missing.BREACHES: cloudwatch.TreatMissingData.BREACHING,
    Missing.IS_FINE: cloudwatch.TreatMissingData.NOT_BREACHING,
    Missing.CHANGES_NOTHING: cloudwatch.TreatMissingData.IGNORE,
}


class AlertAlarms(Construct):
    """``actions`` are taken when the alert begins, and when it is over.

    ``metric_of`` gives the stage's metric for one of the alert's, over a period. ``prefix`` goes
    before the alert's name, which the alarm has, so that whoever is woken finds the runbook by it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        alert: Alert,
        prefix: str,
        metric_of: MetricOf,
        actions: Sequence[IAlarmAction],
    ) -> None:
        super().__init__(scope, construct_id)
        self._alert = alert
        self._name = f"{prefix}-{alert.name}"
        self._metric_of = metric_of
        alarms = [self._alarm(condition) for condition in alert.conditions]
        # Those that tell somebody.
        self.acting: list[cloudwatch.AlarmBase] = list(alarms)
        if alert.join is Join.ALL:
            self.acting = [
                cloudwatch.CompositeAlarm(
                    self,
                    "All",
                    composite_alarm_name=self._name,
                    alarm_rule=cloudwatch.AlarmRule.all_of(*alarms),
                    alarm_description=alert.description(*alert.conditions),
                )
            ]
        for alarm in self.acting:
            alarm.add_alarm_action(*actions)
            alarm.add_ok_action(*actions)

    def _alarm(self, condition: Condition) -> cloudwatch.Alarm:
        alone = self._alert.join is Join.ANY
        text = self._alert.description(condition)
        return cloudwatch.Alarm(
            self,
            construct_name(condition.name) or "Alarm",
            alarm_name=f"{self._name}-{condition.name}" if condition.name else self._name,
            alarm_description=text if alone else f"Tells nobody by itself. {text}",
            metric=self._value(condition),
            threshold=condition.threshold,
            comparison_operator=_OPERATORS[condition.comparison],
            evaluation_periods=condition.window.periods,
            datapoints_to_alarm=condition.window.needed,
            treat_missing_data=_MISSING[condition.missing],
        )

    def _value(self, condition: Condition) -> cloudwatch.IMetric:
        period = Duration.seconds(condition.window.period_seconds)
        metrics = {key: self._metric_of(m, period) for key, m in condition.metrics.items()}
        if condition.expression:
            return cloudwatch.MathExpression(
                expression=condition.expression,
                using_metrics=metrics,
                period=period,
                label=condition.what,
            )
        [metric] = metrics.values()
        return metric


def construct_name(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))
