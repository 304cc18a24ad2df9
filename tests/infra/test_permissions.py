"""Every permission that a template gives: to whom, for what, and why where it is a wide one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.infra.policies import every_statement
from tests.infra.synthesis import Synthesised, functions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What every function has, by what Lambda does for it, or AWS's own code in it.
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
TRACES = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}
# Lambda's alone: the code is denied them (test_the_code_of_a_function_moves_no_interface).
NETWORK = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}
READ_SECRET = "secretsmanager:GetSecretValue"
FED = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
# What the code of each function asks AWS for (adapters/): no more is allowed it.
USES = {
    "Ingest": {READ_SECRET, "sqs:SendMessage", "s3:PutObject", "s3:GetObject", "s3:ListBucket"},
    # Visibility: adapters/accept_queue.py and entrypoints/queue_batch.py leave a message for later.
    "Accept": {READ_SECRET, "sqs:SendMessage", "s3:GetObject", "s3:ListBucket", *FED,
               "sqs:ChangeMessageVisibility"},
    "Deliver": {READ_SECRET, "sqs:SendMessage", *FED, "sqs:ChangeMessageVisibility"},
    "Probe": {READ_SECRET},
    "Api": {READ_SECRET},
    "Health": {READ_SECRET, "sqs:GetQueueAttributes"},
    "Sweep": {READ_SECRET, "sqs:SendMessage", "s3:PutObject", "s3:GetObject", "s3:ListBucket"},
    "Watch": {READ_SECRET, "sqs:GetQueueAttributes"},
    "Rotate": {READ_SECRET, "secretsmanager:PutSecretValue", "secretsmanager:DescribeSecret",
               "secretsmanager:UpdateSecretVersionStage"},
    # Described: CDK's own grant on a secret that is not of our making.
    "Migrate": {READ_SECRET, "secretsmanager:PutSecretValue", "secretsmanager:DescribeSecret"},
}  # fmt: skip

# (who, what is wide) and why: whatever ends like the first, and is the second.
REASONS = {
    ("Role", "*"): "EC2 and X-Ray name no resource in these; the code is denied EC2",
    ("Role", "/claims/*"): "each event too large has a key of its own",
    ("Role", "/registry/*"): "a folder is granted, as that of claims is",
    # In a key's policy * is the key itself.
    ("Key", "*"): "a key's policy speaks of no other resource",
    ("Key", "kms:*"): "the account's own: without it nobody could manage the key",
    ("Key", "kms:GenerateDataKey*"): "AWS's words, for CloudWatch, and for Secrets Manager by CDK",
    ("Key", "kms:ReEncrypt*"): "CDK's, for who may use Secrets Manager, by way of it",
}


def wide(stage: Synthesised) -> Iterator[tuple[str, str]]:
    """Give who is allowed something wide, and what; a denial is as wide as it likes."""
    for one in every_statement(stage):
        if one.allows:
            yield from ((one.holder, wildcard) for wildcard in one.wildcards)


def reason(holder: str, wildcard: str) -> str | None:
    return next(
        (
            why
            for (who, what), why in REASONS.items()
            if holder.endswith(who)
            and (wildcard == what or (what.startswith("/") and wildcard.endswith(what)))
        ),
        None,
    )


def test_nothing_wide_is_allowed_without_a_reason(stage: Synthesised) -> None:
    assert {one for one in wide(stage) if reason(*one) is None} == set()


def test_every_reason_is_still_needed(prod: Synthesised) -> None:
    needed = {
        (who, what)
        for holder, wildcard in wide(prod)
        for who, what in REASONS
        if holder.endswith(who) and wildcard.endswith(what)
    }
    assert needed == set(REASONS)


@pytest.fixture
def prod(synthesised: Callable[[str], Synthesised]) -> Synthesised:
    return synthesised("prod")


@pytest.mark.parametrize("function", USES)
def test_a_function_is_allowed_what_its_code_asks_for(stage: Synthesised, function: str) -> None:
    allowed = {
        action
        for one in every_statement(stage)
        if one.allows and one.holder == f"{function}Role"
        for action in one.actions
    }
    traced = TRACES if stage.stage.function.tracing else set()
    attached = NETWORK if "VpcConfig" in functions(stage)[function] else set()
    keyed = {action for action in allowed if action.startswith("kms:")}

    assert allowed - keyed == USES[function] | LOGS | traced | attached
    assert bool(keyed) is stage.stage.customer_key
    assert keyed <= {"kms:Decrypt", "kms:GenerateDataKey"}


def test_every_function_has_a_role_of_its_own(stage: Synthesised) -> None:
    roles = [properties["Role"]["Fn::GetAtt"][0] for properties in functions(stage).values()]

    assert set(functions(stage)) == set(USES)
    assert len(set(roles)) == len(roles)


def test_no_role_has_a_policy_of_aws_s_making(stage: Synthesised) -> None:
    for name, role in stage.resources("AWS::IAM::Role").items():
        assert "ManagedPolicyArns" not in role["Properties"], name


def test_whoever_is_allowed_anything_is_known(stage: Synthesised) -> None:
    """A new holder is to be looked at, and given its line here or in the tables above."""
    holders = {one.holder for one in every_statement(stage) if one.allows}
    known = {f"{function}Role" for function in USES} | {
        # The network's, to log what it rejected; the keys; and CloudWatch's way to the topics.
        "NetworkVpcRejectedIAMRole",
        "Key",
        "AlarmsKey",
        "AlarmsTopicPolicy",
        "AlarmsPagesPolicy",
    }
    assert holders - known == set()


def test_the_code_of_a_function_moves_no_interface(stage: Synthesised) -> None:
    """Lambda itself does, under the function's role; then the key of the condition is absent."""
    for function, properties in functions(stage).items():
        denied = [
            one
            for one in every_statement(stage)
            if not one.allows and one.holder.startswith(f"{function}Role")
        ]
        if "VpcConfig" not in properties:
            assert denied == []
            continue
        [one] = denied
        assert set(one.actions) == NETWORK
        assert one.conditions == {"Null": {"lambda:SourceFunctionArn": "false"}}


def test_whoever_may_call_a_function_is_named(stage: Synthesised) -> None:
    callers = {
        permission["Properties"]["Principal"]
        for permission in stage.resources("AWS::Lambda::Permission").values()
    }
    rotating = {"secretsmanager.amazonaws.com"} if stage.stage.rotates_secrets else set()
    assert callers == {"apigateway.amazonaws.com", "events.amazonaws.com"} | rotating
    for permission in stage.resources("AWS::Lambda::Permission").values():
        # It is one secret's rotation for each of three, and names itself by its account.
        by_account = permission["Properties"]["Principal"] in rotating
        assert ("SourceAccount" if by_account else "SourceArn") in permission["Properties"]
