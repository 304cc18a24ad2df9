"""What is too large for a queue, or must be read while the database is out of reach."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Duration, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.encryption import allow_through

if TYPE_CHECKING:
    from aws_cdk import RemovalPolicy
    from aws_cdk.aws_kms import IKey


class Folder(StrEnum):
    """The beginnings of keys, each with its own writers and readers."""

    CLAIMS = "claims/"  # events above what a message holds
    REGISTRY = "registry/"  # the sealed snapshot of who may send; it never expires


# 14 days on the accept queue, 14 more as a dead letter that our code has buried. One that is
# redriven after that finds its claim gone, and is buried as such.
CLAIM_DAYS = 30


class ObjectStore(Construct):
    """A private bucket. No versions: a claim is written once, and only the last snapshot is of use.

    CloudFormation deletes no bucket that holds something: where ``removal_policy``
    destroys it, it is emptied by hand first.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        removal_policy: RemovalPolicy,
        key: IKey | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._key = key
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            # One data key serves the bucket for a while, and not each object another.
            bucket_key_enabled=True if key else None,
            minimum_tls_version=1.2,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=removal_policy,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="claims", prefix=Folder.CLAIMS, expiration=Duration.days(CLAIM_DAYS)
                ),
                s3.LifecycleRule(
                    id="uploads", abort_incomplete_multipart_upload_after=Duration.days(1)
                ),
            ],
        )
        Validations.of(self.bucket).acknowledge(
            Acknowledgment(
                id="AwsSolutions-S1",
                reason="Only three roles of ours may enter. Who else tried is in CloudTrail, where"
                " the account keeps data events; a bucket of logs would outgrow this one.",
            )
        )

    def grant_put(self, role: iam.Role, folder: Folder) -> None:
        self._grant(role, "s3:PutObject", folder)
        allow_through("s3", self._key, role, writes=True)

    def grant_get(self, role: iam.Role, folder: Folder) -> None:
        """Let a role read a folder, and be told 404 for what is not there.

        Without ListBucket S3 answers 403 for a missing key. IfExists, because AWS does not
        say whether a read carries ``s3:prefix`` when S3 decides between the two.
        """
        self._grant(role, "s3:GetObject", folder)
        allow_through("s3", self._key, role, writes=False)
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[self.bucket.bucket_arn],
                conditions={"StringLikeIfExists": {"s3:prefix": f"{folder}*"}},
            )
        )

    def _grant(self, role: iam.Role, action: str, folder: Folder) -> None:
        below = self.bucket.arn_for_objects(f"{folder}*")
        role.add_to_policy(iam.PolicyStatement(actions=[action], resources=[below]))
        Validations.of(role).acknowledge(
            Acknowledgment(
                id=f"AwsSolutions-IAM5[Resource::{self._arn_elsewhere()}/{folder}*]",
                reason="A folder is granted, not a key: each event too large has one of its own.",
            )
        )

    def _arn_elsewhere(self) -> str:
        """Give the export by which the bucket's ARN goes into another stack's policies."""
        stack = Stack.of(self)
        imported: dict[str, str] = stack.resolve(stack.export_value(self.bucket.bucket_arn))
        return imported["Fn::ImportValue"]
