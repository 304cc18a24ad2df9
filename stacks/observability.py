"""What tells people that something is wrong: an alarm for every alert, and where it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions

from stacks.alerts import ALERTS
from stacks.alerts.model import Place
from stacks.constructs.alarm_topic import AlarmTopic
from stacks.constructs.alert_alarms import AlertAlarms, construct_name
from stacks.constructs.function import Function

if TYPE_CHECKING:
    from aws_cdk import Duration
    from aws_cdk.aws_sqs import IQueue
    from constructs import Construct

    from stacks.alerts.model import Metric
    from stacks.data import DataStack
    from stacks.delivery import DeliveryStack
    from stacks.ingest import IngestStack
    from stacks.operations import OperationsStack
    from stacks.stages import StageConfig

# Of the lines that functions write (EMF).
NAMESPACE = "Tillgate"


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
        self._stage_name = stage.name
        self._http_api = ingest.http_api
        self._queues: dict[str, IQueue] = {
            "accept": data.accept_queue.queue,
            "accept-dead-letters": data.accept_queue.dead_letters,
            "delivery": delivery.queues.delivery,
            "delivery-dead-letters": delivery.queues.dead_letters,
        }
        self._functions = _functions_of(ingest, delivery, operations)
        alarms = AlarmTopic(
            self, "Alarms", email=stage.alarm_email, removal_policy=stage.removal_policy
        )
        for alert in ALERTS:
            AlertAlarms(
                self,
                construct_name(alert.name),
                alert=alert,
                metric_of=self._metric,
                action=actions.SnsAction(alarms.topic),
            )
        CfnOutput(self, "AlarmTopicArn", value=alarms.topic.topic_arn)

    def _metric(self, metric: Metric, period: Duration) -> cloudwatch.Metric:
        namespace, dimensions = self._where(metric)
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=metric.name,
            dimensions_map={**dimensions, **metric.labels},
            statistic=metric.statistic,
            period=period,
        )

    def _where(self, metric: Metric) -> tuple[str, dict[str, str]]:
        match metric.place:
            case Place.GATEWAY:
                stage = self._http_api.stage.stage_name
                return "AWS/ApiGateway", {"ApiId": self._http_api.api.api_id, "Stage": stage}
            case Place.QUEUE:
                return "AWS/SQS", {"QueueName": self._queues[metric.of].queue_name}
            case Place.FUNCTION:
                # Of all its versions: whose alias points where is no matter to throttling.
                name = self._functions[metric.of].live.lambda_.function_name
                return "AWS/Lambda", {"FunctionName": name}
            case Place.OURS:
                return NAMESPACE, {"stage": self._stage_name}


def _functions_of(*stacks: Stack) -> dict[str, Function]:
    """Give the stacks' functions by what ``functions/`` calls them."""
    return {
        child.node.id.lower(): child
        for stack in stacks
        for child in stack.node.children
        if isinstance(child, Function)
    }
