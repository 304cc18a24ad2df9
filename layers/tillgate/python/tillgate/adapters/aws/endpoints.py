"""Where a service is: as the environment says, else the region's own endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# https://docs.aws.amazon.com/sdkref/latest/guide/ss-endpoints-table.html
_IDENTIFIERS = {"secretsmanager": "SECRETS_MANAGER", "sqs": "SQS", "s3": "S3"}


def region(env: Mapping[str, str]) -> str:
    """Give the region that Lambda names."""
    return env.get("AWS_REGION") or "us-east-1"


def configured_endpoint(service: str, env: Mapping[str, str]) -> str | None:
    """Give the URL set for this service or, failing that, for all, without a slash at its end.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
    """
    of_service = env.get(f"AWS_ENDPOINT_URL_{_IDENTIFIERS.get(service, service.upper())}")
    url = of_service or env.get("AWS_ENDPOINT_URL")
    return url.rstrip("/") if url else None


def regional_endpoint(prefix: str, env: Mapping[str, str]) -> str:
    """Give AWS's own URL of ``prefix`` (a service, or a bucket and the service) in the region."""
    here = region(env)
    suffix = "amazonaws.com.cn" if here.startswith("cn-") else "amazonaws.com"
    return f"https://{prefix}.{here}.{suffix}"
