"""Log groups that are read along by a place of the operator's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.log_sink import SinkKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk.aws_logs import ILogGroup

    from stacks.log_sink import LogSink

_PUTS = {
    SinkKind.KINESIS: ["kinesis:PutRecord", "kinesis:PutRecords"],
    SinkKind.FIREHOSE: ["firehose:PutRecord", "firehose:PutRecordBatch"],
}
_PRINCIPAL = "logs.amazonaws.com"


class LogSubscription(Construct):
    """Sends every line of ``log_groups``, each under its construct id, to one sink.

    CloudWatch Logs tries a filter when it is made, so it is made after what permits it. A log
    group has two filters at most: this is one.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        sink: LogSink,
        log_groups: Mapping[str, ILogGroup],
    ) -> None:
        super().__init__(scope, construct_id)
        role = None if sink.kind is SinkKind.LAMBDA else self._role(sink)
        for name, group in log_groups.items():
            subscription = logs.CfnSubscriptionFilter(
                self,
                name,
                log_group_name=group.log_group_name,
                destination_arn=sink.arn,
                # All of them.
                filter_pattern="",
                role_arn=role.role_arn if role else None,
            )
            if role is None:
                subscription.node.add_dependency(self._permission(name, sink, group))

    def _role(self, sink: LogSink) -> iam.Role:
        """Make the role under which CloudWatch Logs writes there; its policy is part of it."""
        return iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                _PRINCIPAL,
                # Only on behalf of this account's own log groups.
                conditions={
                    "StringLike": {
                        "aws:SourceArn": f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:*"
                    }
                },
            ),
            inline_policies={
                "Put": iam.PolicyDocument(
                    statements=[iam.PolicyStatement(actions=_PUTS[sink.kind], resources=[sink.arn])]
                )
            },
        )

    def _permission(self, name: str, sink: LogSink, group: ILogGroup) -> lambda_.CfnPermission:
        return lambda_.CfnPermission(
            self,
            f"{name}Permission",
            action="lambda:InvokeFunction",
            function_name=sink.arn,
            principal=_PRINCIPAL,
            source_account=Aws.ACCOUNT_ID,
            # Ends in :*, which stands for its streams.
            source_arn=group.log_group_arn,
        )
