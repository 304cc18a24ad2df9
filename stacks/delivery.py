"""The way onward: the queues of what is due, and the functions that reach destinations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk.aws_lambda_event_sources import SqsEventSource

from stacks.concurrency import REDRIVE_CONCURRENCY
from stacks.constructs.delivery_queues import DeliveryQueues
from stacks.constructs.function import Function
from stacks.constructs.layers import Layers
from stacks.constructs.routes import Routes
from stacks.timing import DELIVER_BATCH_SECONDS
from tillgate.settings.deliver import DeliverSettings
from tillgate.settings.probe import ProbeSettings

if TYPE_CHECKING:
    from aws_cdk.aws_sqs import IQueue
    from constructs import Construct

    from stacks.data import DataStack
    from stacks.ingest import IngestStack
    from stacks.stages import StageConfig


class DeliveryStack(Stack):
    """Sweep, in the operations stack, feeds ``queues``; an event reaches its destination here."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: StageConfig,
        data: DataStack,
        ingest: IngestStack,
    ) -> None:
        super().__init__(scope, construct_id, termination_protection=stage.termination_protection)
        self.add_stack_dependency(data)
        self.stage = stage
        self.data = data
        self.layers = Layers(self, "Layers", config=stage.function)
        self.timeout = Duration.seconds(stage.deliver_timeout_seconds)
        self.queues = DeliveryQueues(self, "Queues", function_timeout=self.timeout, key=data.key)
        deliver = self._deliver()
        self._feed(deliver, self.queues.delivery, max_concurrency=stage.deliver_concurrency)
        self._feed(deliver, self.queues.redrive, max_concurrency=REDRIVE_CONCURRENCY)
        self._add_probe(ingest)
        CfnOutput(self, "DeliveryQueueUrl", value=self.queues.delivery.queue_url)
        CfnOutput(self, "RedriveQueueUrl", value=self.queues.redrive.queue_url)
        CfnOutput(self, "DeliveryDeadLetterQueueUrl", value=self.queues.dead_letters.queue_url)

    def _deliver(self) -> Function:
        stage, data, queues = self.stage, self.data, self.queues
        deliver = Function(
            self,
            "Deliver",
            name="deliver",
            settings=DeliverSettings(
                **stage.common_settings(),
                database_secret_arn=data.role_secrets["deliver"].secret_arn,
                key_ring_secret_arn=data.key_ring.secret_arn,
                delivery_queue_url=queues.delivery.queue_url,
                redrive_queue_url=queues.redrive.queue_url,
                dead_letter_queue_url=queues.dead_letters.queue_url,
                allow_private_destinations=int(stage.allow_private_destinations),
                batch_seconds=DELIVER_BATCH_SECONDS,
            ),
            config=stage.function,
            layers=self.layers,
            network=data.network,
            reaches_out=True,
            timeout=self.timeout,
        )
        data.role_secrets["deliver"].grant_read(deliver.role)
        data.key_ring.grant_read(deliver.role)
        queues.dead_letters.grant(deliver.role, "sqs:SendMessage")
        return deliver

    def _add_probe(self, ingest: IngestStack) -> None:
        """Let the operator reach a destination by the same way that deliver takes."""
        stage, data = self.stage, self.data
        probe = Function(
            self,
            "Probe",
            name="probe",
            settings=ProbeSettings(
                **stage.common_settings(),
                database_secret_arn=data.role_secrets["deliver"].secret_arn,
                key_ring_secret_arn=data.key_ring.secret_arn,
                operator_secret_arn=data.operator.secret_arn,
                allow_private_destinations=int(stage.allow_private_destinations),
            ),
            config=stage.function,
            layers=self.layers,
            network=data.network,
            reaches_out=True,
        )
        for secret in (data.role_secrets["deliver"], data.key_ring, data.operator):
            secret.grant_read(probe.role)
        Routes(
            self,
            "ProbeRoutes",
            http_api=ingest.http_api.api,
            function=probe.live,
            keys=[
                "POST /admin/api/tenants/{tenant_id}/destination/test",
                "DELETE /admin/api/tenants/{tenant_id}/synthetic-events/{event_id}",
            ],
        )

    @staticmethod
    def _feed(deliver: Function, queue: IQueue, *, max_concurrency: int) -> None:
        """Grant all that taking messages off the queue, or leaving them for later, needs."""
        deliver.live.add_event_source(
            SqsEventSource(
                queue,
                # A message is up to a hundred events of one tenant: none waits behind another's,
                # whose destination may take its time.
                batch_size=1,
                report_batch_item_failures=True,
                max_concurrency=max_concurrency,
            )
        )
