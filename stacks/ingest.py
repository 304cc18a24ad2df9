"""The way in: the gateway and the function that accepts events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnOutput, Stack

from stacks.constructs.function import Function
from stacks.constructs.http_api import HttpApi
from stacks.constructs.layers import Layers
from stacks.constructs.routes import Routes
from tillgate.settings import IngestSettings

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
        ingest = Function(
            self,
            "Ingest",
            name="ingest",
            settings=IngestSettings(
                **stage.common_settings(),
                database_secret_arn=data.role_secrets["ingest"].secret_arn,
                key_ring_secret_arn=data.key_ring.secret_arn,
                max_body_bytes=stage.limits.max_body_bytes,
            ),
            config=stage.function,
            layers=Layers(self, "Layers", config=stage.function),
            network=data.network,
        )
        data.role_secrets["ingest"].grant_read(ingest.role)
        data.key_ring.grant_read(ingest.role)
        self.http_api = HttpApi(self, "HttpApi", config=stage.http)
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
        CfnOutput(self, "ApiUrl", value=self.http_api.url)
        if self.http_api.domain_target:
            CfnOutput(self, "DomainTarget", value=self.http_api.domain_target)
