"""When Secrets Manager has a secret rotated, and by what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk.aws_lambda import Alias
    from aws_cdk.aws_secretsmanager import ISecret

# Quarterly; what is older is an alert (secret-age).
ROTATE_AFTER_DAYS = 90


class Rotation(Construct):
    """Has ``function`` called for each secret, by its name here, so many days after the last time.

    CDK's own construct would let the function ask for random passwords on every resource.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function: Alias,
        secrets: Mapping[str, ISecret],
    ) -> None:
        super().__init__(scope, construct_id)
        # Of this account: nobody else's Secrets Manager may call it.
        function.add_permission(
            "SecretsManager",
            principal=iam.ServicePrincipal("secretsmanager.amazonaws.com"),
            source_account=Stack.of(self).account,
        )
        for name, secret in secrets.items():
            schedule = secretsmanager.CfnRotationSchedule(
                self,
                name,
                secret_id=secret.secret_arn,
                rotation_lambda_arn=function.function_arn,
                # Not with the deploy: whoever is about to read a token would read the one before.
                rotate_immediately_on_update=False,
                rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(
                    schedule_expression=f"rate({ROTATE_AFTER_DAYS} days)"
                ),
            )
            # Secrets Manager tries the function at once.
            schedule.node.add_dependency(function)
