"""The key that a stage's data is encrypted with, where it is the account's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsii
from aws_cdk import Aws, Duration, IAspect
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs

if TYPE_CHECKING:
    from aws_cdk import RemovalPolicy
    from constructs import Construct, IConstruct

# The longest that a deleted key waits, in which it can be had back, and all that it encrypts.
PENDING_WINDOW = Duration.days(30)


class StageKey(kms.Key):
    """One key for secrets, queues, objects, logs and, where asked for, the database.

    $1 a month, and $1 more after each of its first two yearly rotations; calls are $0.03 for
    10,000, of which caching leaves few (https://aws.amazon.com/kms/pricing/). Whoever uses it
    does so through a service, never directly.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: str, removal_policy: RemovalPolicy
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            description=f"Tillgate: what the stage {stage} keeps",
            enable_key_rotation=True,
            removal_policy=removal_policy,
            pending_window=PENDING_WINDOW,
        )
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        groups = (
            f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:Tillgate-{stage}-*"
        )
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LogGroupsOfThisStage",
                principals=[iam.ServicePrincipal(f"logs.{Aws.REGION}.amazonaws.com")],
                actions=[
                    "kms:Decrypt",
                    "kms:DescribeKey",
                    "kms:Encrypt",
                    "kms:GenerateDataKey",
                    "kms:GenerateDataKeyWithoutPlaintext",
                    "kms:ReEncryptFrom",
                    "kms:ReEncryptTo",
                ],
                resources=["*"],
                conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
            )
        )


def allow_through(
    service: str, key: kms.IKey | None, grantee: iam.IGrantable, *, writes: bool
) -> None:
    """Let a role use a key by way of a service; nothing where AWS keeps the key."""
    if key is None:
        return
    actions = ["kms:Decrypt", "kms:GenerateDataKey"] if writes else ["kms:Decrypt"]
    grantee.grant_principal.add_to_principal_policy(
        iam.PolicyStatement(
            actions=actions,
            resources=[key.key_arn],
            conditions={
                "StringEquals": {"kms:ViaService": f"{service}.{Aws.REGION}.amazonaws.com"}
            },
        )
    )


@jsii.implements(IAspect)
class EncryptedLogs:
    """Encrypts every log group there is, of whatever construct, with the stage's key."""

    def __init__(self, key: kms.IKey) -> None:
        self._key = key

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, logs.CfnLogGroup):
            node.kms_key_id = self._key.key_arn
