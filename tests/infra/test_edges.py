"""The edges of a deployment: what is asked by TLS, who may look in, and how much gets in."""

from __future__ import annotations

import pytest

from stacks.concurrency import ConcurrencyError, aurora_connections, check, connections
from stacks.context import StageError
from stacks.stages import DatabaseKind
from tests.infra.policies import PROTECTED, refuses_plain_http
from tests.infra.synthesis import Synthesised, functions, stage_named, synthesise

NEW_ACCOUNT, USUAL_ACCOUNT = 10, 1_000
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
REQUESTS_A_SANDBOX = 10


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """A stage for which the operator said all that there is to say."""
    stage = stage_named(
        "prod",
        domain_name="pos.example.com",
        certificate_arn="arn:aws:acm:eu-west-1:111122223333:certificate/a",
        account_concurrency=str(USUAL_ACCOUNT),
        database_customer_key="on",
    )
    return synthesise(stage, tmp_path_factory.mktemp("chosen"))


@pytest.mark.parametrize("kind", PROTECTED)
def test_whatever_can_be_asked_without_tls_refuses_it(stage: Synthesised, kind: str) -> None:
    there = stage.resources(kind)
    assert {name for name in there if not refuses_plain_http(stage, kind, name)} == set()
    assert there or (kind == "AWS::SNS::Topic" and not stage.stage.has_alarms)


def test_a_bucket_is_nobody_else_s(stage: Synthesised) -> None:
    for bucket in stage.resources("AWS::S3::Bucket").values():
        properties = bucket["Properties"]
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(properties["PublicAccessBlockConfiguration"]) == 4
        [rule] = properties["OwnershipControls"]["Rules"]
        assert rule["ObjectOwnership"] == "BucketOwnerEnforced"
        assert "AccessControl" not in properties
        assert properties["LifecycleConfiguration"]["Rules"]
    versions = [
        one["Condition"]["NumericLessThan"]["s3:TlsVersion"]
        for policy in stage.resources("AWS::S3::BucketPolicy").values()
        for one in policy["Properties"]["PolicyDocument"]["Statement"]
        if "NumericLessThan" in one["Condition"]
    ]
    assert versions == [1.2] * len(stage.resources("AWS::S3::Bucket"))


def test_the_gateway_answers_no_other_site_s_page(stage: Synthesised) -> None:
    [api] = stage.resources("AWS::ApiGatewayV2::Api").values()
    keys = [
        route["Properties"]["RouteKey"]
        for route in stage.resources("AWS::ApiGatewayV2::Route").values()
    ]
    assert "CorsConfiguration" not in api["Properties"]
    assert not [key for key in keys if key.startswith(("OPTIONS", "ANY"))]


def test_the_gateway_takes_no_more_than_its_functions(stage: Synthesised) -> None:
    [gateway] = stage.resources("AWS::ApiGatewayV2::Stage").values()
    throttle = gateway["Properties"]["DefaultRouteSettings"]
    rate, burst = throttle["ThrottlingRateLimit"], throttle["ThrottlingBurstLimit"]

    assert 0 < rate <= burst <= 2 * rate
    if stage.stage.has_alarms:
        assert rate <= REQUESTS_A_SANDBOX * stage.stage.concurrency["ingest"]


def test_a_domain_is_the_only_way_in(chosen: Synthesised) -> None:
    [api] = chosen.resources("AWS::ApiGatewayV2::Api").values()
    [domain] = chosen.resources("AWS::ApiGatewayV2::DomainName").values()
    [configuration] = domain["Properties"]["DomainNameConfigurations"]

    assert api["Properties"]["DisableExecuteApiEndpoint"] is True
    assert configuration["SecurityPolicy"] == "TLS_1_2"
    assert configuration["EndpointType"] == "REGIONAL"


def test_without_a_domain_the_gateway_s_own_name_is_the_way_in(stage: Synthesised) -> None:
    [api] = stage.resources("AWS::ApiGatewayV2::Api").values()
    assert api["Properties"].get("DisableExecuteApiEndpoint", False) is False


def test_a_domain_s_target_is_put_out(chosen: Synthesised) -> None:
    (logical_id,) = chosen.resources("AWS::ApiGatewayV2::DomainName")
    outputs = chosen.templates["Ingest"]["Outputs"]

    assert outputs["ApiUrl"]["Value"] == "https://pos.example.com"
    assert outputs["DomainTarget"]["Value"] == {"Fn::GetAtt": [logical_id, "RegionalDomainName"]}


def reserved(stage: Synthesised) -> dict[str, int]:
    return {
        name.lower(): properties["ReservedConcurrentExecutions"]
        for name, properties in functions(stage).items()
        if "ReservedConcurrentExecutions" in properties
    }


def test_nothing_is_reserved_until_the_account_is_known(stage: Synthesised) -> None:
    assert reserved(stage) == {}


def test_what_is_reserved_is_what_the_stage_has(chosen: Synthesised) -> None:
    assert reserved(chosen) == chosen.stage.concurrency
    assert reserved(chosen)["sweep"] == 1


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_what_is_reserved_suits_the_account_and_the_database(name: str) -> None:
    stage = stage_named(name)
    there = aurora_connections(min_acu=stage.database.min_acu, max_acu=stage.database.max_acu)

    check(stage.concurrency, account_concurrency=USUAL_ACCOUNT, database_connections=there)
    assert stage_named(name, account_concurrency="1000").function.reserved == stage.concurrency
    # Two for each of api's sandboxes, and all of them twice during a deploy.
    assert connections({"api": 3, "ingest": 5}) == 22


def test_a_queue_s_messages_in_hand_find_a_sandbox(chosen: Synthesised) -> None:
    fed: dict[str, int] = {}
    for mapping in chosen.resources("AWS::Lambda::EventSourceMapping").values():
        properties = mapping["Properties"]
        [name] = {name for name in reserved(chosen) if name.title() in str(properties)}
        fed[name] = fed.get(name, 0) + properties["ScalingConfig"]["MaximumConcurrency"]
    assert fed == {name: reserved(chosen)[name] for name in fed}
    assert set(fed) == {"accept", "deliver"}


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_an_account_that_has_too_little_is_told_so(name: str) -> None:
    sentence = r"reserves \d+ concurrent runs, .* account_concurrency of 10 is too little\. Ask AWS"
    with pytest.raises(StageError, match=sentence):
        stage_named(name, account_concurrency=str(NEW_ACCOUNT))


def test_a_database_that_takes_too_little_is_told_of() -> None:
    with pytest.raises(ConcurrencyError, match="may hold 1200 connections, and 100 are spared: 90"):
        check({"ingest": 600}, account_concurrency=1_000, database_connections=90)


def test_nobody_knows_what_an_operator_s_database_takes() -> None:
    stage = stage_named("prod", database="external", account_concurrency="1000")
    assert stage.database.kind is DatabaseKind.EXTERNAL
    assert stage.function.reserved == stage.concurrency


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("local", "1000", "'local' has no account to reserve"),
        ("prod", "1e3", "account_concurrency must be a whole number"),
        ("prod", "", "account_concurrency must be a whole number"),
    ],
)
def test_what_says_nothing_of_an_account_is_refused(name: str, text: str, sentence: str) -> None:
    with pytest.raises(StageError, match=sentence):
        stage_named(name, account_concurrency=text)


@pytest.mark.parametrize(
    ("min_acu", "max_acu", "there"),
    [(0.5, 2, 360), (0.5, 16, 2_000), (1, 16, 2_880), (1, 64, 5_000)],
)
def test_a_larger_cluster_takes_more_connections(
    min_acu: float, max_acu: float, there: int
) -> None:
    assert aurora_connections(min_acu=min_acu, max_acu=max_acu) == there


def test_the_cluster_is_encrypted_with_the_stage_s_key_where_that_is_asked(
    chosen: Synthesised,
) -> None:
    [cluster] = chosen.resources("AWS::RDS::DBCluster").values()
    [key] = chosen.resources("AWS::KMS::Key", stack="Data")
    assert cluster["Properties"]["KmsKeyId"] == {"Fn::GetAtt": [key, "Arn"]}
