"""What there is to be watched in a deployment, by the names that alerts and dashboards use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.alerts.model import Place
from stacks.constructs.function import Function

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import Duration
    from aws_cdk.aws_logs import ILogGroup
    from aws_cdk.aws_sqs import IQueue

    from stacks.alerts.model import Metric
    from stacks.data import DataStack
    from stacks.delivery import DeliveryStack
    from stacks.ingest import IngestStack
    from stacks.operations import OperationsStack

# Of the lines that functions write (EMF).
NAMESPACE = "Tillgate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """``cluster`` identifies the Aurora cluster, where the database is the stack's own."""

    stage: str
    api_id: str
    api_stage: str
    access_logs: ILogGroup
    queues: Mapping[str, IQueue]
    functions: Mapping[str, Function]
    cluster: str | None

    @classmethod
    def of(
        cls,
        *,
        data: DataStack,
        ingest: IngestStack,
        delivery: DeliveryStack,
        operations: OperationsStack,
    ) -> Watched:
        """Find it all in the stacks: no function of ours is forgotten."""
        accept, onward = data.accept_queue, delivery.queues
        return cls(
            stage=data.stage.name,
            api_id=ingest.http_api.api.api_id,
            api_stage=ingest.http_api.stage.stage_name,
            access_logs=ingest.http_api.access_logs,
            queues={
                "accept": accept.queue,
                "accept-dead-letters": accept.dead_letters,
                "delivery": onward.delivery,
                "redrive": onward.redrive,
                "delivery-dead-letters": onward.dead_letters,
            },
            functions={
                found.name: found
                for stack in (data, ingest, delivery, operations)
                for found in stack.node.find_all()
                if isinstance(found, Function)
            },
            cluster=data.cluster_identifier,
        )

    def metric(
        self, of: Metric, period: Duration, *, label: str | None = None
    ) -> cloudwatch.Metric:
        """Give a metric its dimensions; raises KeyError for a queue or function that is not."""
        namespace, dimensions = self._where(of)
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=of.name,
            dimensions_map={**dimensions, **of.labels},
            statistic=of.statistic,
            period=period,
            label=label,
        )

    def _where(self, of: Metric) -> tuple[str, dict[str, str]]:
        match of.place:
            case Place.GATEWAY:
                return "AWS/ApiGateway", {"ApiId": self.api_id, "Stage": self.api_stage}
            case Place.QUEUE:
                return "AWS/SQS", {"QueueName": self.queues[of.of].queue_name}
            case Place.FUNCTION:
                # Of all its versions: whose alias points where is no matter to throttling.
                name = self.functions[of.of].function.function_name
                return "AWS/Lambda", {"FunctionName": name}
            case Place.CLUSTER:
                if self.cluster is None:
                    raise KeyError("The database is no cluster of the stack's own.")
                return "AWS/RDS", {"DBClusterIdentifier": self.cluster}
            case Place.OURS:
                return NAMESPACE, {"stage": self.stage}
