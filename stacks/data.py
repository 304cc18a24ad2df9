"""What is kept: the database, its schema, the secrets, and what waits to be stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam

from stacks.constructs.accept_queue import AcceptQueue
from stacks.constructs.database import AuroraDatabase, ExternalDatabase
from stacks.constructs.encryption import StageKey
from stacks.constructs.function import Function
from stacks.constructs.layers import Layers
from stacks.constructs.migration import Migration
from stacks.constructs.network import Network
from stacks.constructs.object_store import ObjectStore
from stacks.constructs.rotation import Rotation
from stacks.constructs.secrets import GeneratedSecret
from stacks.stages import DatabaseKind
from stacks.timing import ROTATE_MARGIN_SECONDS, ROTATE_SECONDS
from tillgate import __version__
from tillgate.settings.migrate import MigrateSettings
from tillgate.settings.rotate import RotateSettings

if TYPE_CHECKING:
    from aws_cdk.aws_secretsmanager import ISecret
    from constructs import Construct

    from stacks.stages import StageConfig

# The database roles that functions run under; migrate makes each, and its password.
ROLES = ("ingest", "api", "admin", "health", "sweep", "accept", "deliver", "watch", "rotate")

# What a rotation does to a secret, beside reading and writing it.
ROTATES = ("secretsmanager:DescribeSecret", "secretsmanager:UpdateSecretVersionStage")


class DataStack(Stack):
    """Everything that outlives a deploy, and the migration that every deploy begins with."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: StageConfig) -> None:
        super().__init__(scope, construct_id, termination_protection=stage.termination_protection)
        self.stage = stage
        self.key = self._stage_key()
        self.network: Network | None = None
        self.cluster_identifier: str | None = None
        self.layers = Layers(self, "Layers", config=stage.function)
        database_secret = self._add_database()
        self.role_secrets: dict[str, ISecret] = {role: self._role_secret(role) for role in ROLES}
        self.key_ring = self._key_ring()
        self.operator = self._operator()
        self.metrics = self._metrics()
        self.accept_queue = AcceptQueue(
            self,
            "AcceptQueue",
            function_timeout=Duration.seconds(stage.accept_timeout_seconds),
            removal_policy=stage.removal_policy,
            key=self.key,
        )
        self.objects = ObjectStore(
            self, "Objects", removal_policy=stage.removal_policy, key=self.key
        )
        migration = self._add_migration(database_secret)
        self._add_rotation(migration)
        self._put_out()

    def _stage_key(self) -> StageKey | None:
        stage = self.stage
        if not stage.customer_key:
            return None
        return StageKey(self, "Key", stage=stage.name, removal_policy=stage.removal_policy)

    def _put_out(self) -> None:
        queue, dead_letters = self.accept_queue.queue, self.accept_queue.dead_letters
        CfnOutput(self, "AcceptQueueUrl", value=queue.queue_url)
        CfnOutput(self, "AcceptDeadLetterQueueUrl", value=dead_letters.queue_url)
        CfnOutput(self, "ObjectsBucketName", value=self.objects.bucket.bucket_name)
        CfnOutput(self, "KeyRingSecretArn", value=self.key_ring.secret_arn)
        CfnOutput(self, "OperatorSecretArn", value=self.operator.secret_arn)
        CfnOutput(self, "MetricsSecretArn", value=self.metrics.secret_arn)

    def _add_database(self) -> ISecret:
        config = self.stage.database
        if config.kind is DatabaseKind.EXTERNAL:
            return ExternalDatabase(self, "Database", config=config).secret
        self.network = Network(
            self, "Network", flow_log_retention=self.stage.function.log_retention
        )
        aurora = AuroraDatabase(self, "Database", config=config, network=self.network, key=self.key)
        self.cluster_identifier = aurora.cluster_identifier
        return aurora.secret

    def _role_secret(self, role: str) -> ISecret:
        return GeneratedSecret(
            self,
            f"{role.capitalize()}Role",
            description=f"Tillgate: the database role {role}, and its URL once migrated",
            fixed={"username": f"tillgate_{role}"},
            field="password",
            length=48,
            removal_policy=self.stage.removal_policy,
            key=self.key,
            unrotated_because="migrate sets the role's password in the database as well;"
            " Secrets Manager alone would lock the function out.",
        ).secret

    def _key_ring(self) -> ISecret:
        return GeneratedSecret(
            self,
            "KeyRing",
            description="Tillgate: the keys that seal provider secrets, by key id",
            fixed={},
            field="k1",
            length=64,
            removal_policy=self.stage.removal_policy,
            key=self.key,
            unrotated_because=self._unrotated(),
        ).secret

    def _operator(self) -> ISecret:
        return GeneratedSecret(
            self,
            "Operator",
            description="Tillgate: the operator's token for /admin",
            fixed={},
            field="token",
            length=48,
            removal_policy=self.stage.removal_policy,
            key=self.key,
            unrotated_because=self._unrotated(),
        ).secret

    def _metrics(self) -> ISecret:
        return GeneratedSecret(
            self,
            "Metrics",
            description="Tillgate: the token that /metrics is scraped with",
            fixed={},
            field="token",
            length=48,
            removal_policy=self.stage.removal_policy,
            key=self.key,
            unrotated_because=self._unrotated(),
        ).secret

    def _unrotated(self) -> str | None:
        """Say why the stage rotates none of its own secrets; None where it does."""
        return None if self.stage.rotates_secrets else "The emulator knows no rotation schedules."

    def _add_migration(self, database_secret: ISecret) -> Migration:
        stage = self.stage
        timeout = Duration.seconds(stage.database.migrate_timeout_seconds)
        migrate = Function(
            self,
            "Migrate",
            name="migrate",
            settings=MigrateSettings(
                **stage.common_settings(),
                database_secret_arn=database_secret.secret_arn,
                **{f"{role}_secret_arn": self.role_secrets[role].secret_arn for role in ROLES},
            ),
            config=stage.function,
            layers=self.layers,
            network=self.network,
            timeout=timeout,
        )
        # CloudFormation calls it asynchronously. A second try, by Lambda, would migrate for a
        # deploy that CloudFormation has given up and rolled back.
        migrate.live.configure_async_invoke(retry_attempts=0)
        database_secret.grant_read(migrate.role)
        for secret in self.role_secrets.values():
            secret.grant_read(migrate.role)
            secret.grant_write(migrate.role)
        migration = Migration(
            self,
            "Migration",
            function=migrate.live,
            timeout=timeout,
            version=__version__,
            roles=[secret.secret_arn for secret in self.role_secrets.values()],
            database_identity=stage.database.identity,
        )
        # Not before the database answers, the way to it is open, and the role may read.
        migration.node.add_dependency(self.node.find_child("Database"), migrate)
        if self.network is not None:
            migration.node.add_dependency(self.network)
        return migration

    def _add_rotation(self, migration: Migration) -> None:
        stage, role = self.stage, self.role_secrets["rotate"]
        rotated = {"KeyRing": self.key_ring, "Operator": self.operator, "Metrics": self.metrics}
        rotate = Function(
            self,
            "Rotate",
            name="rotate",
            settings=RotateSettings(
                **stage.common_settings(),
                database_secret_arn=role.secret_arn,
                key_ring_secret_arn=self.key_ring.secret_arn,
                operator_secret_arn=self.operator.secret_arn,
                metrics_secret_arn=self.metrics.secret_arn,
                rotate_seconds=ROTATE_SECONDS,
            ),
            config=stage.function,
            layers=self.layers,
            network=self.network,
            timeout=Duration.seconds(ROTATE_SECONDS + ROTATE_MARGIN_SECONDS),
        )
        for secret in (role, *rotated.values()):
            secret.grant_read(rotate.role)
        for secret in rotated.values():
            secret.grant_write(rotate.role)
        rotate.role.add_to_policy(
            iam.PolicyStatement(
                actions=list(ROTATES), resources=[s.secret_arn for s in rotated.values()]
            )
        )
        # Which to call for what shall not wait for the next day.
        CfnOutput(self, "RotateFunctionArn", value=rotate.live.function_arn)
        daily = events.Rule(
            self,
            "RotateEveryDay",
            description="Notes how old the platform's secrets are, and seals anew what older keys"
            " sealed",
            schedule=events.Schedule.rate(Duration.days(1)),
            targets=[targets.LambdaFunction(rotate.live, retry_attempts=2)],
        )
        # Its role is the migration's to make.
        rotate.node.add_dependency(migration)
        daily.node.add_dependency(migration)
        if stage.rotates_secrets:
            Rotation(self, "Rotation", function=rotate.live, secrets=rotated)
