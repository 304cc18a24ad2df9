"""Where alarms are told, and whoever subscribes hears of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

if TYPE_CHECKING:
    from aws_cdk import RemovalPolicy

_ALARMS = "cloudwatch.amazonaws.com"


class AlarmTopic(Construct):
    """An encrypted topic that only this account's alarms publish to, over TLS.

    It needs a key of its own: alarms may not use the one that AWS has for SNS.
    https://repost.aws/knowledge-center/cloudwatch-configure-alarm-sns
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        email: str | None,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        ours = f"arn:{Aws.PARTITION}:cloudwatch:{Aws.REGION}:{Aws.ACCOUNT_ID}:alarm:*"
        key = kms.Key(
            self,
            "Key",
            description="Tillgate: encrypts what alarms say on its way to whoever subscribes",
            enable_key_rotation=True,
            removal_policy=removal_policy,
            pending_window=Duration.days(7),
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(_ALARMS)],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
            )
        )
        self.topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=True)
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(_ALARMS)],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"ArnLike": {"aws:SourceArn": ours}},
            )
        )
        if email:
            self.topic.add_subscription(subscriptions.EmailSubscription(email))
