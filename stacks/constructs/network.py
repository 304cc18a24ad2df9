"""The VPC that a database of ours lives in."""

from __future__ import annotations

from aws_cdk import Acknowledgment, RemovalPolicy, Validations
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct


class Network(Construct):
    """Two zones, no way out: functions reach AWS through endpoints only."""

    def __init__(
        self, scope: Construct, construct_id: str, *, flow_log_retention: logs.RetentionDays
    ) -> None:
        super().__init__(scope, construct_id)
        isolated = ec2.SubnetType.PRIVATE_ISOLATED
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=2,
            nat_gateways=0,
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="Functions", subnet_type=isolated, cidr_mask=22),
                ec2.SubnetConfiguration(name="Database", subnet_type=isolated, cidr_mask=26),
            ],
        )
        self.function_subnets = ec2.SubnetSelection(subnet_group_name="Functions")
        self.database_subnets = ec2.SubnetSelection(subnet_group_name="Database")
        self.function_security_group = ec2.SecurityGroup(
            self, "FunctionSecurityGroup", vpc=self.vpc, description="Tillgate functions"
        )
        self._add_endpoints()
        flow_logs = logs.LogGroup(
            self, "FlowLogs", retention=flow_log_retention, removal_policy=RemovalPolicy.DESTROY
        )
        self.vpc.add_flow_log(
            "Rejected",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(flow_logs),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )

    def _add_endpoints(self) -> None:
        """Secrets, the accept queue, and S3: objects, and the answer of a custom resource."""
        services = {
            "SecretsManager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
            "Sqs": ec2.InterfaceVpcEndpointAwsService.SQS,
        }
        for name, service in services.items():
            endpoint = self.vpc.add_interface_endpoint(
                name, service=service, subnets=self.function_subnets, open=False
            )
            endpoint.connections.allow_default_port_from(self.function_security_group)
        self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)

    def grant_attach(self, role: iam.Role) -> None:
        """Let a function's role attach the function to this VPC."""
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "ec2:AssignPrivateIpAddresses",
                    "ec2:CreateNetworkInterface",
                    "ec2:DeleteNetworkInterface",
                    "ec2:DescribeNetworkInterfaces",
                    "ec2:DescribeSubnets",
                    "ec2:UnassignPrivateIpAddresses",
                ],
                resources=["*"],
            )
        )
        Validations.of(role).acknowledge(
            Acknowledgment(
                id="AwsSolutions-IAM5[Resource::*]",
                reason="Lambda makes the interfaces itself: they have no name to grant on before.",
            )
        )
