"""One Lambda function, as all of ours are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.assets import ROOT
from stacks.constructs.execution_role import ExecutionRole

if TYPE_CHECKING:
    from stacks.constructs.layers import Layers
    from stacks.constructs.network import Network
    from stacks.stages import FunctionConfig
    from tillgate.settings.function import FunctionSettings

# What a function may use beyond its own deadline: to start, and to say that it was late.
MARGIN_SECONDS = 3
# One that a rollback left refuses the retry: "A version for this Lambda function exists".
VERSION_REMOVAL = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
ACKNOWLEDGED = (
    Acknowledgment(
        id="AwsSolutions-L1",
        reason="python3.13 is supported to mid 2029; the layers are built for it.",
    ),
    Acknowledgment(
        id="Annotation::@aws-cdk/aws-lambda:snapStartRequirePublish",
        reason="Every deploy publishes a version, and only its alias is called.",
    ),
)


class Function(Construct):
    """The handler in ``functions/<name>``, its role, its log, and its ``live`` alias.

    Every deploy of other code or other settings publishes a version, and old
    ones are retained: a rollback moves the alias back to one of them.
    ``reaches_out`` lets it out of the network, where it is in one.
    Of the functions that ``config`` reserves for, so many may run at once, and no more.
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
        reaches_out: bool = False,
        timeout: Duration | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        self.log_group = log_group = logs.LogGroup(
            self, "Logs", retention=config.log_retention, removal_policy=RemovalPolicy.DESTROY
        )
        self.role = ExecutionRole(
            self, "Role", log_group=log_group, network=network, tracing=config.tracing
        )
        place = network.place(reaches_out=reaches_out) if network else None
        self.function = function = lambda_.Function(
            self,
            "Function",
            code=_code(name),
            handler="handler.handler",
            runtime=config.runtime,
            architecture=config.architecture,
            layers=layers.versions,
            memory_size=config.memory_mb,
            timeout=timeout or _within(settings),
            reserved_concurrent_executions=config.reserved.get(name),
            environment=settings.to_env(),
            role=self.role,
            log_group=log_group,
            tracing=lambda_.Tracing.ACTIVE if config.tracing else lambda_.Tracing.DISABLED,
            snap_start=_snap_start(name, config),
            vpc=network.vpc if network else None,
            vpc_subnets=place.subnets if place else None,
            security_groups=[place.security_group] if place else None,
            current_version_options=lambda_.VersionOptions(removal_policy=VERSION_REMOVAL),
        )
        Validations.of(function).acknowledge(*ACKNOWLEDGED)
        self.live = lambda_.Alias(self, "Live", alias_name="live", version=function.current_version)


def _code(name: str) -> lambda_.Code:
    folder = str(ROOT / "functions" / name)
    return lambda_.Code.from_asset(folder, exclude=["__pycache__", "*.pyc"])


def _snap_start(name: str, config: FunctionConfig) -> lambda_.SnapStartConf | None:
    return lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if name in config.snap_start else None


def _within(settings: FunctionSettings) -> Duration:
    """Give whole seconds in which a request can reach its deadline and still be answered."""
    return Duration.seconds(math.ceil(settings.request_timeout_ms / 1000) + MARGIN_SECONDS)
