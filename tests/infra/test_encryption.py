"""What a stage keeps is encrypted: where it holds merchants' data, with a key of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.infra.policies import every_statement
from tests.infra.synthesis import Synthesised, as_list

if TYPE_CHECKING:
    from collections.abc import Callable

# Where a template says which key, by the type of what is encrypted.
SAYS = {
    "AWS::SecretsManager::Secret": "KmsKeyId",
    "AWS::SQS::Queue": "KmsMasterKeyId",
    "AWS::Logs::LogGroup": "KmsKeyId",
}
OWN = ["prod", "external"]
OURS = "Key961B73FD"


@pytest.fixture(params=OWN)
def own(request: pytest.FixtureRequest, synthesised: Callable[[str], Synthesised]) -> Synthesised:
    return synthesised(request.param)


def is_ours(value: object) -> bool:
    """Tell whether a property names the stage's key, from its own stack or another."""
    return OURS in str(value)


@pytest.mark.parametrize("kind", SAYS)
def test_whatever_prod_keeps_is_under_its_own_key(own: Synthesised, kind: str) -> None:
    there = own.resources(kind)
    bare = {name for name, r in there.items() if not is_ours(r["Properties"].get(SAYS[kind]))}
    assert there
    assert bare == set()


def encryption(bucket: dict[str, Any]) -> dict[str, Any]:
    [rule] = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert isinstance(rule, dict)
    return rule


def test_objects_of_prod_are_under_its_own_key(own: Synthesised) -> None:
    for bucket in own.resources("AWS::S3::Bucket").values():
        rule = encryption(bucket)
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
        assert is_ours(rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"])
        # One data key for the bucket: not a call, and its price, for each object.
        assert rule["BucketKeyEnabled"] is True


def test_a_queue_asks_for_a_data_key_once_an_hour(own: Synthesised) -> None:
    """Each time is billed: three calls a queue and hour, or 36 with SQS's default."""
    for queue in own.resources("AWS::SQS::Queue").values():
        assert queue["Properties"]["KmsDataKeyReusePeriodSeconds"] == 3600


@pytest.mark.parametrize("name", ["local", "dev"])
def test_elsewhere_aws_keeps_the_keys(synthesised: Callable[[str], Synthesised], name: str) -> None:
    stage = synthesised(name)
    assert not stage.resources("AWS::KMS::Key", stack="Data")
    for queue in stage.resources("AWS::SQS::Queue").values():
        assert queue["Properties"]["SqsManagedSseEnabled"] is True
    for bucket in stage.resources("AWS::S3::Bucket").values():
        assert encryption(bucket)["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_every_topic_is_encrypted_with_a_key_that_alarms_may_use(stage: Synthesised) -> None:
    keys = stage.resources("AWS::KMS::Key", stack="Observability") if stage.stage.has_alarms else {}
    alarms = {
        key
        for key, resource in keys.items()
        for one in resource["Properties"]["KeyPolicy"]["Statement"]
        if one["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        and set(as_list(one["Action"])) == {"kms:Decrypt", "kms:GenerateDataKey*"}
    }
    for topic in stage.resources("AWS::SNS::Topic").values():
        assert topic["Properties"]["KmsMasterKeyId"]["Fn::GetAtt"][0] in alarms


def test_every_key_changes_each_year_and_outlives_a_slip(stage: Synthesised) -> None:
    for resource in stage.resources("AWS::KMS::Key").values():
        assert resource["Properties"]["EnableKeyRotation"] is True
    for resource in stage.resources("AWS::KMS::Key", stack="Data").values():
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resource["Properties"]["PendingWindowInDays"] == 30


def test_a_role_uses_the_key_by_way_of_a_service_only(own: Synthesised) -> None:
    used = [
        one
        for one in every_statement(own)
        if any(action.startswith("kms:") for action in one.actions) and "Key" not in one.holder
    ]
    assert len(used) > 8
    for one in used:
        [(operator, condition)] = one.conditions.items()
        [(key, service)] = condition.items()
        assert (operator, key) == ("StringEquals", "kms:ViaService"), one.holder
        name = service["Fn::Join"][1][0].rstrip(".")
        services = {action.partition(":")[0] for s in every_statement(own)
                    if s.holder == one.holder for action in s.actions}  # fmt: skip
        # Of no service that the role may not use at all.
        assert name in services, one.holder


def test_who_sends_to_a_queue_may_encrypt_and_who_is_fed_from_it_decrypt(own: Synthesised) -> None:
    for holder in ("IngestRole", "SweepRole", "AcceptRole", "DeliverRole"):
        allowed = {
            action
            for one in every_statement(own)
            if one.holder.startswith(holder) and "sqs." in str(one.conditions)
            for action in one.actions
        }
        assert allowed == {"kms:Decrypt", "kms:GenerateDataKey"}, holder


def test_only_this_stage_s_log_groups_are_encrypted_with_it(own: Synthesised) -> None:
    [key] = own.resources("AWS::KMS::Key", stack="Data").values()
    [logs] = [
        one
        for one in key["Properties"]["KeyPolicy"]["Statement"]
        if one.get("Sid") == "LogGroupsOfThisStage"
    ]
    [(name, groups)] = logs["Condition"]["ArnLike"].items()

    assert logs["Principal"]["Service"]["Fn::Join"][1][0] == "logs."
    assert name == "kms:EncryptionContext:aws:logs:arn"
    assert groups["Fn::Join"][1][-1] == f":log-group:Tillgate-{own.stage.name}-*"
    # CloudFormation begins a name that is not given with the stack's.
    for group in own.resources("AWS::Logs::LogGroup").values():
        assert "LogGroupName" not in group["Properties"]
    assert all(own.manifest["artifacts"].get(f"Tillgate-{own.stage.name}-{stack}")
               for stack in own.templates)  # fmt: skip


def test_a_cluster_keeps_the_key_that_it_was_made_with(own: Synthesised) -> None:
    """Another would replace it: CloudFormation would make an empty one."""
    for cluster in own.resources("AWS::RDS::DBCluster").values():
        assert "KmsKeyId" not in cluster["Properties"]
        assert cluster["Properties"]["StorageEncrypted"] is True
