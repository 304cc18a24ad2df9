"""Where alarms are told: all of them in one place, those that page in another as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from stacks.alerts.model import Severity

if TYPE_CHECKING:
    from aws_cdk import RemovalPolicy

_ALARMS = "cloudwatch.amazonaws.com"


class AlarmTopics(Construct):
    """Encrypted topics that only this account's alarms publish to, over TLS.

    ``everything`` is for a mailbox, and ``email`` is subscribed to it; ``pages`` is for a phone.
    They need a key of their own: alarms may not use the one that AWS has for SNS.
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
        self.everything = self._topic("Topic", key)
        self.pages = self._topic("Pages", key)
        if email:
            self.everything.add_subscription(subscriptions.EmailSubscription(email))

    def of(self, severity: Severity) -> list[sns.Topic]:
        """Give where an alert of that severity is told."""
        return [self.everything, self.pages] if severity is Severity.PAGE else [self.everything]

    def _topic(self, name: str, key: kms.IKey) -> sns.Topic:
        ours = f"arn:{Aws.PARTITION}:cloudwatch:{Aws.REGION}:{Aws.ACCOUNT_ID}:alarm:*"
        topic = sns.Topic(self, name, master_key=key, enforce_ssl=True)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(_ALARMS)],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"ArnLike": {"aws:SourceArn": ours}},
            )
        )
        return topic
