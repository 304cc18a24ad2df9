"""What a function may do, whatever it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Validations
from aws_cdk import aws_iam as iam

if TYPE_CHECKING:
    from aws_cdk.aws_logs import ILogGroup
    from constructs import Construct

    from stacks.constructs.network import Network


class ExecutionRole(iam.Role):
    """May write to its own log, be traced, and attach to the network; the stack grants the rest."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        log_group: ILogGroup,
        network: Network | None,
        tracing: bool,
    ) -> None:
        super().__init__(
            scope, construct_id, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")
        )
        log_group.grant_write(self)
        if network is not None:
            network.grant_attach(self)
        if tracing:
            # CDK grants it when the function asks to be traced.
            Validations.of(self).acknowledge(
                Acknowledgment(
                    id="AwsSolutions-IAM5[Resource::*]",
                    reason="X-Ray's PutTraceSegments and PutTelemetryRecords name no resource.",
                )
            )
