"""A queue that a function works off, and where its messages end that nothing can be done with."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs

from stacks.constructs.encryption import allow_through

if TYPE_CHECKING:
    from aws_cdk import RemovalPolicy
    from aws_cdk.aws_kms import IKey
    from constructs import Construct

# The most that SQS takes, of each.
RETENTION = Duration.days(14)
MAX_MESSAGE_BYTES = 1024 * 1024
MAX_RECEIVES = 1000
# AWS asks for six times the function's time-out: pollers also hold what they cannot hand over.
VISIBILITY_FACTOR = 6


# For how long one data key serves a queue. SQS asks KMS for another after it: three calls an hour
# and queue, some $0.03 a month for all five. And for so long a queue lives without KMS.
DATA_KEY_REUSE = Duration.hours(1)


class _Encryption(TypedDict, total=False):
    encryption: sqs.QueueEncryption
    encryption_master_key: IKey
    data_key_reuse: Duration


def _encryption(key: IKey | None) -> _Encryption:
    if key is None:
        return {"encryption": sqs.QueueEncryption.SQS_MANAGED}
    return {
        "encryption": sqs.QueueEncryption.KMS,
        "encryption_master_key": key,
        "data_key_reuse": DATA_KEY_REUSE,
    }


class _Queue(sqs.Queue):
    """Whoever may use it may use its key, by way of it."""

    def grant(self, grantee: iam.IGrantable, *actions: str) -> iam.Grant:
        if "sqs:SendMessage" in actions:
            allow_through("sqs", self.encryption_master_key, grantee, writes=True)
        return super().grant(grantee, *actions)

    def grant_consume_messages(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let a function be fed from the queue, which is when CDK calls this.

        CDK's own would let it use the key for anything, and ask for the queue's URL as well.
        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
        """
        allow_through("sqs", self.encryption_master_key, grantee, writes=False)
        return self.grant(
            grantee,
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:GetQueueAttributes",
        )


class DeadLetters(_Queue):
    """Neither it nor its queues have a name of ours.

    One that is retained would stand in the way of the next.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        removal_policy: RemovalPolicy,
        key: IKey | None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            **_encryption(key),
            enforce_ssl=True,
            max_message_size_bytes=MAX_MESSAGE_BYTES,
            retention_period=RETENTION,
            removal_policy=removal_policy,
        )


class WorkQueue(_Queue):
    """``function_timeout`` is that of the function which works it off."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        dead_letters: DeadLetters,
        function_timeout: Duration,
        removal_policy: RemovalPolicy,
        key: IKey | None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            **_encryption(key),
            enforce_ssl=True,
            max_message_size_bytes=MAX_MESSAGE_BYTES,
            retention_period=RETENTION,
            removal_policy=removal_policy,
            visibility_timeout=Duration.seconds(function_timeout.to_seconds() * VISIBILITY_FACTOR),
            # Not a count of tries. Our own code moves a message that is truly bad at once;
            # and in an outage each message is made invisible for 15 minutes at most, which
            # is some 110 receives in 24 hours, and none of them may end as a dead letter.
            # What is left is the message that kills its worker each time.
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=dead_letters, max_receive_count=MAX_RECEIVES
            ),
        )
