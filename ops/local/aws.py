"""The local AWS as its clients see it: credentials, and the secrets that must outlive it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from ops.local.ministack import ACCOUNT, REGION
from ops.local.processes import LocalStackError, read_json, write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_secretsmanager import SecretsManagerClient


# A proxy cannot reach this machine's own loopback.
_DIRECT = Config(proxies={})


def client_environment(endpoint_url: str) -> dict[str, str]:
    """Give an environment in which the CDK CLI can reach the emulator, and nothing else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **kept,
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ENDPOINT_URL_S3": endpoint_url,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        # Of the templates, which takes longer than making them: the tests of the stacks do it.
        "CDK_VALIDATION": "false",
        "CDK_DEFAULT_ACCOUNT": ACCOUNT,
        "CDK_DEFAULT_REGION": REGION,
    }


def secrets_client(endpoint_url: str) -> SecretsManagerClient:
    return _session().client("secretsmanager", endpoint_url=endpoint_url, config=_DIRECT)


def run_function(endpoint_url: str, *, arn: str) -> None:
    """Have a function run, as an event would, and wait for nothing."""
    client = _session().client("lambda", endpoint_url=endpoint_url, config=_DIRECT)
    client.invoke(FunctionName=arn, InvocationType="Event")


def call_function(endpoint_url: str, *, arn: str, event: Mapping[str, object]) -> object:
    """Have a function answer an event. Raises LocalStackError with what failed in it."""
    client = _session().client("lambda", endpoint_url=endpoint_url, config=_DIRECT)
    told = client.invoke(FunctionName=arn, Payload=json.dumps(event).encode())
    answer: object = json.loads(told["Payload"].read() or b"null")
    if "FunctionError" in told:
        raise LocalStackError(f"The function failed: {answer}", next_command="make demo")
    return answer


def cloudformation_client(endpoint_url: str) -> CloudFormationClient:
    return _session().client("cloudformation", endpoint_url=endpoint_url, config=_DIRECT)


def _session() -> boto3.Session:
    """Sign in to the emulator; whatever the shell holds of AWS is ignored."""
    return boto3.Session(
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="local",  # noqa: S106 - the emulator takes any
    )


def put_secret(secrets: SecretsManagerClient, *, name: str, value: str) -> None:
    """Create a secret, or give it this value where it has another."""
    try:
        secrets.create_secret(Name=name, SecretString=value)
    except secrets.exceptions.ResourceExistsException:
        if secrets.get_secret_value(SecretId=name)["SecretString"] != value:
            secrets.put_secret_value(SecretId=name, SecretString=value)


def keep_secrets(
    secrets: SecretsManagerClient, *, copy: Path, arns: dict[str, str]
) -> dict[str, dict[str, Any]]:
    """Make sure that the emulator and our copy hold the same secrets, the older ones.

    ``arns`` are by the name each has in the copy; every value is a JSON object.
    A live value that holds all that the copy does (a key ring that grew), or the copy's token as
    its previous one, is copied; another was made by a new emulator, and would make
    what Postgres keeps unreadable: the copy is put back. Gives them as they are now.
    """
    kept: dict[str, dict[str, Any]] = read_json(copy)
    for name, arn in arns.items():
        live = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
        if _follows(live, kept.get(name, {})):
            kept[name] = live
        else:
            secrets.put_secret_value(SecretId=arn, SecretString=json.dumps(kept[name]))
    write_private(copy, json.dumps(kept))
    return kept


def _follows(live: dict[str, Any], copy: dict[str, Any]) -> bool:
    """Tell whether a value was made from the one that was copied."""
    previous = live.get("previous") or {}
    is_rotated = "token" in copy and previous.get("token") == copy["token"]
    return is_rotated or copy.items() <= live.items()
