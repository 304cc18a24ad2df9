"""What stands in for the database: the accept queue, the objects, and who may touch them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from stacks.constructs.object_store import Folder
from tests.infra.synthesis import (
    Resource,
    Synthesised,
    as_list,
    functions,
    stage_named,
    statements,
)
from tillgate.adapters.accept_queue import SqsAcceptQueue
from tillgate.domain.queued import QueuedEvents
from tillgate.domain.registry_snapshot import SNAPSHOT_KEY
from tillgate.domain.tenant import TenantId

if TYPE_CHECKING:
    from collections.abc import Callable

    from stacks.stages import StageConfig

FOURTEEN_DAYS_SECONDS = 14 * 24 * 3600
CONSUMING = (
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueAttributes",
)
# (action, on what): all that a function may do to queues and objects.
GRANTS = {
    "Ingest": {
        ("sqs:SendMessage", "queue"),
        ("s3:PutObject", "objects/claims/*"),
        ("s3:GetObject", "objects/registry/*"),
        ("s3:ListBucket", "objects where the key begins registry/*"),
    },
    "Accept": {
        *((action, "queue") for action in CONSUMING),
        ("sqs:SendMessage", "dead letters"),
        ("s3:GetObject", "objects/claims/*"),
        ("s3:ListBucket", "objects where the key begins claims/*"),
    },
    "Health": {("sqs:GetQueueAttributes", "queue")},
    "Sweep": {
        ("s3:PutObject", "objects/registry/*"),
        ("s3:GetObject", "objects/registry/*"),
        ("s3:ListBucket", "objects where the key begins registry/*"),
        ("sqs:SendMessage", "deliveries"),
        ("sqs:SendMessage", "redriven"),
    },
    "Deliver": {
        *((action, queue) for queue in ("deliveries", "redriven") for action in CONSUMING),
        ("sqs:SendMessage", "undeliverable"),
    },
    "Api": set(),
    "Probe": set(),
    "Migrate": set(),
}
# What every function may do besides; its secrets have a test of their own.
EVERYWHERE = {"logs", "ec2", "xray", "secretsmanager", "kms"}


# By what their logical ids hold; the longer names first.
QUEUES = {
    "AcceptQueueDeadLetters": "dead letters",
    "AcceptQueue": "queue",
    "QueuesDeadLetters": "undeliverable",
    "QueuesDelivery": "deliveries",
    "QueuesRedrive": "redriven",
}


def queues(stage: Synthesised) -> tuple[Resource, Resource]:
    """Give the accept queue and its dead letters."""
    dead_letters, queue = sorted(
        stage.resources("AWS::SQS::Queue", stack="Data").values(),
        key=lambda q: "RedrivePolicy" in q["Properties"],
    )
    return queue, dead_letters


def bucket(stage: Synthesised) -> Resource:
    (found,) = stage.resources("AWS::S3::Bucket").values()
    return found


def target(statement: dict[str, Any], resource: Any) -> str:  # noqa: ANN401 - CloudFormation's
    joined = resource.get("Fn::Join", ["", [resource, ""]])[1]
    text = str(joined[0])
    for name, what in QUEUES.items():
        if name in text:
            return what
    assert "ObjectsBucket" in text, resource
    if "Condition" not in statement:
        return f"objects{joined[1]}"
    # IfExists: nobody says whether a read carries the prefix when S3 chooses 404 or 403.
    ((operator, keys),) = statement["Condition"].items()
    assert operator == "StringLikeIfExists"
    return f"objects{joined[1]} where the key begins {keys['s3:prefix']}"


@pytest.mark.parametrize("function", GRANTS)
def test_a_function_may_do_its_part_and_no_more(stage: Synthesised, function: str) -> None:
    granted = {
        (action, target(s, resource))
        for s in statements(stage, function)
        for action in as_list(s["Action"])
        if action.partition(":")[0] not in EVERYWHERE
        for resource in as_list(s["Resource"])
    }
    assert granted == GRANTS[function]


class LargeMessages:
    """As much of a secret box, of S3 and of SQS as a message above SQS's limit needs."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def seal(self, _plain: bytes, *, context: str) -> bytes:
        assert context
        return bytes(2 * 1024 * 1024)

    def put(self, key: str, _body: bytes) -> None:
        self.keys.append(key)

    def call(self, _target: str, request: dict[str, str]) -> dict[str, str]:
        body = request["MessageBody"].encode()
        return {"MD5OfMessageBody": hashlib.md5(body, usedforsecurity=False).hexdigest()}


def test_what_is_written_lies_in_the_folders_that_are_granted() -> None:
    aws = LargeMessages()
    SqsAcceptQueue(aws, aws, aws, queue_url="https://sqs.test/q").put(  # type: ignore[arg-type]  # A fake.
        QueuedEvents(
            message_id="m",
            tenant_id=TenantId(str(UUID(int=1))),
            token_digest=b"",
            received_at=datetime(2026, 11, 1, tzinfo=UTC),
            rid="r",
            events=(),
        )
    )
    (claim,) = aws.keys
    assert claim.startswith(Folder.CLAIMS)
    assert SNAPSHOT_KEY.startswith(Folder.REGISTRY)


def test_what_waits_is_kept_as_long_as_sqs_can(stage: Synthesised) -> None:
    assert [q["Properties"]["MessageRetentionPeriod"] for q in queues(stage)] == [
        FOURTEEN_DAYS_SECONDS,
        FOURTEEN_DAYS_SECONDS,
    ]


def test_what_waits_may_be_as_large_as_sqs_takes(stage: Synthesised) -> None:
    for queue in queues(stage):
        assert queue["Properties"]["MaximumMessageSize"] == 1024 * 1024


def test_no_outage_makes_a_dead_letter(stage: Synthesised) -> None:
    queue, _ = queues(stage)
    redrive = queue["Properties"]["RedrivePolicy"]
    assert redrive["maxReceiveCount"] == 1000
    assert redrive["deadLetterTargetArn"]["Fn::GetAtt"][0].startswith("AcceptQueueDeadLetters")


def test_a_queue_that_is_retained_does_not_stand_in_the_way_of_the_next(
    stage: Synthesised,
) -> None:
    for queue in queues(stage):
        assert "QueueName" not in queue["Properties"]
        # It would hold the other's name.
        assert "RedriveAllowPolicy" not in queue["Properties"]


def test_a_message_stays_out_of_sight_for_six_time_outs(stage: Synthesised) -> None:
    queue, _ = queues(stage)
    assert queue["Properties"]["VisibilityTimeout"] == 6 * functions(stage)["Accept"]["Timeout"]


def test_queues_and_objects_are_reached_by_tls_only(stage: Synthesised) -> None:
    policies = [
        *stage.resources("AWS::SQS::QueuePolicy").values(),
        *stage.resources("AWS::S3::BucketPolicy").values(),
    ]
    denials = [
        (s["Effect"], s["Action"], s["Principal"], s["Condition"])
        for policy in policies
        for s in policy["Properties"]["PolicyDocument"]["Statement"]
        if "Bool" in s["Condition"]
    ]
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    assert denials == [
        *[("Deny", "sqs:*", {"AWS": "*"}, insecure)] * len(stage.resources("AWS::SQS::Queue")),
        ("Deny", "s3:*", {"AWS": "*"}, insecure),
    ]


def test_objects_are_private(stage: Synthesised) -> None:
    properties = bucket(stage)["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_claims_expire_and_the_registry_never_does(stage: Synthesised) -> None:
    rules = bucket(stage)["Properties"]["LifecycleConfiguration"]["Rules"]
    assert {r["Prefix"]: r["ExpirationInDays"] for r in rules if "ExpirationInDays" in r} == {
        "claims/": 30
    }
    (uploads,) = [r for r in rules if "AbortIncompleteMultipartUpload" in r]
    assert uploads["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert "Prefix" not in uploads
    assert {r["Status"] for r in rules} == {"Enabled"}


@pytest.mark.parametrize(
    ("name", "on_delete", "on_replacement"),
    [
        ("local", "Delete", "Delete"),
        ("dev", "Delete", "Delete"),
        ("prod", "RetainExceptOnCreate", "Retain"),
        ("external", "RetainExceptOnCreate", "Retain"),
    ],
)
def test_what_was_acknowledged_outlives_prods_stack(
    synthesised: Callable[[str], Synthesised], name: str, on_delete: str, on_replacement: str
) -> None:
    stage = synthesised(name)
    for resource in (*queues(stage), bucket(stage)):
        assert resource["DeletionPolicy"] == on_delete
        assert resource["UpdateReplacePolicy"] == on_replacement


def test_accept_is_fed_through_its_live_alias(stage: Synthesised) -> None:
    (source,) = stage.resources("AWS::Lambda::EventSourceMapping", stack="Ingest").values()
    function = str(source["Properties"]["FunctionName"])
    queue = str(source["Properties"]["EventSourceArn"])

    assert "AcceptLive" in function
    assert function.endswith("':live']]}")
    assert "AcceptQueue" in queue
    assert "DeadLetters" not in queue
    wired = {"FunctionName", "EventSourceArn", "Tags"}
    # No batching window among them: what waited has waited long enough.
    assert {k: v for k, v in source["Properties"].items() if k not in wired} == {
        "BatchSize": 10,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": stage.stage.accept_concurrency},
    }


@pytest.mark.parametrize(("name", "concurrency"), [("local", 2), ("dev", 2), ("prod", 5)])
def test_a_database_that_just_recovered_is_not_run_over(name: str, concurrency: int) -> None:
    stage: StageConfig = stage_named(name)
    assert stage.accept_concurrency == concurrency
    assert 2 <= stage.accept_concurrency <= 5


def test_a_batch_ends_before_its_function_does(stage: Synthesised) -> None:
    accept = functions(stage)["Accept"]
    assert accept["Timeout"] == 30
    assert accept["Environment"]["Variables"]["BATCH_SECONDS"] == "20"


def test_sweep_runs_every_minute(stage: Synthesised) -> None:
    (rule,) = (
        rule
        for name, rule in stage.resources("AWS::Events::Rule").items()
        if name.startswith("Sweep")
    )
    (wired,) = rule["Properties"]["Targets"]
    assert rule["Properties"]["ScheduleExpression"] == "rate(1 minute)"
    assert wired["Arn"]["Ref"].startswith("SweepLive")
    assert wired["RetryPolicy"] == {"MaximumRetryAttempts": 0}


def test_a_minute_that_sweep_missed_is_not_made_up_for(stage: Synthesised) -> None:
    (invoke,) = [
        found["Properties"]
        for logical_id, found in stage.resources("AWS::Lambda::EventInvokeConfig").items()
        if logical_id.startswith("Sweep")
    ]
    assert invoke["MaximumRetryAttempts"] == 0
    # Throttled calls are no retries: Lambda repeats them until they are too old.
    assert invoke["MaximumEventAgeInSeconds"] == 60
