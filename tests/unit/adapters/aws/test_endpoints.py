from __future__ import annotations

import pytest

from tillgate.adapters.aws.endpoints import configured_endpoint, region, regional_endpoint

ALL = {"AWS_ENDPOINT_URL": "http://all"}


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER"),
        ("sqs", "AWS_ENDPOINT_URL_SQS"),
        ("s3", "AWS_ENDPOINT_URL_S3"),
    ],
)
def test_a_service_s_own_endpoint_goes_before_that_of_all(service: str, name: str) -> None:
    assert configured_endpoint(service, {**ALL, name: "http://own"}) == "http://own"
    assert configured_endpoint(service, {**ALL, name: ""}) == "http://all"
    assert configured_endpoint(service, ALL) == "http://all"


@pytest.mark.parametrize("env", [{}, {"AWS_ENDPOINT_URL": ""}, {"AWS_ENDPOINT_URL_S3": "http://x"}])
def test_without_one_there_is_none(env: dict[str, str]) -> None:
    assert configured_endpoint("sqs", env) is None


def test_a_slash_at_the_end_means_nothing() -> None:
    assert configured_endpoint("sqs", {"AWS_ENDPOINT_URL": "http://all/base/"}) == "http://all/base"


@pytest.mark.parametrize(
    ("prefix", "env", "url"),
    [
        ("sqs", {"AWS_REGION": "eu-west-1"}, "https://sqs.eu-west-1.amazonaws.com"),
        ("a.s3", {"AWS_REGION": "us-east-1"}, "https://a.s3.us-east-1.amazonaws.com"),
        ("sqs", {"AWS_REGION": "cn-north-1"}, "https://sqs.cn-north-1.amazonaws.com.cn"),
        ("sqs", {}, "https://sqs.us-east-1.amazonaws.com"),
    ],
)
def test_aws_s_own_endpoint_is_the_region_s(prefix: str, env: dict[str, str], url: str) -> None:
    assert regional_endpoint(prefix, env) == url


def test_the_region_is_lambda_s() -> None:
    assert region({"AWS_REGION": "eu-west-1"}) == "eu-west-1"
