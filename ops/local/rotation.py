"""Rotating a secret on the local stack, step by step: the emulator calls no function for it."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from ops.local.aws import call_function, keep_secrets, secrets_client
from ops.local.processes import LocalStackError, read_json, write_private

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.local.ministack import MiniStack
    from ops.local.state import StateDir

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
# What each is called in the stack's outputs, and in the hand-out.
OUTPUTS = {
    "key-ring": "KeyRingSecretArn",
    "operator": "OperatorSecretArn",
    "metrics": "MetricsSecretArn",
}
_COPIES = {"key-ring": "key_ring", "operator": "operator", "metrics": "metrics"}
_HANDED_OUT = {"operator": "admin_token", "metrics": "metrics_token"}


def rotate(state: StateDir, name: str, *, ministack: MiniStack) -> Iterator[tuple[str, Any]]:
    """Do what Secrets Manager does on AWS; give each step with what the function said.

    Raises LocalStackError where no stack runs, or a step fails.
    """
    stacks: dict[str, dict[str, str]] = read_json(state.outputs)
    outputs = {key: value for stack in stacks.values() for key, value in stack.items()}
    if "RotateFunctionArn" not in outputs or ministack.process() is None:
        raise LocalStackError("The local stack does not run.", next_command="make demo")
    endpoint_url = ministack.endpoint_url
    arn, version = outputs[OUTPUTS[name]], str(uuid.uuid4())
    secrets = secrets_client(endpoint_url)
    # A version without a value, as RotateSecret makes it; the emulator's own makes it current.
    secrets.put_secret_value(SecretId=arn, ClientRequestToken=version, VersionStages=["AWSPENDING"])
    for step in STEPS:
        event = {"Step": step, "SecretId": arn, "ClientRequestToken": version}
        yield step, call_function(endpoint_url, arn=outputs["RotateFunctionArn"], event=event)
    arns = {_COPIES[one]: outputs[output] for one, output in OUTPUTS.items()}
    kept = keep_secrets(secrets, copy=state.secrets, arns=arns)
    _hand_out(state, name, kept[_COPIES[name]])


def _hand_out(state: StateDir, name: str, secret: dict[str, Any]) -> None:
    """Let the command line and the tests have the new token, where there is a hand-out."""
    document: dict[str, Any] = read_json(state.stack)
    if name in _HANDED_OUT and document:
        document[_HANDED_OUT[name]] = secret["token"]
        write_private(state.stack, json.dumps(document, indent=2) + "\n")
