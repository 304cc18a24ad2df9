"""The network around a database of ours: who is in it, and what leads out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.infra.synthesis import Synthesised, functions
from tillgate.domain.destination_address import PORT

if TYPE_CHECKING:
    from collections.abc import Callable

GROUPS = ("FunctionSecurityGroup", "OutwardSecurityGroup")


@pytest.fixture(params=["dev", "prod"])
def networked(
    request: pytest.FixtureRequest, synthesised: Callable[[str], Synthesised]
) -> Synthesised:
    return synthesised(request.param)


def properties(stage: Synthesised, kind: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in stage.resources(f"AWS::EC2::{kind}").values()]


def test_aurora_is_out_of_reach_and_awake(networked: Synthesised) -> None:
    (cluster,) = networked.resources("AWS::RDS::DBCluster").values()
    instances = networked.resources("AWS::RDS::DBInstance").values()

    assert cluster["Properties"]["StorageEncrypted"] is True
    assert cluster["Properties"]["ServerlessV2ScalingConfiguration"]["MinCapacity"] >= 0.5
    assert cluster["DeletionPolicy"] == "Snapshot"
    assert {i["Properties"].get("PubliclyAccessible", False) for i in instances} == {False}
    assert all("VpcConfig" in function for function in functions(networked).values())


@pytest.mark.parametrize("name", ["external", "local"])
def test_an_external_database_needs_no_network_of_ours(
    synthesised: Callable[[str], Synthesised], name: str
) -> None:
    stage = synthesised(name)
    assert not stage.resources("AWS::RDS::DBCluster")
    assert not stage.resources("AWS::EC2::VPC")
    assert not stage.resources("AWS::EC2::NatGateway")


def test_nothing_comes_in_but_from_the_functions(networked: Synthesised) -> None:
    ingress = properties(networked, "SecurityGroupIngress")
    sources = {str(rule["SourceSecurityGroupId"]) for rule in ingress}

    assert all(any(group in source for group in GROUPS) for source in sources)
    assert all("SecurityGroupIngress" not in p for p in properties(networked, "SecurityGroup"))


def test_the_one_way_out_is_for_what_calls_destinations(networked: Synthesised) -> None:
    assert len(properties(networked, "NatGateway")) == 1
    out = {
        name: ("Outward" in str(function["VpcConfig"]["SubnetIds"]))
        for name, function in functions(networked).items()
    }
    assert {name for name, is_out in out.items() if is_out} == {"Deliver", "Probe"}
    routes = {
        route["RouteTableId"]["Ref"].removeprefix("NetworkVpc").partition("Subnet")[0]: (
            "NatGatewayId" if "NatGatewayId" in route else "GatewayId"
        )
        for route in properties(networked, "Route")
    }
    # Neither the other functions' subnets nor the database's have any.
    assert routes == {"Nat": "GatewayId", "Outward": "NatGatewayId"}


def test_nothing_is_given_an_address_of_its_own_on_the_internet(networked: Synthesised) -> None:
    subnets = properties(networked, "Subnet")
    assert {subnet["MapPublicIpOnLaunch"] for subnet in subnets} == {False}


def test_deliver_reaches_tls_and_the_database_and_nothing_else(networked: Synthesised) -> None:
    (deliver,) = functions(networked)["Deliver"]["VpcConfig"]["SecurityGroupIds"]
    groups = networked.resources("AWS::EC2::SecurityGroup")
    (name,) = [logical_id for logical_id in groups if logical_id in str(deliver)]
    (anywhere,) = groups[name]["Properties"]["SecurityGroupEgress"]
    rules = [
        rule
        for rule in properties(networked, "SecurityGroupEgress")
        if rule["GroupId"]["Fn::GetAtt"][0] == name
    ]
    onward = {str(rule["DestinationSecurityGroupId"]): str(rule["FromPort"]) for rule in rules}
    (database_port,) = [port for group, port in onward.items() if "DatabaseCluster" in group]

    assert name.startswith("NetworkOutwardSecurityGroup")
    assert (anywhere["CidrIp"], anywhere["IpProtocol"]) == ("0.0.0.0/0", "tcp")
    assert anywhere["FromPort"] == anywhere["ToPort"] == 443
    assert {port for group, port in onward.items() if "DatabaseCluster" not in group} == {"443"}
    assert "Endpoint.Port" in database_port


def test_every_function_reaches_what_it_needs_of_aws(networked: Synthesised) -> None:
    endpoints = properties(networked, "VPCEndpoint")
    ingress = properties(networked, "SecurityGroupIngress")
    kinds = {e["ServiceName"]["Fn::Join"][1][-1]: e["VpcEndpointType"] for e in endpoints}

    assert kinds == {".secretsmanager": "Interface", ".sqs": "Interface", ".s3": "Gateway"}
    for endpoint in endpoints:
        if endpoint["VpcEndpointType"] == "Interface":
            # So that the names lead here in the whole network, deliver's subnets included.
            assert endpoint["PrivateDnsEnabled"] is True
            rules = [r for r in ingress if [r["GroupId"]] == endpoint["SecurityGroupIds"]]
            assert {(r["FromPort"], r["ToPort"]) for r in rules} == {(443, 443)}
            sources = [str(r["SourceSecurityGroupId"]) for r in rules]
            assert len(sources) == len(GROUPS)
            assert all(any(group in source for source in sources) for group in GROUPS)


def test_what_is_let_out_is_the_port_that_destinations_may_have(networked: Synthesised) -> None:
    [outward] = [
        group
        for group in properties(networked, "SecurityGroup")
        if group["GroupDescription"] == "Tillgate functions that call destinations"
    ]

    assert {(r["FromPort"], r["ToPort"]) for r in outward["SecurityGroupEgress"]} == {(PORT, PORT)}
