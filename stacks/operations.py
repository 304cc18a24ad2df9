"""What people and machines ask of a running Tillgate: reads, administration, health, upkeep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets

from stacks.constructs.function import Function
from stacks.constructs.layers import Layers
from stacks.constructs.object_store import Folder
from stacks.constructs.routes import Routes
from stacks.timing import SWEEP_SECONDS, WATCH_MARGIN_SECONDS, WATCH_SECONDS
from tillgate.settings.api import ApiSettings
from tillgate.settings.health import HealthSettings
from tillgate.settings.sweep import SweepSettings
from tillgate.settings.watch import WatchSettings

if TYPE_CHECKING:
    from aws_cdk.aws_secretsmanager import ISecret
    from constructs import Construct

    from stacks.data import DataStack
    from stacks.delivery import DeliveryStack
    from stacks.ingest import IngestStack
    from stacks.stages import StageConfig
    from tillgate.settings.function import FunctionSettings


class OperationsStack(Stack):
    """``api`` answers every route that no other function has, so that 404 and 405 are ours."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: StageConfig,
        data: DataStack,
        ingest: IngestStack,
        delivery: DeliveryStack,
    ) -> None:
        super().__init__(scope, construct_id, termination_protection=stage.termination_protection)
        self.add_stack_dependency(data)
        self.stage = stage
        self.data = data
        self.queues = delivery.queues
        self.layers = Layers(self, "Layers", config=stage.function)
        self.http_api = ingest.http_api.api
        self._add_api()
        self._add_health()
        self._add_sweep()
        self._add_watch()

    def _function(
        self,
        name: str,
        *,
        settings: FunctionSettings,
        reads: list[ISecret],
        timeout: Duration | None = None,
    ) -> Function:
        function = Function(
            self,
            name.capitalize(),
            name=name,
            settings=settings,
            config=self.stage.function,
            layers=self.layers,
            network=self.data.network,
            timeout=timeout,
        )
        for secret in reads:
            secret.grant_read(function.role)
        return function

    def _add_api(self) -> None:
        tenants, admin = self.data.role_secrets["api"], self.data.role_secrets["admin"]
        key_ring, operator = self.data.key_ring, self.data.operator
        api = self._function(
            "api",
            settings=ApiSettings(
                **self.stage.common_settings(),
                database_secret_arn=tenants.secret_arn,
                admin_database_secret_arn=admin.secret_arn,
                key_ring_secret_arn=key_ring.secret_arn,
                operator_secret_arn=operator.secret_arn,
                allow_private_destinations=int(self.stage.allow_private_destinations),
                event_retention_days=self.stage.limits.event_retention_days,
                tenant_events_per_second=self.stage.limits.tenant_events_per_second,
                tenant_burst=self.stage.limits.tenant_burst,
            ),
            reads=[tenants, admin, key_ring, operator],
        )
        Routes(self, "ApiRoutes", http_api=self.http_api, function=api.live, keys=["$default"])

    def _add_health(self) -> None:
        role, key_ring = self.data.role_secrets["health"], self.data.key_ring
        metrics = self.data.metrics
        queue = self.data.accept_queue.queue
        health = self._function(
            "health",
            settings=HealthSettings(
                **self.stage.common_settings(),
                database_secret_arn=role.secret_arn,
                key_ring_secret_arn=key_ring.secret_arn,
                metrics_secret_arn=metrics.secret_arn,
                accept_queue_url=queue.queue_url,
            ),
            reads=[role, key_ring, metrics],
        )
        queue.grant(health.role, "sqs:GetQueueAttributes")
        Routes(
            self,
            "HealthRoutes",
            http_api=self.http_api,
            function=health.live,
            keys=["GET /livez", "GET /startupz", "GET /metrics"],
        )

    def _add_sweep(self) -> None:
        role, key_ring = self.data.role_secrets["sweep"], self.data.key_ring
        objects = self.data.objects
        sweep = self._function(
            "sweep",
            settings=SweepSettings(
                **self.stage.common_settings(),
                database_secret_arn=role.secret_arn,
                key_ring_secret_arn=key_ring.secret_arn,
                objects_bucket=objects.bucket.bucket_name,
                delivery_queue_url=self.queues.delivery.queue_url,
                redrive_queue_url=self.queues.redrive.queue_url,
                sweep_seconds=SWEEP_SECONDS,
                event_retention_days=self.stage.limits.event_retention_days,
            ),
            reads=[role, key_ring],
            timeout=Duration.seconds(self.stage.sweep_timeout_seconds),
        )
        # Which to call for what shall not wait for the next minute.
        CfnOutput(self, "SweepFunctionArn", value=sweep.live.function_arn)
        objects.grant_put(sweep.role, Folder.REGISTRY)
        self.queues.delivery.grant(sweep.role, "sqs:SendMessage")
        self.queues.redrive.grant(sweep.role, "sqs:SendMessage")
        objects.grant_get(sweep.role, Folder.REGISTRY)
        # What failed is not tried again: the next minute comes anyway. What found the one place
        # taken is, whatever is said of retries: after a second, and then after twice as long
        # each time, until it is too old.
        # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
        sweep.live.configure_async_invoke(retry_attempts=0, max_event_age=Duration.minutes(1))
        events.Rule(
            self,
            "SweepEveryMinute",
            description="Queues what is due for delivery, keeps the registry snapshot no more"
            " than a minute old, and event partitions made ahead",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            targets=[targets.LambdaFunction(sweep.live, retry_attempts=0)],
        )

    def _add_watch(self) -> None:
        role, accept = self.data.role_secrets["watch"], self.data.accept_queue
        queues = {
            "accept": accept.queue,
            "accept_dead_letter": accept.dead_letters,
            "delivery": self.queues.delivery,
            "redrive": self.queues.redrive,
            "delivery_dead_letter": self.queues.dead_letters,
        }
        watch = self._function(
            "watch",
            settings=WatchSettings(
                **self.stage.common_settings(),
                database_secret_arn=role.secret_arn,
                watch_seconds=WATCH_SECONDS,
                **{f"{name}_queue_url": queue.queue_url for name, queue in queues.items()},
            ),
            reads=[role],
            timeout=Duration.seconds(WATCH_SECONDS + WATCH_MARGIN_SECONDS),
        )
        for queue in queues.values():
            queue.grant(watch.role, "sqs:GetQueueAttributes")
        # Which to call for what shall not wait for the next minute.
        CfnOutput(self, "WatchFunctionArn", value=watch.live.function_arn)
        # What failed is not tried again: the next minute comes anyway.
        watch.live.configure_async_invoke(retry_attempts=0, max_event_age=Duration.minutes(1))
        events.Rule(
            self,
            "WatchEveryMinute",
            description="Measures what nobody counts, and finds sources that fell quiet",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            targets=[targets.LambdaFunction(watch.live, retry_attempts=0)],
        )
