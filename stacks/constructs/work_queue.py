"""A queue that a function works off, and where its messages end that nothing can be done with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs

if TYPE_CHECKING:
    from aws_cdk import RemovalPolicy
    from constructs import Construct

# The most that SQS takes, of each.
RETENTION = Duration.days(14)
MAX_MESSAGE_BYTES = 1024 * 1024
MAX_RECEIVES = 1000
# AWS asks for six times the function's time-out: pollers also hold what they cannot hand over.
VISIBILITY_FACTOR = 6


class DeadLetters(sqs.Queue):
    """Neither it nor its queues have a name of ours.

    One that is retained would stand in the way of the next.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, removal_policy: RemovalPolicy
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            max_message_size_bytes=MAX_MESSAGE_BYTES,
            retention_period=RETENTION,
            removal_policy=removal_policy,
        )


class WorkQueue(sqs.Queue):
    """``function_timeout`` is that of the function which works it off."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        dead_letters: DeadLetters,
        function_timeout: Duration,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
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
