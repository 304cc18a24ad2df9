"""The way in: the gateway, the function that takes events, and the one that catches up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk.aws_lambda_event_sources import SqsEventSource

from stacks.constructs.function import Function
from stacks.constructs.http_api import HttpApi
from stacks.constructs.layers import Layers
from stacks.constructs.object_store import Folder
from stacks.constructs.routes import Routes
from stacks.timing import ACCEPT_BATCH_SECONDS
from tillgate.settings.accept import AcceptSettings
from tillgate.settings.ingest import IngestSettings

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.data import DataStack
    from stacks.stages import StageConfig


class IngestStack(Stack):
    """Senders come in here; other stacks add their routes to ``http_api``."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: StageConfig, data: DataStack
    ) -> None:
        super().__init__(scope, construct_id, termination_protection=stage.termination_protection)
        # The whole data stack first: no code runs before its schema is there.
        self.add_stack_dependency(data)
        self.stage = stage
        self.data = data
        self.layers = Layers(self, "Layers", config=stage.function)
        self.http_api = HttpApi(self, "HttpApi", config=stage.http)
        self._add_ingest()
        self._add_accept()
        CfnOutput(self, "ApiUrl", value=self.http_api.url)
        if self.http_api.domain_target:
            CfnOutput(self, "DomainTarget", value=self.http_api.domain_target)

    def _add_ingest(self) -> None:
        stage, data = self.stage, self.data
        ingest = Function(
            self,
            "Ingest",
            name="ingest",
            settings=IngestSettings(
                **stage.common_settings(),
                database_secret_arn=data.role_secrets["ingest"].secret_arn,
                key_ring_secret_arn=data.key_ring.secret_arn,
                accept_queue_url=data.accept_queue.queue.queue_url,
                objects_bucket=data.objects.bucket.bucket_name,
                max_body_bytes=stage.limits.max_body_bytes,
                tenant_events_per_second=stage.limits.tenant_events_per_second,
                tenant_burst=stage.limits.tenant_burst,
            ),
            config=stage.function,
            layers=self.layers,
            network=data.network,
        )
        data.role_secrets["ingest"].grant_read(ingest.role)
        data.key_ring.grant_read(ingest.role)
        data.accept_queue.queue.grant(ingest.role, "sqs:SendMessage")
        data.objects.grant_put(ingest.role, Folder.CLAIMS)
        data.objects.grant_get(ingest.role, Folder.REGISTRY)
        Routes(
            self,
            "Routes",
            http_api=self.http_api.api,
            function=ingest.live,
            keys=[
                "POST /v1/events",
                "POST /v1/events/batch",
                "POST /v1/hooks/{provider}/{endpoint_id}",
            ],
        )

    def _add_accept(self) -> None:
        stage, data = self.stage, self.data
        queue, dead_letters = data.accept_queue.queue, data.accept_queue.dead_letters
        accept = Function(
            self,
            "Accept",
            name="accept",
            settings=AcceptSettings(
                **stage.common_settings(),
                database_secret_arn=data.role_secrets["accept"].secret_arn,
                key_ring_secret_arn=data.key_ring.secret_arn,
                accept_queue_url=queue.queue_url,
                dead_letter_queue_url=dead_letters.queue_url,
                objects_bucket=data.objects.bucket.bucket_name,
                batch_seconds=ACCEPT_BATCH_SECONDS,
            ),
            config=stage.function,
            layers=self.layers,
            network=data.network,
            timeout=Duration.seconds(stage.accept_timeout_seconds),
        )
        data.role_secrets["accept"].grant_read(accept.role)
        data.key_ring.grant_read(accept.role)
        dead_letters.grant(accept.role, "sqs:SendMessage")
        data.objects.grant_get(accept.role, Folder.CLAIMS)
        # Grants all that taking messages off the queue, or leaving them for later, needs.
        accept.live.add_event_source(
            SqsEventSource(
                queue,
                batch_size=10,
                report_batch_item_failures=True,
                max_concurrency=stage.accept_concurrency,
            )
        )
