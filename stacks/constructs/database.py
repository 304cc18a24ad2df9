"""Postgres, and the secret that says where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Duration, Validations
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

if TYPE_CHECKING:
    from aws_cdk.aws_kms import IKey

    from stacks.constructs.network import Network
    from stacks.stages import DatabaseConfig

DATABASE_NAME = "tillgate"
OWNER = "tillgate_deployer"


class ExternalDatabase(Construct):
    """A Postgres that the operator has; its owner's URL is in a secret of theirs."""

    def __init__(self, scope: Construct, construct_id: str, *, config: DatabaseConfig) -> None:
        super().__init__(scope, construct_id)
        self.secret = secretsmanager.Secret.from_secret_name_v2(
            self, "Secret", config.external_url_name
        )


class AuroraDatabase(Construct):
    """Aurora Serverless v2 that never sleeps: waking takes longer than any sender waits."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: DatabaseConfig,
        network: Network,
        key: IKey | None,
    ) -> None:
        super().__init__(scope, construct_id)
        cluster = rds.DatabaseCluster(
            self,
            "Cluster",
            engine=rds.DatabaseClusterEngine.aurora_postgres(
                version=rds.AuroraPostgresEngineVersion.VER_17_9
            ),
            credentials=rds.Credentials.from_generated_secret(OWNER, encryption_key=key),
            default_database_name=DATABASE_NAME,
            writer=rds.ClusterInstance.serverless_v2("Writer"),
            readers=[
                rds.ClusterInstance.serverless_v2(f"Reader{number}", scale_with_writer=True)
                for number in range(1, config.readers + 1)
            ],
            serverless_v2_min_capacity=config.min_acu,
            serverless_v2_max_capacity=config.max_acu,
            vpc=network.vpc,
            vpc_subnets=network.database_subnets,
            storage_encrypted=True,
            storage_encryption_key=key if config.customer_key else None,
            parameters={"rds.force_ssl": "1"},
            backup=rds.BackupProps(retention=Duration.days(config.backup_days)),
            # RDS makes this log group itself and keeps it for ever: the operator sets its
            # retention once. CDK would do it by a Node Lambda that may change every log group.
            cloudwatch_logs_exports=["postgresql"],
            copy_tags_to_snapshot=True,
            deletion_protection=config.deletion_protection,
            removal_policy=config.removal_policy,
        )
        for reaches_out in (False, True):
            place = network.place(reaches_out=reaches_out)
            cluster.connections.allow_default_port_from(place.security_group)
        secret = cluster.secret
        if secret is None:
            raise TypeError("A cluster with generated credentials has a secret.")
        self.secret = secret
        self.cluster_identifier = cluster.cluster_identifier
        self._acknowledge(cluster, deletion_protection=config.deletion_protection)

    def _acknowledge(self, cluster: rds.DatabaseCluster, *, deletion_protection: bool) -> None:
        """Say why each rule that these break is broken."""
        Validations.of(self).acknowledge(
            Acknowledgment(
                id="AwsSolutions-RDS6",
                reason="Each function has a role and a password of its own; an IAM token costs"
                " a signature on every new connection of the accept path.",
            ),
            Acknowledgment(
                id="AwsSolutions-RDS11",
                reason="No route leads here but from the functions' security groups.",
            ),
            Acknowledgment(
                id="AwsSolutions-SMG4",
                reason="Only a deploy uses the owner's password, and nothing keeps it.",
            ),
        )
        if not deletion_protection:
            Validations.of(cluster).acknowledge(
                Acknowledgment(
                    id="AwsSolutions-RDS10",
                    reason="This stage is made to be torn down; a final snapshot is taken.",
                )
            )
