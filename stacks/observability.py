"""What tells people that something is wrong, and what it is: alarms, dashboards, saved queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_cloudwatch_actions as actions

from stacks.alerts import ALERTS
from stacks.constructs.alarm_topics import AlarmTopics
from stacks.constructs.alert_alarms import AlertAlarms, construct_name
from stacks.constructs.log_subscription import LogSubscription
from stacks.dashboards.platform import platform_board
from stacks.dashboards.rendering import Dashboards
from stacks.dashboards.tenant import tenant_board
from stacks.log_queries import save_log_queries
from stacks.log_sink import log_sink
from stacks.watched import Watched

if TYPE_CHECKING:
    from aws_cdk import aws_cloudwatch as cloudwatch
    from constructs import Construct

    from stacks.data import DataStack
    from stacks.delivery import DeliveryStack
    from stacks.ingest import IngestStack
    from stacks.operations import OperationsStack
    from stacks.stages import StageConfig


class ObservabilityStack(Stack):
    """Not in a stage whose CloudWatch knows neither composite alarms nor metric math.

    It takes names of the other stacks' resources and gives none, so it goes first when the
    stage is torn down.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: StageConfig,
        data: DataStack,
        ingest: IngestStack,
        delivery: DeliveryStack,
        operations: OperationsStack,
    ) -> None:
        super().__init__(scope, construct_id, termination_protection=stage.termination_protection)
        watched = Watched.of(data=data, ingest=ingest, delivery=delivery, operations=operations)
        told = self._add_alarms(watched, stage)
        self._add_dashboards(watched, stage, alarms=told)
        self._add_logs(watched, stage)

    def _add_alarms(self, watched: Watched, stage: StageConfig) -> list[cloudwatch.AlarmBase]:
        """Make every alert's; give those that tell somebody."""
        topics = AlarmTopics(
            self, "Alarms", email=stage.alarm_email, removal_policy=stage.removal_policy
        )
        told: list[cloudwatch.AlarmBase] = []
        for alert in ALERTS:
            made = AlertAlarms(
                self,
                construct_name(alert.name),
                alert=alert,
                prefix=f"Tillgate-{stage.name}",
                metric_of=watched.metric,
                actions=[actions.SnsAction(topic) for topic in topics.of(alert.severity)],
            )
            told += made.acting
        CfnOutput(self, "AlarmTopicArn", value=topics.everything.topic_arn)
        CfnOutput(self, "PageTopicArn", value=topics.pages.topic_arn)
        return told

    def _add_dashboards(
        self, watched: Watched, stage: StageConfig, *, alarms: list[cloudwatch.AlarmBase]
    ) -> None:
        dashboards = Dashboards(watched, runbook_base_url=stage.runbook_base_url)
        has_cluster = watched.cluster is not None
        dashboards.add(self, platform_board(has_cluster=has_cluster), alarms=alarms)
        dashboards.add(self, tenant_board(per_tenant_metrics=stage.per_tenant_metrics))

    def _add_logs(self, watched: Watched, stage: StageConfig) -> None:
        functions = {name: one.log_group for name, one in watched.functions.items()}
        save_log_queries(
            self,
            folder=f"Tillgate/{stage.name}",
            functions=list(functions.values()),
            gateway=watched.access_logs,
        )
        if stage.log_sink_arn:
            LogSubscription(
                self,
                "LogSink",
                sink=log_sink(stage.log_sink_arn, stage=stage.name),
                log_groups={**functions, "gateway": watched.access_logs},
            )
