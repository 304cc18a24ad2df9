"""The VPC that a database of ours lives in."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Acknowledgment, RemovalPolicy, Validations
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

_ATTACHING = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the network a function is attached."""

    subnets: ec2.SubnetSelection
    security_group: ec2.SecurityGroup


class Network(Construct):
    """Two zones; functions reach AWS through endpoints, and two of them the internet.

    Those are deliver, and the probe that tests a destination. They have one NAT gateway, in
    one zone: at us-east-1's list prices of 2026 some $37 a month with its address ($0.045 +
    $0.005 an hour), and $0.045 a GB either way. A second, in the other zone, would double that
    to spare deliveries, which wait on a queue, the hours of a lost zone. Nothing comes in by it.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, flow_log_retention: logs.RetentionDays
    ) -> None:
        super().__init__(scope, construct_id)
        self.vpc = self._vpc()
        self.database_subnets = ec2.SubnetSelection(subnet_group_name="Database")
        self._inside = Place(
            ec2.SubnetSelection(subnet_group_name="Functions"),
            ec2.SecurityGroup(
                self, "FunctionSecurityGroup", vpc=self.vpc, description="Tillgate functions"
            ),
        )
        self._outward = Place(
            ec2.SubnetSelection(subnet_group_name="Outward"), self._outward_security_group()
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

    def place(self, *, reaches_out: bool) -> Place:
        """Give the place of functions that need the internet, or of those that do not."""
        return self._outward if reaches_out else self._inside

    def _vpc(self) -> ec2.Vpc:
        isolated = ec2.SubnetType.PRIVATE_ISOLATED
        return ec2.Vpc(
            self,
            "Vpc",
            max_azs=2,
            nat_gateways=1,
            restrict_default_security_group=False,
            # What is added goes last: the addresses of those before follow from their order.
            subnet_configuration=[
                ec2.SubnetConfiguration(name="Functions", subnet_type=isolated, cidr_mask=22),
                ec2.SubnetConfiguration(name="Database", subnet_type=isolated, cidr_mask=26),
                ec2.SubnetConfiguration(
                    name="Nat",
                    subnet_type=ec2.SubnetType.PUBLIC,
                    cidr_mask=28,
                    map_public_ip_on_launch=False,
                ),
                ec2.SubnetConfiguration(
                    name="Outward", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=24
                ),
            ],
        )

    def _outward_security_group(self) -> ec2.SecurityGroup:
        """Let out what goes by TLS to the usual port; the database lets itself be reached."""
        group = ec2.SecurityGroup(
            self,
            "OutwardSecurityGroup",
            vpc=self.vpc,
            description="Tillgate functions that call destinations",
            allow_all_outbound=False,
        )
        group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "Destinations, and AWS")
        return group

    def _add_endpoints(self) -> None:
        """Secrets, the queues, and S3: objects, and the answer of a custom resource."""
        services = {
            "SecretsManager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
            "Sqs": ec2.InterfaceVpcEndpointAwsService.SQS,
        }
        for name, service in services.items():
            endpoint = self.vpc.add_interface_endpoint(
                name, service=service, subnets=self._inside.subnets, open=False
            )
            # The outward ones too: within the VPC these names lead to the endpoints, NAT or not.
            for place in (self._inside, self._outward):
                endpoint.connections.allow_default_port_from(place.security_group)
        self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)

    def grant_attach(self, role: iam.Role) -> None:
        """Let Lambda attach a function to this VPC under its role, and not the function's code.

        https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
        """
        role.add_to_policy(iam.PolicyStatement(actions=_ATTACHING, resources=["*"]))
        role.add_to_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=_ATTACHING,
                resources=["*"],
                # There when it is the code that calls.
                conditions={"Null": {"lambda:SourceFunctionArn": "false"}},
            )
        )
        Validations.of(role).acknowledge(
            Acknowledgment(
                id="AwsSolutions-IAM5[Resource::*]",
                reason="Lambda makes the interfaces itself: they have no name to grant on before.",
            )
        )
