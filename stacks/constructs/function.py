"""One Lambda function, as all of ours are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.assets import ROOT

if TYPE_CHECKING:
    from stacks.constructs.layers import Layers
    from stacks.constructs.network import Network
    from stacks.stages import FunctionConfig
    from tillgate.settings import FunctionSettings

# What a function may use beyond its own deadline: to start, and to say that it was late.
MARGIN_SECONDS = 3
LIVE = "live"


class Function(Construct):
    """The handler in ``functions/<name>``, its role, its log, and its ``live`` alias.

    Every deploy of other code or other settings publishes a version, and old
    ones are retained: a rollback moves the alias back to one of them.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        settings: FunctionSettings,
        config: FunctionConfig,
        layers: Layers,
        network: Network | None,
        timeout: Duration | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = logs.LogGroup(
            self, "Logs", retention=config.log_retention, removal_policy=RemovalPolicy.DESTROY
        )
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        if network is not None:
            network.grant_attach(role)
        function = lambda_.Function(
            self,
            "Function",
            code=lambda_.Code.from_asset(
                str(ROOT / "functions" / name), exclude=["__pycache__", "*.pyc"]
            ),
            handler="handler.handler",
            runtime=config.runtime,
            architecture=config.architecture,
            layers=layers.versions,
            memory_size=config.memory_mb,
            timeout=timeout or _within(settings),
            environment=settings.to_env(),
            role=role,
            log_group=log_group,
            tracing=lambda_.Tracing.ACTIVE if config.tracing else lambda_.Tracing.DISABLED,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if config.snap_start else None,
            reserved_concurrent_executions=config.reserved_concurrency.get(name),
            vpc=network.vpc if network else None,
            vpc_subnets=network.function_subnets if network else None,
            security_groups=[network.function_security_group] if network else None,
            current_version_options=lambda_.VersionOptions(removal_policy=RemovalPolicy.RETAIN),
        )
        self.role = role
        self.live = lambda_.Alias(self, "Live", alias_name=LIVE, version=function.current_version)
        _acknowledge(function, role, tracing=config.tracing)


def _within(settings: FunctionSettings) -> Duration:
    """Give whole seconds in which a request can reach its deadline and still be answered."""
    return Duration.seconds(math.ceil(settings.request_timeout_ms / 1000) + MARGIN_SECONDS)


def _acknowledge(function: lambda_.Function, role: iam.Role, *, tracing: bool) -> None:
    """Say why each rule that these break is broken."""
    if tracing:
        Validations.of(role).acknowledge(
            Acknowledgment(
                id="AwsSolutions-IAM5[Resource::*]",
                reason="X-Ray's PutTraceSegments and PutTelemetryRecords name no resource.",
            )
        )
    Validations.of(function).acknowledge(
        Acknowledgment(
            id="AwsSolutions-L1",
            reason="python3.13 is supported to mid 2029; the layers are built for it.",
        ),
        Acknowledgment(
            id="Annotation::@aws-cdk/aws-lambda:snapStartRequirePublish",
            reason="Every deploy publishes a version, and only its alias is called.",
        ),
    )
